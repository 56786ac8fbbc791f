"""Throughput over the batch size: 1, 2, 4 ... until it no longer pays or memory ends."""

from __future__ import annotations

from collections.abc import Callable

from bench.machine.failure import is_out_of_memory, reason
from bench.study.measurement import Point, Sweep

PAYS = 1.05  # a larger batch has to be that much faster than any before
LARGEST = 4096


def sweep(measure: Callable[[int], float]) -> Sweep | None:
    """Measure growing batches; two in a row that are hardly faster are the end.

    Args:
        measure: gives the seconds of a forward pass at a batch size.

    Returns:
        None where not even one image could be measured.
    """
    points: list[Point] = []
    highest, idle, size = 0.0, 0, 1
    ended = f"at the largest batch that is tried, {LARGEST}"
    while size <= LARGEST:
        try:
            point = Point(batch_size=size, images_per_s=size / measure(size))
        except Exception as error:  # noqa: BLE001 - whatever a network does, it ends the sweep
            ended = (
                f"out of memory at batch {size}"
                if is_out_of_memory(error)
                else f"failed at batch {size}: {reason(error)}"
            )
            break
        points.append(point)
        idle = 0 if point.images_per_s > PAYS * highest else idle + 1
        highest = max(highest, point.images_per_s)
        if idle == 2:  # noqa: PLR2004 - one may be chance
            ended = f"no longer pays at batch {size}"
            break
        size *= 2
    return Sweep(points=tuple(points), ended=ended) if points else None
