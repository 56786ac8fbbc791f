"""What every step is told, and what it works on."""

import argparse
import json
from contextlib import chdir
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console

from bench.execution.launchers import start_server
from bench.execution.run import run
from bench.execution.trackers.terminal import create_progress
from bench.settings import grid_file
from bench.study.study import Study

ROOT = Path(__file__).parents[2]


class Setting(NamedTuple):
    """Where a step runs.

    Attributes:
        device: that is checked.
        out: the folder for all that is kept.
        seconds: that the step may take.
    """

    device: torch.device
    out: Path
    seconds: float

    @classmethod
    def of_command_line(cls):
        """What the command line says."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--device", type=torch.device)
        parser.add_argument("--out", type=Path)
        parser.add_argument("--seconds", type=float)
        return cls(**vars(parser.parse_args()))

    @property
    def on_cuda(self):
        """Elsewhere a step is only tried out: it does less, and how fast says nothing."""
        return self.device.type == "cuda"

    @property
    def run_options(self):
        """How a grid of several cells is run: on a CPU so that a busy machine disturbs it least."""
        return {"per_device": 4} if self.on_cuda else {"threads": 1}

    def run_grid(self, content, name, *, inline=False, **options):
        """Run a grid as `bench run` does, in the folder for all that is kept.

        Args:
            content: of the grid's file.
            name: of the study's folder there.
            inline: whether its cells run in this process.
            options: of `bench.execution.run.run`.

        Returns:
            The study's records of networks, in the order of the grid.
        """
        with chdir(self.out):
            path = Path(f"{name}.yaml")
            path.write_text(json.dumps(content, indent=1), encoding="utf-8")
            grid, study = grid_file.load(path), Study(Path(name))
            server = None if inline else start_server()
            with create_progress(Console(width=150)) as listen:
                run(grid, study, device=self.device, listen=listen, server=server, **options)
            records = study.load().records
        return [records[cell.id] for cell in grid.cells() if cell.loss is not None]
