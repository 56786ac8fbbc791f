"""Whatever a network changes in its process, the cells after it give the figures of a clean run."""

import networks_that_meddle
import networks_that_rearrange
import planted_run
import pytest

FAULTS = {**networks_that_meddle.FAULTS, **networks_that_rearrange.FAULTS}


@pytest.fixture(scope="module")
def run(tmp_path_factory, rendered_archive):
    folder = tmp_path_factory.mktemp("meddling")
    return planted_run.run_planted(folder, rendered_archive, FAULTS, "--per-device", "2")


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_network_changes_does_not_reach_the_next_cell(run, name, sound_figures):
    assert run.faulty[name] is not None
    assert run.sound[name] == sound_figures
