"""A grid that is run as a race: who gets no more seeds, whatever the way the run came about."""

import re
import shutil
from pathlib import Path

import networks_that_differ
import pytest
import torch
import yaml

import architectures
from bench.errors import InputError
from bench.events import CellStarted, Remark
from bench.execution.run import has_to_run, look_ahead, run
from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.report.race import raced
from bench.report.setting import setting
from bench.settings import grid_file
from bench.study.record import FailureKind
from bench.study.study import Study

CPU = torch.device("cpu")
NETWORK = f"{Path(networks_that_differ.__file__)}:difference"
GOOD, TWIN, BAD = (
    {"name": NETWORK, "label": "good"},
    {"name": NETWORK, "label": "twin"},
    {"name": NETWORK, "label": "bad", "upside_down": True},
)
BASELINES = 3  # of a grid of masks: empty, full, difference


class Watch:
    """Remembers what was told."""

    def __init__(self):
        self.cells, self.remarks = [], []

    def __call__(self, event):
        if isinstance(event, CellStarted):
            self.cells.append(event)
        if isinstance(event, Remark):
            self.remarks.append(f"{event.about}: {event.text}")

    @property
    def trained(self):
        """(name, seed) of each trained cell that was started."""
        return [(name_of(e.cell), e.cell.seed) for e in self.cells if e.cell.loss is not None]


def name_of(cell):
    return cell.architecture.options["label"]


@pytest.fixture(scope="module")
def asked(tmp_path_factory, rendered_archive):
    path = tmp_path_factory.mktemp("asked") / "grid.yaml"

    def asked(*networks, **sections):
        content = {
            "architectures": list(networks) or [GOOD, TWIN, BAD],
            "losses": [{"mask": "bce"}],
            "seeds": [0, 1, 2],
            "data": {"archive": str(rendered_archive), "image_size": 32},
            "train": {"epochs": 1, "batch_size": 16},
            "metrics": ["iou"],
        }
        path.write_text(yaml.safe_dump(content | sections))
        return grid_file.load(path)

    return asked


@pytest.fixture(scope="module")
def first_race(tmp_path_factory, asked):
    """A finished race of the three networks: what was told, and the study's folder."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(folder / "cache"))
        return race(asked(), folder / "study"), folder / "study"


@pytest.fixture
def study(first_race, tmp_path):
    """A copy of the finished race's folder."""
    shutil.copytree(first_race[1], tmp_path / "study")
    return tmp_path / "study"


def race(question, folder, **options):
    watch = Watch()
    run(
        question,
        Study(folder),
        device=CPU,
        throughput=False,
        listen=watch,
        **{"race": True} | options,
    )
    return watch


def board_of(folder):
    (board,) = leaderboards(Study(folder).load())
    return board


def trained_cells(folder):
    """(label, seed) of each trained cell of a study with its figures."""
    records = Study(folder).load().records.values()
    return {(name_of(r.cell), r.cell.seed): r.summary for r in records if r.cell.loss is not None}


FIRST_LOOK = [(name, seed) for seed in (0, 1) for name in ("good", "twin", "bad")]


def test_a_row_that_is_surely_worse_gets_no_more_seeds(first_race):
    watch, _ = first_race
    assert watch.trained == [*FIRST_LOOK, ("good", 2), ("twin", 2)]
    (said,) = [line for line in watch.remarks if "race" in line]
    assert re.search(r"label=bad.*: out of the race after 2 seeds: .*label=good.* is better", said)


def test_the_progress_promises_no_cell_beyond_the_next_look(first_race):
    watch, _ = first_race
    first, second = watch.cells[: BASELINES + 6], watch.cells[BASELINES + 6 :]
    assert [(e.number, e.total) for e in first] == [(number, 9) for number in range(1, 10)]
    assert [e.left for e in first] == list(range(9, 0, -1))
    assert [(e.number, e.total, e.left) for e in second] == [(10, 11, 2), (11, 11, 1)]


def test_the_progress_of_a_tuned_race_counts_its_trials_too(tmp_path, asked):
    tune = {"learning_rate": "log(1e-5, 1e-4)", "trials": 3}
    watch = race(asked(GOOD, BAD, tune=tune), tmp_path / "study")
    trials = [event for event in watch.cells if event.cell.trial is not None]
    assert [(e.number, e.total) for e in trials] == [(n, 6 + BASELINES + 4) for n in range(1, 7)]


def test_a_raced_board_says_what_was_decided_and_ranks_who_is_left(study):
    board = board_of(study)
    assert [(r.seeds, r.asked, r.figures["iou"].rank) for r in board.rows] == [
        (3, 3, (1, 2)),
        (3, 3, (1, 2)),
        (2, 3, None),
    ]
    (remark,) = board.rows[-1].remarks
    good = next(row.title for row in board.rows if "good" in row.title)
    # 5 % shared out by seeds: 2 of 3 at this look
    assert remark == f"seed 2: out of the race after 2 seeds: {good} is better (error 3.3 %)"
    assert board.rows[-1].figures["iou"].interval is not None
    lines = [line for line in setting(board) if "race" in line]
    assert lines[0] == (
        "raced by IoU: after 2 of 3 seeds, rows that were surely not the best got no more "
        "(error 5 % in all); the others alone are ranked, by IoU alone"
    )
    assert lines[1:] == ["race: after 2 seeds 2 of 3 rows went on"]
    said = f"{remark.removeprefix('seed 2: ')}: {board.rows[-1].title} (seed 2)"
    assert said in markdown.render("study", [board], {})


