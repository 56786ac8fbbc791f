"""How fast the networks are, and how that was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.report.cell_texts import NOTHING
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
REFERENCE = "reference"


@dataclass(frozen=True)
class Speed:
    """A figure of speed in words.

    Attributes:
        figure: with half of its 95 % interval, or an em dash.
        reason: why there is none; empty where there is one.
        ratio: how many times as fast as the reference's it is, of the same rounds.
        ratio_reason: how that is to be read, if it does not speak for itself.
    """

    figure: str
    reason: str
    ratio: str
    ratio_reason: str


@dataclass(frozen=True)
class NetworkSpeeds:
    """How fast a network is.

    Attributes:
        network: its label.
        inference, latency: of a batch, and of a single image.
        trainings: of a step with each loss, whose label stands first.
        blocks: how many of the blocks that were measured count.
    """

    network: str
    inference: Speed
    latency: Speed
    trainings: tuple[tuple[str, Speed], ...]
    blocks: str


def network_speeds(timed: Sequence[Measurement]) -> dict[str, list[NetworkSpeeds]]:
    """Return how fast the networks are that could be timed, by the reference's label."""
    beside: dict[str, list[NetworkSpeeds]] = {}
    for measured in timed:
        if measured.timings:
            clean, blocks = measured.counts
            reference = measured.reference.label if measured.reference else measured.case.label
            found = NetworkSpeeds(
                network=measured.case.label,
                inference=_images_per_s(measured, INFERENCE),
                latency=_latency_ms(measured),
                trainings=tuple(
                    (one.loss.label, _images_per_s(measured, training_figure(one.loss)))
                    for one in measured.case.trainings
                ),
                blocks=f"{clean} of {blocks}",
            )
            beside.setdefault(reference, []).append(found)
    return beside


def speeds(timed: Sequence[Measurement]) -> str:
    """Return a table in Markdown of the networks with their losses, one for each reference."""
    return "\n\n".join(
        table(HEADER, [row for network in found for row in _rows(network)], numeric_from=2)
        for found in network_speeds(timed).values()
    )


def _rows(found: NetworkSpeeds) -> Iterator[list[str]]:
    """One for each loss; what does not depend on it stands in the first one."""
    for number, (loss, training) in enumerate(found.trainings):
        row = [
            markdown(found.network),
            markdown(loss),
            *(found.inference.figure, found.inference.ratio),
            *(training.figure, training.ratio),
            *(found.latency.figure, found.latency.ratio),
            found.blocks,
        ]
        yield [text if number == 0 or place in OF_LOSS else "" for place, text in enumerate(row)]


def _images_per_s(measured: Measurement, figure: str) -> Speed:
    speed = measured.images_per_s(figure)
    return _in_words(measured, figure, None if speed is None else shown(speed, 0))


def _latency_ms(measured: Measurement) -> Speed:
    seconds = measured.seconds(LATENCY)
    return _in_words(measured, LATENCY, None if seconds is None else shown(seconds.times(1000), 1))


def _in_words(measured: Measurement, figure: str, text: str | None) -> Speed:
    ratio, ratio_reason = NOTHING, ""
    if measured.reference is None:
        ratio = NOTHING if text is None else REFERENCE
    elif (times := measured.times_as_fast(figure)) is not None:
        ratio = shown_ratio(times)
        ratio_reason = "" if ratio == shown(times, 3) else f"{shown(times, 3)}: may as well be 1"
    else:
        ratio_reason = "the two have no undisturbed round in common"
    reason = why_absent(measured, figure) if text is None else ""
    return Speed(text or NOTHING, reason, ratio, reason or ratio_reason)


def why_absent(measured: Measurement | None, figure: str) -> str:
    """Return why a network has no such figure."""
    if measured is None:
        return "not measured"
    if measured.failure is not None:
        return f"withheld: {measured.failure}"
    timing = measured.timings.get(figure)
    if timing is not None and timing.withheld is not None:
        return f"withheld: {timing.withheld}"
    return "not measured"


def shown_ratio(ratio: Median) -> str:
    """Return a multiple of the reference's speed, unless it could as well be none."""
    if ratio.half_width is not None and not ratio.differs_from_one:
        return "no difference"
    return shown(ratio, 3)


def how_timed(timed: Sequence[Measurement]) -> list[str]:
    """Return on what, how, and beside which reference throughput was measured, and how often."""
    alike: dict[str, list[Measurement]] = {}
    for measured in timed:
        if measured.timings:
            alike.setdefault(_setup(measured), []).append(measured)
    times = Counter(measured.case.label for measured in timed if measured.timings)
    return [
        *(f"{setup}; {_quality(group)}" for setup, group in alike.items()),
        *(
            f"{label}: timed {count} times; of each figure the latest counts."
            for label, count in times.items()
            if count > 1
        ),
    ]


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
