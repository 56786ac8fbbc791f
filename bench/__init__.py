"""Cross architectures with losses for mask and depth prediction, and compare them.

>>> import bench
>>> study = bench.load("results/published/quick")
>>> best = study.leaderboard.iloc[0]
>>> print(f"{best.architecture} with {best.loss}: IoU {best.iou:.3f}")
unet(width=0.25) with cosine: IoU 0.885
>>> len(study.scores.query("architecture == 'unet(width=0.25)'"))  # 4 losses, 180 test images
720

`run` trains the cells of a `Grid` that a `Study` lacks; `load` gives what it holds as pandas tables
(`bench.report.frames` lists their columns), ``study.network(cell)`` a network that was trained, and
``study.predictor(cell)`` the same for pictures of any size, as `predict` has it for one.
Importing this package loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.data.images import Pixels
    from bench.inference.predictor import PredictedMaps, Predictor
    from bench.loaded_study import LoadedStudy
    from bench.settings.grid import Grid
    from bench.study.study import Study

__all__ = ["Grid", "Study", "from_pretrained", "load", "predict", "run"]

_PLACES = {"Grid": "bench.settings.grid", "Study": "bench.study.study"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def load(study: str | Path) -> LoadedStudy:
    """Read what a study holds; neither the data nor the code that made it has to be there.

    Args:
        study: the folder that `run`, or `bench run`, wrote.

    Raises:
        bench.errors.InputError: the folder holds no study.
    """
    from bench.loaded_study import LoadedStudy
    from bench.study.study import Study

    return LoadedStudy(Study(Path(study)).load())


def from_pretrained(
    source: str | Path, *, device: str = "auto", own_code: bool = False
) -> Predictor:
    """Return the network that `bench export` wrote: ``predictor(composite, background)``.

    Args:
        source: the folder, or the name of a repository on the Hugging Face hub.
        device: auto, cuda, mps or cpu.
        own_code: whether to run the file or module that the folder names where the network is no
            entry of this project: only if you know whose it is.

    Raises:
        bench.errors.InputError: there is no such folder or repository, or something in it is
            damaged or missing.
    """
    from bench.inference.pretrained import load
    from bench.machine.device import choose

    return load(source, choose(device), own_code=own_code)


def predict(
    study: LoadedStudy | str | Path,
    composite: str | Path | Pixels,
    background: str | Path | Pixels | None = None,
    *,
    cell: str = "best",
    device: str = "auto",
) -> PredictedMaps:
    """Predict the mask and depth of a picture by a network that a study has trained.

    For many pictures, ``predictor = study.predictor(cell)`` loads the network once; then
    ``predictor(composite, background)`` predicts each.

    Args:
        study: that `load` gave, or its folder.
        composite: the scene with the object: a file, or an array (H, W, 3) uint8, RGB.
        background: the scene without it, likewise; None if the network does not look at it.
        cell: its id, or how it begins; or ``best``, of the best row the seed that is best on the
            validation images.
        device: auto, cuda, mps or cpu.

    Returns:
        ``mask``, the probability of the object, and ``depth``, 0 near, each (H, W) float32 in
        [0, 1] at the composite's own size; None of a task that the network was not trained for.

    Raises:
        bench.errors.InputError: there is no such cell, its weights were not kept, or a picture
            cannot be read.
    """
    loaded = load(study) if isinstance(study, str | Path) else study
    return loaded.predictor(cell, device=device)(composite, background)


def run(
    grid: Grid | Mapping[str, Any] | str | Path, study: str | Path, *, device: str = "auto"
) -> LoadedStudy:
    """Run every cell of a grid that a study lacks, and time its networks.

    A script that calls this needs ``if __name__ == "__main__":``, as it starts processes.

    Args:
        grid: the question, its YAML file, or a mapping of what would stand in such a file.
        study: the folder in which the answers are kept.
        device: auto, cuda, mps or cpu.

    Raises:
        bench.errors.InputError: the grid, the data or the device is at fault.
    """
    from rich.console import Console

    from bench.execution.launchers import start_server
    from bench.execution.run import run as run_grid
    from bench.execution.trackers.terminal import create_progress
    from bench.machine.device import choose
    from bench.settings.grid_file import as_grid
    from bench.study.study import Study

    question = as_grid(grid)
    chosen, server = choose(device), start_server()
    server.preload(question)
    with create_progress(Console()) as listen:
        run_grid(question, Study(Path(study)), device=chosen, listen=listen, server=server)
    return load(study)