@pytest.mark.parametrize(
    "lacking", [[("good", 2)], [("twin", 1), ("good", 2), ("twin", 2)], [("bad", 0), ("bad", 1)]]
)
def test_a_race_that_goes_on_comes_to_the_same_decisions(study, asked, lacking):
    before = trained_cells(study)
    for cell in asked().cells():
        if cell.loss is not None and (name_of(cell), cell.seed) in lacking:
            shutil.rmtree(study / "cells" / cell.id)
    assert race(asked(), study).trained == lacking
    assert trained_cells(study) == before
    assert race(asked(), study).trained == []


def test_an_unfinished_look_decides_nothing(study, asked):
    (cell,) = [c for c in asked().cells() if c.loss and (name_of(c), c.seed) == ("twin", 1)]
    shutil.rmtree(study / "cells" / cell.id)
    remarks = {row.title: row.remarks for row in board_of(study).rows}
    assert [said for title, said in remarks.items() if "bad" in title] == [("seed 2: not run yet",)]


def test_a_run_without_a_race_fills_the_seeds_up(study, asked):
    assert race(asked(), study, race=False).trained == [("bad", 2)]
    board = board_of(study)
    assert [(r.seeds, r.asked, r.remarks) for r in board.rows] == [(3, 3, ())] * 3
    assert board.rows[-1].figures["iou"].rank == (3, 3)
    assert not any("race" in line for line in setting(board))
    assert raced(board) == (
        "A race for seeds by IoU would have trained 8 of these 9 runs, and kept the ranked "
        "row with the best IoU"
    )
    # Where all is there, a race has nothing to spare.
    assert race(asked(), study).trained == []
    assert all(row.is_ranked for row in board_of(study).rows)


def thresholds(label):
    networks = [architectures.create(NETWORK, seed=seed, label=label) for seed in (0, 1, 2)]
    return [float(network.threshold.detach()) for network in networks]


def test_a_row_with_a_failed_seed_leaves_and_the_last_row_needs_no_more(tmp_path, asked):
    first, second, _ = thresholds("good")
    fragile = GOOD | {"fails_below": (first + second) / 2}
    failed = 0 if first < second else 1
    watch = race(asked(fragile, TWIN, BAD), tmp_path / "study")
    assert watch.trained == FIRST_LOOK
    rows = {name_of(row.records[0].cell): row for row in board_of(tmp_path / "study").rows}
    assert rows["good"].remarks[-1] == (
        f"seed 2: out of the race after 2 seeds: seed {failed}: failed"
    )
    assert (rows["good"].seeds, rows["good"].asked) == (1, 3)
    assert (rows["twin"].seeds, rows["twin"].asked, rows["twin"].remarks) == (2, 2, ())
    assert rows["twin"].figures["iou"].rank == (1, 1)
    # It fails again, and once only.
    again = race(asked(fragile, TWIN, BAD), tmp_path / "study", retry=FailureKind)
    assert again.trained == [("good", failed)]


def test_a_dry_run_shows_the_cells_up_to_the_next_look(study, tmp_path, asked):
    planned = look_ahead(asked(), Study(tmp_path / "empty"), race=True)
    shown = [(name_of(p.cell), p.cell.seed) for p in planned if p.cell.loss is not None]
    assert shown == FIRST_LOOK
    planned = look_ahead(asked(), Study(study), race=True)
    assert len(planned) == BASELINES + 6 + 2
    assert not any(has_to_run(p) for p in planned)


@pytest.mark.parametrize(
    ("networks", "sections", "line"),
    [
        ([GOOD], {}, "needs 2 rows and 3 seeds or more, .*; the grid has 1 and 3"),
        ([GOOD, BAD], {"seeds": [0, 1]}, "the grid has 2 and 2"),
        ([GOOD, BAD], {"metrics": ["rmse", "iou"]}, "rmse, is about depth, which no loss"),
        ([GOOD, BAD], {"metrics": ["pooled_iou"]}, "pooled_iou, has no value of each image"),
    ],
)
def test_a_race_that_could_decide_nothing_is_refused(tmp_path, asked, networks, sections, line):
    question = asked(*networks, **sections)
    with pytest.raises(InputError, match=f"^--race: .*{line}"):
        race(question, tmp_path / "study")
    with pytest.raises(InputError, match=f"^--race: .*{line}"):
        look_ahead(question, Study(tmp_path / "study"), race=True)
    assert not (tmp_path / "study").exists()
