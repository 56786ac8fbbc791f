"""Which runs of a row in study A stand beside which in study B, and what B lacks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bench.study.cell_scores import CellScores

BySeed = dict[int, CellScores]


@dataclass(frozen=True, eq=False)
class Beside:
    """The runs of a row that are compared.

    Attributes:
        one: of A.
        other: of B; of the same seeds and on the same images where ``is_by_seed``.
        is_by_image: whether all were scored on the same images.
        is_by_seed: whether besides each run of A has one of B with its seed.
        learnt: whether no run predicts the same whatever it sees.
        problems: what B lacks or has worse in kind; a gate does not pass it.
        notes: what else has to be known.
    """

    one: BySeed
    other: BySeed
    is_by_image: bool
    is_by_seed: bool
    learnt: bool
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def pairing(self) -> str:
        """How the values are set side by side."""
        if not self.is_by_image:
            return "not paired: the test images are others, and count as independent"
        if not self.is_by_seed:
            return "paired by test image, not by seed: the seeds are others"
        return "paired by seed and test image"


def stand_beside(one: BySeed, other: BySeed, task: str | None, asked: Collection[int]) -> Beside:
    """Choose the runs of a row that are compared.

    Seeds that both have are paired if the test images are the same; else all runs count. A run
    that collapsed counts only where no run of its study has learnt.

    Args:
        one: all runs of A, at least one.
        other: all runs of B, at least one.
        task: of the metric.
        asked: the seeds that B was to have.
    """
    problems, notes = [], []
    lacking = (one.keys() - other.keys()) & set(asked)
    if lacking:
        problems.append(f"B lacks {_seeds(lacking)}")
    failed, failed_of_b = ({s for s in side if task in side[s].collapsed} for side in (one, other))
    if len(failed_of_b) > len(failed):
        problems.append(f"collapsed in B: {_seeds(failed_of_b)}")
    elif failed:
        notes.append(f"collapsed in A: {_seeds(failed)}; in B: {_seeds(failed_of_b) or 'none'}")
    learnt = len(failed) < len(one) and len(failed_of_b) < len(other)
    one = {s: one[s] for s in sorted(one) if s not in failed} or one
    other = {s: other[s] for s in sorted(other) if s not in failed_of_b} or other
    is_by_image = {c.images for c in one.values()} == {c.images for c in other.values()}
    common = sorted(one.keys() & other.keys()) if is_by_image else []
    if common:
        left_out = (one.keys() ^ other.keys()) - lacking
        if left_out:
            notes.append(f"compared without {_seeds(left_out)}, which only one study has")
        one, other = ({seed: side[seed] for seed in common} for side in (one, other))
    return Beside(one, other, is_by_image, bool(common), learnt, tuple(problems), tuple(notes))


def _seeds(seeds: Collection[int]) -> str:
    listed = ", ".join(map(str, sorted(seeds)))
    return f"seed{'s' * (len(seeds) > 1)} {listed}" if seeds else ""
