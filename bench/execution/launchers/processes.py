"""Cells side by side on one device, each in a process that lives as long as there is work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection

import torch

from bench.execution.cell import CellResult, run_cell
from bench.execution.context import open_context
from bench.machine.processes import answer_all
from bench.machine.worker_pool import Died, map_unordered
from bench.settings.grid import Cell, Grid
from bench.study.record import Record

MAX_PER_DEVICE = 4  # cells that ``auto`` puts side by side: more gain little
CONTEXT_MIB = 700  # that a process takes on a CUDA device before it computes anything


def run_cells(
    cells: Sequence[Cell], grid: Grid, device: torch.device, processes: int
) -> Iterator[tuple[Cell, CellResult | Died]]:
    """Run some cells of a grid, and give each with its result when it is finished.

    A process that dies ends its cell, and another one takes its place.
    """
    threads = max(1, torch.get_num_threads() // processes)
    yield from map_unordered(cells, processes, _serve, grid, device, threads)


def fitting(record: Record, device: torch.device) -> int:
    """Return how many cells like this one a device's memory holds side by side."""
    if device.type != "cuda" or record.peak_memory_mib is None:
        return 1
    free_mib = torch.cuda.mem_get_info(device)[0] / 2**20
    return max(1, min(MAX_PER_DEVICE, int(free_mib / (record.peak_memory_mib + CONTEXT_MIB))))


def _serve(connection: Connection, grid: Grid, device: torch.device, threads: int) -> None:
    """Run the cells that come through the connection, until it is closed."""
    torch.set_num_threads(threads)
    context = open_context(grid, device)
    answer_all(connection, lambda cell: run_cell(cell, context, lambda *_: None))
