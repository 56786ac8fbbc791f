"""Which remarks are said, and of how many cells?"""

from __future__ import annotations

from collections.abc import Iterator

from bench.events import Remark


class GroupedRemarks:
    """Remarks on cells: what is the same for several is said of the first, and counted."""

    def __init__(self) -> None:
        self._about: dict[str, list[str]] = {}  # the labels of the cells, by the text

    def is_new(self, remark: Remark) -> bool:
        """Note a remark, and return whether it has to be said."""
        if not remark.about:
            return True
        is_new = remark.text not in self._about
        about = self._about.setdefault(remark.text, [])
        if remark.about not in about:
            about.append(remark.about)
        return is_new

    def counts(self) -> Iterator[tuple[str, str]]:
        """Give what was said of several cells: of how many, and the text."""
        for text, about in self._about.items():
            names = {_without_seed(label) for label in about}
            if len(names) > 1:
                yield f"said of {len(about)} cells, the first {about[0]}", text
            elif len(about) > 1:
                yield f"{names.pop()}: said of {len(about)} seeds", text


def _without_seed(label: str) -> str:
    """A cell's label without its end, ``· seed 0``."""
    name, _, seed = label.rpartition(" · seed ")
    return name if seed.isdecimal() else label
