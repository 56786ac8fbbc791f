"""Whatever a network does, its cell is recorded, and the cells after it are as ever."""

import networks_that_end
import networks_that_go_on
import networks_that_leave_something
import networks_that_mispredict
import networks_that_raise
import planted_run
import planting
import pytest

from bench.errors import InputError
from bench.settings import grid_file

FAULTS = {
    **networks_that_end.FAULTS,
    **networks_that_raise.FAULTS,
    **networks_that_leave_something.FAULTS,
    **networks_that_mispredict.FAULTS,
}
SLOW = networks_that_go_on.FAULTS
SOME_FAILED = 3  # the exit code of a run in which cells failed

# A file whose code meddles when it is imported; its network is sound.
MEDDLING = """
import os
import random
import warnings

import numpy as np
import torch
from torch.nn import functional

torch.set_default_dtype(torch.float64)
torch.manual_seed(5)
np.random.seed(5)
random.seed(5)
warnings.simplefilter("error")
functional.binary_cross_entropy_with_logits = None
os.chdir("/")

from tiny_network import TinyNetwork


def network(*, after):
    return TinyNetwork()
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory, rendered_archive):
    return planted_run.run_planted(tmp_path_factory.mktemp("planted"), rendered_archive, FAULTS)


@pytest.fixture(scope="module")
def limited_run(tmp_path_factory, rendered_archive):
    return planted_run.run_planted(
        tmp_path_factory.mktemp("slow"),
        rendered_archive,
        SLOW,
        "--per-device",
        "4",
        limits={"seconds": 4, "memory_gib": 0.5},
    )


def check(record, fault):
    """The cell has ended as it should have."""
    assert record is not None, "no record"
    if fault.ends == planting.COMPLETE:
        assert record.failure is None
    elif fault.ends != planting.EITHER:
        assert record.failure is not None
        assert fault.ends in record.failure
    if record.failure is not None:
        assert record.failure
        assert record.failure.isprintable()
        assert len(record.failure) < 2000


@pytest.mark.parametrize("name", FAULTS)
def test_a_cell_with_a_fault_is_recorded(run, name):
    check(run.faulty[name], FAULTS[name])


@pytest.mark.parametrize("name", FAULTS)
def test_the_cell_after_a_fault_is_as_ever(run, name, sound_figures):
    assert run.sound[name] == sound_figures


def test_a_run_with_faults_ends_with_a_code_of_its_own_and_a_clean_display(run):
    assert run.exit_code == SOME_FAILED
    assert b"\x1b" not in run.printed
    assert b"\x07" not in run.printed


def test_an_exception_is_recorded_with_its_place(run):
    details = run.faulty["raises_a_generators_exit"].failure_details
    assert 'networks_that_raise.py", line' in details
    assert "raise GeneratorExit" in details


@pytest.mark.parametrize("name", SLOW)
def test_a_cell_that_does_not_end_is_stopped_and_recorded(limited_run, name):
    check(limited_run.faulty[name], SLOW[name])


@pytest.mark.parametrize("name", ["loops", "loops_in_c_code", "waits_for_itself"])
def test_where_a_cell_was_when_it_was_stopped_is_recorded(limited_run, name):
    assert f"in {name}" in limited_run.faulty[name].failure_details


@pytest.mark.parametrize("name", SLOW)
def test_the_cells_beside_one_that_is_stopped_are_as_ever(limited_run, name, sound_figures):
    assert limited_run.sound[name] == sound_figures


def test_what_a_file_does_when_it_is_imported_stays_in_its_cell(
    tmp_path, rendered_archive, sound_figures
):
    (tmp_path / "meddling.py").write_text(MEDDLING)
    meddling = {"name": f"{tmp_path}/meddling.py:network", "after": "nothing"}
    networks = [meddling, {"name": planted_run.SOUND, "after": "it"}]
    found = planted_run.run_planted(tmp_path, rendered_archive, {}, architectures=networks)
    assert found.sound["it"] == sound_figures


def test_a_file_that_exits_when_it_is_imported_is_a_mistake_in_the_grid(tmp_path):
    (tmp_path / "exits.py").write_text("import sys\n\nsys.exit(0)\n")
    planted_run.write_grid(tmp_path, "a.zip", [f"{tmp_path}/exits.py:network"])
    with pytest.raises(InputError, match=r"exits\.py.*SystemExit"):
        grid_file.load(tmp_path / "grid.yaml")
