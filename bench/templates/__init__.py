"""What does a part of a user's own begin with? Files that work as they are, one a kind of part.

Each is written for a part called `NAME`; `write` puts another name in its place.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from enum import StrEnum
from pathlib import Path

from bench.errors import InputError
from bench.files import write_atomically

FOLDER = Path(__file__).parent
NAME = "my_part"


class Kind(StrEnum):
    """What can be begun."""

    ARCHITECTURE = "architecture"
    LOSS = "loss"
    METRIC = "metric"
    LAYOUT = "layout"


_ENDINGS = dict.fromkeys(Kind, ".py") | {Kind.LAYOUT: ".yaml"}


def write(kind: Kind, name: str, file: Path | None = None) -> Path:
    """Write the beginning of a part of a user's own.

    Args:
        kind: of the part.
        name: of the part.
        file: to write; by default one of the part's name in the working folder.

    Returns:
        The file.

    Raises:
        InputError: the name is none for Python, or that of a module which the file would hide; or
            the file exists, has the wrong ending or cannot be written.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(f"{name!r}: a name has letters, digits and underscores, as {NAME}")
    ending = _ENDINGS[kind]
    file = Path(f"{name}{ending}") if file is None else file
    if file.suffix != ending:
        raise InputError(f"--out {file}: the file of a new {kind} ends in {ending}")
    if file.exists():
        raise InputError(f"{file} exists already; give another name, or --out FILE")
    if ending == ".py" and file.stem.isidentifier() and importlib.util.find_spec(file.stem):
        raise InputError(
            f"{file}: would hide the module {file.stem}, which it may import; give another name, "
            "or --out FILE"
        )
    template = (FOLDER / f"{kind}{ending}").read_text(encoding="utf-8")
    try:
        write_atomically(file, re.sub(rf"\b{NAME}\b", name, template).encode())
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from None
    return file


def next_commands(kind: Kind, name: str, file: Path) -> list[str]:
    """Return what to type, and to write into a grid, when a part's file has been edited."""
    if kind is Kind.LAYOUT:
        return [f"bench data check --grid {file}", f"bench run --grid {file} --dry-run"]
    section = {
        Kind.ARCHITECTURE: "architectures",
        Kind.LOSS: "losses",
        Kind.METRIC: "metrics",
    }[kind]
    others = "iou, rmse, " if kind is Kind.METRIC else ""
    return [f"bench check {file}:{name}", f"in a grid: {section}: [{others}{file}:{name}]"]
