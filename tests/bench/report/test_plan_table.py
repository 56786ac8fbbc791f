"""What a plan says, of costs that are made up."""

from pathlib import Path

import pytest
from rich.console import Console

from bench.report.plan import duration, print_estimate, print_plan
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study.estimate import Cost, Estimate, StageCost, row_of
from bench.study.plan import PlannedCell, State

GRID = Grid(
    architectures=(Architecture(name="unet"), Architecture(name="densenet")),
    losses=(LossPair(mask="bce", depth="bce"),),
    seeds=(0, 1),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=4),
)
BASELINES = [cell for cell in GRID.cells() if cell.loss is None]
NETWORKS = [cell for cell in GRID.cells() if cell.loss is not None]
STAGE = StageCost(setup_s=10, step_s=1, validation_s=20, steps_per_epoch=60, steps=240)
UNET = Cost(  # a stage of 330 s, and 30 s besides
    stages=(STAGE,),
    test_s=25,
    around_s=5,
    peak_memory_mib=120.4,
    kept_bytes=3 * 2**20,
    checkpoint_bytes=12 * 2**20,
)


def costs(unet=UNET, densenet=UNET):
    rows = {"unet": unet, "densenet": densenet}
    return {row_of(cell): rows.get(cell.architecture.name, Cost()) for cell in GRID.cells()}


@pytest.fixture
def shown(capsys):
    def shown(write, *arguments):
        write(Console(width=160), *arguments)
        return capsys.readouterr().out.splitlines()

    return shown


def row(lines, *parts):
    (found,) = [line for line in lines if all(part in line for part in parts)]
    return [cell.strip() for cell in found.strip()[1:-1].split("│")]


def test_each_network_with_each_loss_has_its_time_memory_and_disk(shown):
    lines = shown(print_estimate, Estimate(GRID, NETWORKS, costs()))
    assert row(lines, "unet", "│") == [
        "unet", "bce", "2", "0:06:00", "120", "3.0 MiB", "12.0 MiB"
    ]  # fmt: skip
    assert not any("mean depth" in line for line in lines)
    assert lines[-3:] == [
        "to run: 4 cells: 0:24:00 one after the other, before the networks are timed",
        "memory of training: up to 120 MiB beyond the data and the libraries",
        "disk: 12.0 MiB to keep, and up to 24.0 MiB for checkpoints meanwhile",
    ]


def test_a_network_that_fails_is_a_line_with_its_reason(shown):
    found = Estimate(GRID, NETWORKS, costs(densenet="out of memory: [bold]20 GiB"))
    lines = shown(print_estimate, found)
    assert "FAILS" in row(lines, "densenet", "│")
    assert "densenet · bce: fails: out of memory: [bold]20 GiB" in lines
    assert lines[-1] == "2 cells fail as their probes did; they count for nothing here"


def test_a_budget_says_which_cells_and_how_many_seeds_it_is_enough_for(shown):
    found = Estimate(GRID, NETWORKS, costs())
    assert shown(print_estimate, found, 1200.0)[-2:] == [
        "within 0:20:00: 3 of 4 cells, the last of them unet · bce · seed 1",
        "begun anew, 1 seed of the whole grid fits into 0:20:00",
    ]
    assert shown(print_estimate, found, 1440.0)[-2:] == [
        "within 0:24:00: 4 of 4 cells",
        "begun anew, 2 seeds of the whole grid fit into 0:24:00",
    ]
    assert "within 5.0 s: 0 of 4 cells" in shown(print_estimate, found, 5.0)


def test_nothing_is_left_of_a_grid_that_is_done(shown):
    assert shown(print_estimate, Estimate(GRID, [], {})) == ["nothing has to run"]


def test_a_teacher_is_said_once(shown):
    with_teacher = Cost(around_s=60, teacher=(STAGE,))
    found = Estimate(GRID, NETWORKS, costs(with_teacher, with_teacher))
    lines = shown(print_estimate, found)
    assert "to run: 4 cells: 0:15:00 one after the other, before the networks are timed" in lines
    assert "of that the teacher of each seed: 0:05:30" in lines


def test_cells_are_listed_with_their_state_and_when_they_end(shown):
    planned = [
        PlannedCell(NETWORKS[0], State.CURRENT),
        PlannedCell(NETWORKS[1], State.STALE, "helper.py changed"),
        PlannedCell(NETWORKS[2], State.MISSING),
        PlannedCell(NETWORKS[3], State.FAILED, "diverged"),
    ]
    folder = Path("results/mine")
    listed = shown(print_plan, GRID, planned, folder)
    assert "4 cells, to be kept in results/mine" in listed[0]
    assert row(listed, NETWORKS[1].id)[1:] == ["densenet", "bce", "0", "stale: helper.py changed"]
    assert listed[-1] == "1 current, 1 stale, 1 failed, 1 missing"
    estimate = Estimate(GRID, NETWORKS[1:3], costs(densenet="broken"))
    listed = shown(print_plan, GRID, planned, folder, estimate)
    ends = [row(listed, cell.id)[-1] for cell in NETWORKS]
    assert ends == ["", "fails", "0:06:00", ""]


def test_failed_cells_that_stay_as_they_are_are_said(shown):
    planned = [PlannedCell(NETWORKS[0], State.FAILED, "diverged")]
    listed = shown(print_plan, GRID, planned, Path("mine"), Estimate(GRID, [], {}))
    assert "failed cells stay as they are: 1; `bench run --retry all` runs them again" in listed


def test_baselines_that_the_grid_cannot_have_are_left_out_with_the_reason(shown):
    composite = Architecture(name="unet", inputs="composite")
    grid = GRID.model_copy(
        update={"architectures": (composite,), "losses": (LossPair(depth="bce"),)}
    )
    listed = shown(print_plan, grid, [], Path("mine"))
    masks, background = "no loss is about masks", "no network sees the background"
    assert [line for line in listed if line.startswith("left out")] == [
        f"left out: empty mask (baseline): {masks}",
        f"left out: full mask (baseline): {masks}",
        f"left out: difference (baseline): {background} and {masks}",
    ]
    assert not [line for line in shown(print_plan, GRID, [], Path("m")) if "left out" in line]


def test_a_duration_is_in_seconds_below_a_minute_and_in_hours_above():
    seconds = (0.04, 7.36, 59.94, 59.96, 60, 5400, 90000)
    assert [duration(s) for s in seconds] == [
        "0.0 s", "7.4 s", "59.9 s", "0:01:00", "0:01:00", "1:30:00", "1 day, 1:00:00"
    ]  # fmt: skip
