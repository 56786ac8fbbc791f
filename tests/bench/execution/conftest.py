"""What the tests with planted faults compare with."""

import planted_run
import pytest
import torch

from bench.execution.run import run
from bench.settings import grid_file
from bench.study.study import Study


@pytest.fixture(scope="session")
def sound_figures(tmp_path_factory, rendered_archive):
    """The figures of the sound network, run by itself in this process."""
    folder = tmp_path_factory.mktemp("sound")
    planted_run.write_grid(folder, rendered_archive, [planted_run.SOUND])
    question, study = grid_file.load(folder / "grid.yaml"), Study(folder / "study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(folder / "cache"))
        run(question, study, device=torch.device("cpu"), threads=1, throughput=False)
    cell = list(question.cells())[-1]
    found = planted_run.figures(study.load(), cell.id)
    assert found is not None
    return found
