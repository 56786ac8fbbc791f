"""Measurements on the terminal: three tables, a row a network and variant."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from bench.report.cell_texts import cost
from bench.report.setting import size
from bench.report.speeds import how_timed, shown_ratio
from bench.statistics.median import Median
from bench.study.measurement import Measurement, Memory, shown
from bench.study.timing_case import END_TO_END, INFERENCE, LATENCY, training_figure

Texts = Callable[[Measurement], Sequence[str | None]]


def print_results(console: Console, results: Sequence[Measurement]) -> None:
    """Speed, batch size, and what it takes; below them what failed, and how it was measured."""
    sound = [result for result in results if result.timings]
    if sound:
        first = sound[0].case
        common = f"batch {first.recipe.batch_size} of {size(first.image_size)}"
        console.print(_table(f"Speed at {common}", SPEED, _speed, sound))
        swept = [result for result in sound if result.sweep is not None]
        if swept:
            console.print(_table("Model alone, by batch size", SWEEP, _sweep, swept))
        console.print(_table(f"What it takes at {common}", COST, _cost, sound))
    for result in results:
        for problem in result.problems:
            console.print(f"{result.case.label}: {problem}", markup=False, highlight=False)
    lines = [*how_timed(sound), *(line for result in sound for line in _setting(result))]
    for line in dict.fromkeys(lines):
        console.print(line, style="dim", markup=False, highlight=False)
    console.print(
        "±: half of the 95 % interval; end to end / model: well below 100 %, the network waits for "
        "images",
        style="dim",
        highlight=False,
    )


def _table(
    title: str, headings: Sequence[str], texts: Texts, results: Sequence[Measurement]
) -> Table:
    """Columns without any figure are left out."""
    rows = [texts(result) for result in results]
    shown = [place for place in range(len(headings)) if any(row[place] for row in rows)]
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("architecture", overflow="fold")
    table.add_column("variant", overflow="fold")
    for place in shown:
        table.add_column(headings[place], justify="right", overflow="fold")
    for result, row in zip(results, rows, strict=True):
        case = result.case
        cells = [row[place] or "-" for place in shown]
        table.add_row(case.architecture.label, case.variant, *cells)
    return table


SPEED = (
    "model\nimages/s",
    "to the\nreference",
    "training\nimages/s",
    "to the\nreference",
    "end to end\nimages/s",
    "end to end\n/ model",
    "latency\nms",
    "to the\nreference",
    "latency\np99 ms",
    "clean\nblocks",
)


def _speed(result: Measurement) -> list[str | None]:
    training = training_figure(result.case.trainings[0].loss)
    whole, alone = result.images_per_s(END_TO_END), result.images_per_s(INFERENCE)
    latency, timing = result.seconds(LATENCY), result.timings.get(LATENCY)
    clean, blocks = result.counts
    return [
        _shown(alone, 0),
        _ratio(result.times_as_fast(INFERENCE)),
        _shown(result.images_per_s(training), 0),
        _ratio(result.times_as_fast(training)),
        _shown(whole, 0),
        None if whole is None or alone is None else f"{whole.value / alone.value:.0%}",
        None if latency is None else shown(latency.times(1000), 2),
        _ratio(result.times_as_fast(LATENCY)),
        None if timing is None else _scaled(timing.p99_s, 1e-3),
        f"{clean} of {blocks}",
    ]


SWEEP = ("at 1\nimages/s", "saturated\nimages/s", "from\nbatch", "ended")


def _sweep(result: Measurement) -> list[str | None]:
    swept = result.sweep
    if swept is None:
        return [None] * len(SWEEP)
    saturation = swept.saturation
    speeds = [f"{point.images_per_s:.0f}" for point in (swept.points[0], saturation)]
    return [*speeds, f"{saturation.batch_size}", swept.ended]


COST = (
    "parameters\nM",
    "forward\nGFLOP",
    "training\nGFLOP",
    "achieved\nTFLOP/s",
    "of a matrix\nproduct",
    "inference\nMiB",
    "training\nMiB",
    "energy\nmJ/image",
    "first run\ns",
)


def _cost(result: Measurement) -> list[str | None]:
    flops, achieved, peak = result.flops, result.achieved_flops_per_s, result.peak_flops_per_s
    return [
        _scaled(result.parameters, 1e6),
        None if flops is None else _scaled(flops.forward, 1e9),
        None if flops is None else _scaled(flops.training, 1e9),
        _scaled(achieved, 1e12, digits=3),
        None if achieved is None or peak is None else f"{achieved / peak:.0%}",
        _memory(result.inference_memory),
        _memory(result.training_memory),
        _scaled(result.joules_per_image, 1e-3),
        _scaled(result.first_run_s, 1),
    ]


def _setting(result: Measurement) -> list[str]:
    lines = []
    if result.flops is not None:
        lines.append(f"FLOPs by {result.flops.counter}; what it could not count is in the file")
    if states := result.device_states:
        clocks = [state.clock_mhz for state in states if state.clock_mhz is not None]
        heat = [state.temperature_c for state in states if state.temperature_c is not None]
        company = [state.foreign_processes or 0 for state in states]
        lines.append(
            f"{result.case.label}: {_range(clocks)} MHz, {_range(heat)} °C, "
            f"{max(company)} foreign processes on the GPU"
        )
    return lines


def _range(values: Sequence[int]) -> str:
    return f"{min(values)}-{max(values)}" if values else "?"


def _shown(figure: Median | None, decimals: int) -> str | None:
    return None if figure is None else shown(figure, decimals)


def _ratio(ratio: Median | None) -> str | None:
    return None if ratio is None else shown_ratio(ratio)


def _scaled(value: float | None, unit: float, digits: int = 2) -> str | None:
    return None if value is None else cost(value / unit, digits)


def _memory(memory: Memory | None) -> str | None:
    """Allocated, reserved and the process's, those that are known."""
    if memory is None:
        return None
    values = (memory.allocated_mib, memory.reserved_mib, memory.process_mib)
    return " / ".join(f"{value:.0f}" for value in values if value is not None) or None
