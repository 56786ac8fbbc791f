"""What an inspection says: what is wrong, with which samples, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means for training."""

    ERROR = "error"  # training cannot go on
    WARNING = "warning"  # it can, but what comes out of it may be worth little
    NOTE = "note"  # good to know


@dataclass(frozen=True)
class Finding:
    """One kind of fault.

    Attributes:
        name: of the fault.
        severity: what it means for training.
        subjects: what has it: keys of samples, ids of backgrounds or names of entries.
        advice: what was seen and what to do about it, in a line or two.
        leave_out: the keys of the samples that `quarantine` leaves out on its account.
    """

    name: str
    severity: Severity
    subjects: tuple[str, ...]
    advice: str
    leave_out: tuple[str, ...] = ()


def faulty_samples(name: str, severity: Severity, keys: Iterable[str], advice: str) -> Finding:
    """A finding about samples that are better left out."""
    affected = tuple(keys)
    return Finding(name, severity, affected, advice, leave_out=affected)
