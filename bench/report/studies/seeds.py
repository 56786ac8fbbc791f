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
        is_by_image: whether all were scored on the same images of the same data.
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
            return "not paired: the test images, or the data, are others and count as independent"
        if not self.is_by_seed:
            return "paired by test image, not by seed: the seeds are others"
        return "paired by seed and test image"


def stand_beside(one: BySeed, other: BySeed, task: str | None, asked: Collection[int]) -> Beside:
    """Choose the runs of a row that are compared.

    Seeds that both have are paired if the test images are the same; else all runs count. A run
    that collapsed, or whose partner did, counts only where no other run is left.

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
    is_by_image = {run.images for run in one.values()} == {run.images for run in other.values()}
    common = one.keys() & other.keys() if is_by_image else set()
    if common:
        if in_one := (one.keys() ^ other.keys()) - lacking:
            notes.append(f"compared without {_seeds(in_one)}, which only one study has")
        one, other = ({seed: side[seed] for seed in sorted(common)} for side in (one, other))
    failed, failed_of_b = ({s for s in side if task in side[s].collapsed} for side in (one, other))
    if failed or failed_of_b:
        is_worse = len(failed_of_b) / len(other) > len(failed) / len(one)
        said = f"collapsed in A: {_seeds(failed)}; in B: {_seeds(failed_of_b)}"
        (problems if is_worse else notes).append(said)
    left_out_of = [failed | failed_of_b] * 2 if common else [failed, failed_of_b]
    one, other = (
        {seed: run for seed, run in side.items() if seed not in without} or side
        for side, without in zip((one, other), left_out_of, strict=True)
    )
    return Beside(
        one=one,
        other=other,
        is_by_image=is_by_image,
        is_by_seed=bool(common),
        learnt=not any(task in run.collapsed for run in (*one.values(), *other.values())),
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _seeds(seeds: Collection[int]) -> str:
    listed = ", ".join(map(str, sorted(seeds)))
    return f"seed{'s' * (len(seeds) > 1)} {listed}" if seeds else "none"
