"""The one error a caller of this package has to expect."""

from __future__ import annotations

from user_code import in_one_line
from user_code.names import did_you_mean

__all__ = ["ArchitectureError", "did_you_mean", "in_one_line"]


class ArchitectureError(ValueError):
    """A network or an option that cannot be had; one line that says what would be right."""
