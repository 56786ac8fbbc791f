"""Which remarks are said, and of how many seeds?"""

from __future__ import annotations

from collections.abc import Iterator

from bench.events import Remark


class GroupedRemarks:
    """Remarks on cells that differ only in their seed: each is said once, and counted."""

    def __init__(self) -> None:
        self._about: dict[tuple[str, str], set[str]] = {}

    def is_new(self, remark: Remark) -> bool:
        """Note a remark, and return whether it has to be said."""
        if not remark.about:
            return True
        group = (_without_seed(remark.about), remark.text)
        is_new = group not in self._about
        self._about.setdefault(group, set()).add(remark.about)
        return is_new

    def counts(self) -> Iterator[tuple[str, str, int]]:
        """Give what was said of several seeds: about what, the text, and of how many."""
        for (name, text), about in self._about.items():
            if len(about) > 1:
                yield name, text, len(about)


def _without_seed(label: str) -> str:
    """A cell's label without its end, ``· seed 0``."""
    name, _, seed = label.rpartition(" · seed ")
    return name if seed.isdecimal() else label
