"""Which of the test images that can be shown are worth a look?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
BEFOREHAND = 2  # images that are shown whatever was predicted of them


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a metric says of the images.

    Attributes:
        name: the metric's, for readers.
        values: (R, N) of each row and image; NaN where there is none.
        higher_is_better: whether more is better.
    """

    name: str
    values: Values
    higher_is_better: bool


@dataclass(frozen=True)
class Example:
    """An image, by its place among the N, and why it is shown."""

    place: int
    reasons: tuple[str, ...]


def choose(judgements: Sequence[Judgement], count: int) -> list[Example]:
    """Choose among images that were drawn: the first, and for each metric three more.

    These are the median image and the worst one by the mean over the rows, and the one on which the
    rows differ most, by the standard deviation between them. Of an even number of images the better
    one of the two in the middle is the median; of equal ones the first counts as better, and as
    differing more. Rows without any value do not count; an image on which another row has none is
    not chosen.

    Args:
        judgements: of N images each.
        count: N.
    """
    reasons: dict[int, list[str]] = {}
    for place in range(min(BEFOREHAND, count)):
        reasons.setdefault(place, []).append("drawn beforehand")
    for judgement in judgements:
        for place, reason in _told_by(judgement):
            reasons.setdefault(place, []).append(reason)
    return [Example(place, tuple(why)) for place, why in reasons.items()]


def _told_by(judgement: Judgement) -> Iterator[tuple[int, str]]:
    values = judgement.values[~np.isnan(judgement.values).all(axis=1)]
    known = np.flatnonzero(~np.isnan(values).any(axis=0))
    if values.size == 0 or len(known) == 0:
        return
    values = values[:, known]
    sign = -1 if judgement.higher_is_better else 1
    best_first = np.argsort(sign * values.mean(axis=0), kind="stable")
    yield int(known[best_first[(len(known) - 1) // 2]]), f"median {judgement.name}"
    yield int(known[best_first[-1]]), f"worst {judgement.name}"
    if len(values) > 1:
        widest = int(np.argmax(values.std(axis=0)))
        yield int(known[widest]), f"rows differ most in {judgement.name}"
