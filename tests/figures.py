"""Measured figures and the bounds that they have to keep."""

import json
import os
from pathlib import Path
from typing import NamedTuple

KEPT_IN = "MASKDEPTH_FIGURES"  # names, in the environment, a file that figures are added to


class Figure(NamedTuple):
    """A measured figure.

    Attributes:
        what: was measured, with the unit if there is one.
        value: of it.
        at_least, at_most: the bounds; None where there is none.
        remark: what else there is to say.
    """

    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None
    remark: str = ""

    @property
    def holds(self):
        """Whether it keeps its bounds; a figure that is not a number keeps none."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def bounds(self):
        bounds = {"≥": self.at_least, "≤": self.at_most}
        return " ".join(f"{sign} {bound:g}" for sign, bound in bounds.items() if bound is not None)

    def keep(self):
        """Add it to the file that the environment names, if it names one; tell whether it holds."""
        if path := os.environ.get(KEPT_IN):
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(json.dumps(self._asdict()) + "\n")
        return self.holds
