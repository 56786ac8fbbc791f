"""Where `bench run` has its cells run, and what it asks of a cluster for them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from bench.cli.options import parse_options
from bench.errors import InputError, needs_extra

if TYPE_CHECKING:
    from bench.execution.launchers.contract import Cluster


class Launcher(StrEnum):
    """Where cells run."""

    PROCESSES = "processes"
    INLINE = "inline"
    SLURM = "slurm"
    RAY = "ray"

    @property
    def needs(self) -> str | None:
        """The package that sends cells to a cluster; None: they run on this machine."""
        return {Launcher.SLURM: "submitit", Launcher.RAY: "ray"}.get(self)

    def check(self, assignments: Sequence[str], per_device: str) -> None:
        """Make sure that it can be used, and that the options beside it have an effect.

        Raises:
            InputError: what it needs is not installed, or an option is for another launcher.
        """
        if self.needs is None and assignments:
            raise InputError("--cluster: is for --launcher slurm or ray; leave it out")
        if self.needs is None:
            return
        if per_device != "1":
            raise InputError(f"--per-device: --launcher {self} decides that; leave it out")
        if importlib.util.find_spec(self.needs) is None:
            raise needs_extra(f"--launcher {self}", self.needs, self.value)


@contextmanager
def open_cluster(
    launcher: Launcher, assignments: Sequence[str], device: str
) -> Iterator[Cluster | None]:
    """Give the cluster that cells run on, connected for as long as the block lasts.

    Args:
        launcher: None is given of one that runs cells on this machine.
        assignments: as ``timeout_min=240``, what is asked of the cluster for each cell.
        device: the kind of device to compute on.

    Raises:
        InputError: there is no such cluster, or it knows no such parameter.
    """
    asked = parse_options(assignments, option="--cluster")
    if launcher is Launcher.SLURM:
        from bench.execution.launchers.slurm import SlurmCluster

        yield SlurmCluster(asked, device)
    elif launcher is Launcher.RAY:
        from bench.execution.launchers.ray import ray_cluster

        with ray_cluster(asked, device) as cluster:
            yield cluster
    else:
        yield None
