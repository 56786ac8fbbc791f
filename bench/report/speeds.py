"""How fast the networks are, in Markdown: a table, and below it how that was measured."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.setting import machine, size
from bench.report.tables import table
from bench.statistics.median import Median
from bench.study.measurement import Measurement, shown
from bench.study.timing_case import INFERENCE, LATENCY, training_figure
from bench.text import markdown

HEADER = (
    "architecture",
    "loss",
    "inference images/s ↑",
    "to the reference",
    "training images/s ↑",
    "to the reference",
    "latency ms ↓",
    "to the reference",
    "clean blocks",
)
OF_LOSS = (1, 4, 5)  # the places of what depends on the loss


def speeds(timed: Sequence[Measurement]) -> str:
    """Return a table of the networks with their losses, for each reference one of its own."""
    beside: dict[str, list[list[str]]] = {}
    for measured in timed:
        if measured.timings:
            reference = measured.reference.label if measured.reference else measured.case.label
            beside.setdefault(reference, []).extend(_rows(measured))
    return "\n\n".join(table(HEADER, rows, numeric_from=2) for rows in beside.values())


def _rows(measured: Measurement) -> list[list[str]]:
    """One for each loss; what does not depend on it stands in the first one."""
    clean, blocks = measured.counts
    alone, latency = _speed(measured, INFERENCE), _latency(measured)
    rows = []
    for number, training in enumerate(measured.case.trainings):
        row = [
            markdown(measured.case.label),
            markdown(training.loss.label),
            *alone,
            *_speed(measured, training_figure(training.loss)),
            *latency,
            f"{clean} of {blocks}",
        ]
        rows.append(
            [text if number == 0 or place in OF_LOSS else "" for place, text in enumerate(row)]
        )
    return rows


def _speed(measured: Measurement, figure: str) -> list[str]:
    speed = measured.images_per_s(figure)
    return ["—" if speed is None else shown(speed, 0), _beside(measured, figure)]


def _latency(measured: Measurement) -> list[str]:
    seconds = measured.seconds(LATENCY)
    text = "—" if seconds is None else shown(seconds.times(1000), 1)
    return [text, _beside(measured, LATENCY)]


def _beside(measured: Measurement, figure: str) -> str:
    if measured.reference is None:
        return "—" if measured.seconds(figure) is None else "reference"
    ratio = measured.times_as_fast(figure)
    return "—" if ratio is None else shown_ratio(ratio)


def shown_ratio(ratio: Median) -> str:
    """Return a multiple of the reference's speed, unless it could as well be none."""
    if ratio.half_width is not None and not ratio.differs_from_one:
        return "no difference"
    return shown(ratio, 3)


def how_timed(timed: Sequence[Measurement]) -> list[str]:
    """Return on what, how, and beside which reference throughput was measured."""
    alike: dict[str, list[Measurement]] = {}
    for measured in timed:
        if measured.timings:
            alike.setdefault(_setup(measured), []).append(measured)
    return [f"{setup}; {_quality(group)}" for setup, group in alike.items()]


def _setup(measured: Measurement) -> str:
    case, reference = measured.case, measured.reference
    return (
        f"Throughput: each network in a process of its own on {machine(measured.environment)}; "
        f"{case.precision}, batch {case.recipe.batch_size} of {size(case.image_size)}, decoding "
        f"apart; in rounds, in turn with the reference "
        f"{case.label if reference is None else reference.label}"
    )


def _quality(group: Sequence[Measurement]) -> str:
    """How much was undisturbed, and how well the figures are known."""
    clean, blocks = (sum(counts) for counts in zip(*(m.counts for m in group), strict=True))
    rounds = [len(t.by_round) for measured in group for t in measured.timings.values()]
    known = [
        seconds.half_width / seconds.value
        for measured in group
        for timing in measured.timings.values()
        if (seconds := timing.seconds) is not None and seconds.half_width is not None
    ]
    spread = f"; ± up to {max(known):.0%} (half of the 95 % interval)" if known else ""
    count = f"{min(rounds)}" if min(rounds) == max(rounds) else f"{min(rounds)} to {max(rounds)}"
    return f"{clean} of {blocks} blocks undisturbed by other programs, in {count} rounds{spread}."
