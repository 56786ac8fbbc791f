"""What a check says: its result, what was seen, and how to mend it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

LIBRARY = str(Path(torch.__file__).parent)
HERE = str(Path(__file__).parent)
FRAME = re.compile(r'File "([^"]+)", line (\d+)')
Subject = TypeVar("Subject")


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"  # it can be compared all the same
    SKIPPED = "skipped"  # another fault has to be mended first, or the time was up


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: which.
        status: how it ended.
        text: what was seen, in one line.
        fix: what to do about it, in one line; empty if there is nothing to do.
    """

    check: str
    status: Status
    text: str
    fix: str = ""


class Fault(Exception):  # noqa: N818 - a finding, not an error of this program
    """How a check says that what it examines does not pass."""

    def __init__(self, text: str, fix: str, *, status: Status = Status.FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.fix = fix
        self.status = status


def examine(check: str, ask: Callable[[], str]) -> Finding:
    """Ask a question; what it raises is the finding.

    Args:
        check: the question's name.
        ask: returns what it saw, or raises a `Fault`.
    """
    try:
        return Finding(check, Status.PASSED, ask())
    except Fault as fault:
        return Finding(check, fault.status, fault.text, fault.fix)
    except Exception as error:  # noqa: BLE001 - whatever the code does, the other checks go on
        return Finding(check, Status.FAILED, in_one_line(error), "mend what the message names")


def examine_all(checks: Mapping[str, Callable[[Subject], str]], subject: Subject) -> list[Finding]:
    """Ask questions about a subject; where the first does not pass, the others make no sense."""
    (first, ask), *others = [(name, partial(ask, subject)) for name, ask in checks.items()]
    found = examine(first, ask)
    if found.status is not Status.PASSED:
        needs = f"needs the check {first!r} to pass"
        return [found, *(Finding(name, Status.SKIPPED, needs) for name, _ in others)]
    return [found, *(examine(name, ask) for name, ask in others)]


def in_one_line(error: BaseException) -> str:
    """Type, first line and place of an error: ``ValueError: too small (mine.py:12)``."""
    first_line = str(error).strip().split("\n", 1)[0]
    frames = "".join(traceback.format_tb(error.__traceback__))
    where = innermost_place(frames)
    text = f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
    return f"{text} ({where})" if where else text


def innermost_place(trace: str) -> str:
    """File and line of the last frame in a printed trace that is the user's own code, if any."""
    places = [
        f"{Path(file).name}:{line}"
        for file, line in FRAME.findall(trace)
        if not file.startswith((LIBRARY, HERE, "<"))
    ]
    return places[-1] if places else ""


def listed(words: list[str], *, at_most: int = 4) -> str:
    """``a, b``; and how many more there are if they are too many to read."""
    rest = len(words) - at_most
    return ", ".join(words[:at_most]) + (f" and {rest} more" if rest > 0 else "")
