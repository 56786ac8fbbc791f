"""Measurements on the terminal: three tables, a row a network and variant."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from bench.study.measurement import Measurement, Memory, Point, Ratio, Timing

Texts = Callable[[Measurement], Sequence[str | None]]


def print_results(console: Console, results: Sequence[Measurement]) -> None:
    """Speed, batch size, and what it takes; below them what failed, and how it was measured."""
    sound = [result for result in results if result.failure is None]
    if sound:
        first = sound[0].case
        height, width = first.image_size
        common = f"batch {first.recipe.batch_size} of {height}x{width} px"
        console.print(_table(f"Speed at {common}", SPEED, _speed, sound))
        swept = [result for result in sound if result.sweep is not None]
        if swept:
            console.print(_table("Model alone, by batch size", SWEEP, _sweep, swept))
        console.print(_table(f"What it takes at {common}", COST, _cost, sound))
    for result in results:
        for problem in result.problems:
            console.print(f"{result.case.label}: {problem}", markup=False, highlight=False)
    for line in dict.fromkeys(line for result in sound for line in _setting(result)):
        console.print(line, style="dim", markup=False, highlight=False)
    console.print(
        "median (10 % to 90 %); ~ noisy: the median's 95 % interval is wider than 1 %; end to "
        "end / model: well below 100 %, the network waits for images",
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
    "training\nimages/s",
    "end to end\nimages/s",
    "end to end\n/ model",
    "latency\np50 ms",
    "latency\np99 ms",
    "model, to the\nreference",
    "training, to the\nreference",
)


def _speed(result: Measurement) -> list[str | None]:
    size = result.case.recipe.batch_size
    whole, alone = result.images_per_s("end_to_end"), result.images_per_s("inference")
    beside = result.reference
    latency = result.latency
    return [
        _throughput(result.inference, size),
        _throughput(result.training, size),
        _throughput(result.end_to_end, size),
        None if whole is None or alone is None else f"{whole / alone:.0%}",
        None if latency is None else f"{_mark(latency)}{1000 * latency.median_s:.2f}",
        None if latency is None else f"{1000 * latency.p99_s:.2f}",
        None if beside is None else _ratio(result.inference, beside.inference),
        None if beside is None else _ratio(result.training, beside.training),
    ]


SWEEP = ("at 1\nimages/s", "saturated\nimages/s", "from\nbatch", "ended")


def _sweep(result: Measurement) -> list[str | None]:
    swept = result.sweep
    if swept is None:
        return [None] * len(SWEEP)
    saturation = swept.saturation
    return [_point(swept.points[0]), _point(saturation), f"{saturation.batch_size}", swept.ended]


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
    environment, flops = result.environment, result.flops
    machine = (
        f"{environment.device_name} ({environment.device}, {environment.threads} threads), torch "
        f"{environment.packages.get('torch')}, {result.case.recipe.precision} unless the "
        f"variant says otherwise, float32 products {result.matmul_precision}"
    )
    lines = [machine]
    if result.reference is not None:
        rounds = len(result.reference.inference.round_medians_s)
        lines.append(
            f"reference: {result.reference.label}, visited in each of {rounds} rounds, drifted by "
            f"{result.reference.drift:.1%}"
        )
    if flops is not None:
        lines.append(f"FLOPs by {flops.counter}; what it could not count is in the file")
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


def _mark(timing: Timing) -> str:
    return "~" if timing.noisy else ""


def _throughput(timing: Timing | None, size: int) -> str | None:
    if timing is None:
        return None
    slow, fast = size / timing.p90_s, size / timing.p10_s
    return f"{_mark(timing)}{size / timing.median_s:.0f} ({slow:.0f} to {fast:.0f})"


def _point(point: Point) -> str:
    return f"{_mark(point.timing)}{point.images_per_s:.0f}"


def _ratio(timing: Timing | None, reference: Timing | None) -> str | None:
    return None if timing is None or reference is None else str(Ratio.of(timing, reference))


def _scaled(value: float | None, unit: float, digits: int = 2) -> str | None:
    return None if value is None else f"{value / unit:.{digits}f}"


def _memory(memory: Memory | None) -> str | None:
    """Allocated, reserved and the process's, those that are known."""
    if memory is None:
        return None
    values = (memory.allocated_mib, memory.reserved_mib, memory.process_mib)
    return " / ".join(f"{value:.0f}" for value in values if value is not None) or None
