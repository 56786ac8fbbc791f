"""What a run would do, and all that it would refuse; nothing is decoded, trained or written."""

from __future__ import annotations

import torch

from bench.events import Listener, silent
from bench.execution.requirements import check_device, check_freezing
from bench.execution.run import has_to_run, look_ahead
from bench.execution.threads import computing_with, threads_for
from bench.execution.tuning import check_installed
from bench.machine.fork_server import ForkServer
from bench.settings.grid import Grid
from bench.study.plan import PlannedCell
from bench.study.study import Study


def dry_run(
    grid: Grid,
    study: Study,
    *,
    device: torch.device | None,
    server: ForkServer | None = None,
    per_device: int | None = 1,
    threads: int | None = None,
    race: bool = False,
    listen: Listener = silent,
) -> list[PlannedCell]:
    """Return every cell of a grid and what the study holds of it, as `look_ahead` does.

    Args:
        grid: the question.
        study: where the answers are kept.
        device: on which it would run; None: on those of other machines, which are not looked at.
        server: as of `check_freezing`.
        per_device: as of `bench.execution.run.run`.
        threads: as there.
        race: as there.
        listen: told what the data is.

    Raises:
        InputError: whatever `bench.execution.run.run` refuses before it decodes or trains.
    """
    if grid.tune is not None:
        check_installed()
    if device is not None:
        with computing_with(threads_for(study.load_or_empty(), threads)):
            check_device(grid, device, per_device=per_device)
    planned = look_ahead(grid, study, race=race, listen=listen)
    check_freezing((one.cell for one in planned if has_to_run(one)), server)
    return planned
