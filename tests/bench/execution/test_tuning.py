"""The search for each row's recipe: as many trials for all, and none of them sees a test image."""

import importlib.util
from pathlib import Path

import pytest
import study_maker
import torch
import yaml

from bench.errors import InputError
from bench.events import CellStarted
from bench.execution import cell_training as cell_at_work
from bench.execution.run import has_to_run, look_ahead, run
from bench.execution.tuning import Search
from bench.execution.verify import verify
from bench.report.leaderboard import leaderboards
from bench.report.setting import setting
from bench.settings import grid_file
from bench.settings.cell import BASELINES
from bench.study.study import Study

CPU = torch.device("cpu")
TUNE = {"learning_rate": "log(1e-4, 1e-1)", "trials": 3}


@pytest.fixture
def asked(tmp_path, rendered_archive, tiny_network):
    def asked(tune=TUNE, **sections):
        content = {
            "architectures": [tiny_network],
            "losses": ["bce", "l1"],
            "seeds": [0, 1],
            "data": {"archive": str(rendered_archive), "image_size": 32},
            "train": {"epochs": 1, "batch_size": 8},
            "tune": tune,
        }
        path = tmp_path / "grid.yaml"
        path.write_text(yaml.safe_dump(content | sections))
        return grid_file.load(path)

    return asked


class Watch:
    """Remembers what was started, and may interrupt like Ctrl-C."""

    def __init__(self, stop_before=None):
        self.events, self.stop_before = [], stop_before

    def __call__(self, event):
        if isinstance(event, CellStarted):
            if len(self.events) == self.stop_before:
                raise KeyboardInterrupt
            self.events.append(event)

    @property
    def trials(self):
        return [event.cell.trial for event in self.events if event.cell.trial is not None]


def run_quietly(question, folder, **options):
    study = Study(folder)
    run(question, study, device=CPU, throughput=False, **options)
    return study.load()


def figures(results):
    """All that must not depend on when, how often and beside what a row is tuned."""
    trials = {i: (r.cell.found, r.val_score, r.failure) for i, r in results.trials.items()}
    return trials, {i: (r.cell.found, r.summary) for i, r in results.records.items()}


def trained(results, question):
    return [results.records[c.id] for c in results.cells(question) if c.loss is not None]


def test_the_best_of_each_rows_trials_is_trained_on_all_seeds(tmp_path, asked):
    question = asked()
    results = run_quietly(question, tmp_path / "study")
    assert len(results.trials) == 2 * 3
    for loss in question.losses:
        trials = [r for r in results.trials.values() if r.cell.loss == loss]
        assert sorted(r.cell.trial for r in trials) == [0, 1, 2]
        assert len({r.cell.found["learning_rate"] for r in trials}) == 3
        best = max(trials, key=lambda record: record.val_score)
        of_row = [r for r in trained(results, question) if r.cell.loss == loss]
        assert [r.cell.seed for r in of_row] == [0, 1]
        assert {r.cell.train.learning_rate for r in of_row} == {best.cell.train.learning_rate}


def test_the_score_of_a_trial_is_that_of_its_best_epoch_on_the_validation_images(tmp_path, asked):
    results = run_quietly(asked(train={"epochs": 3, "batch_size": 8}), tmp_path / "study")
    for record in results.trials.values():
        of_epochs = [(e.val["iou"] + 1 - e.val["rmse"]) / 2 for e in record.training.curve]
        assert record.val_score == max(of_epochs)


def test_no_trial_reads_a_test_image(tmp_path, asked, monkeypatch):
    scored, score = [], cell_at_work.score
    monkeypatch.setattr(cell_at_work, "score", lambda *a, **o: scored.append(a) or score(*a, **o))
    results = run_quietly(asked(), tmp_path / "study")
    assert len(scored) == 2 * 2  # the two rows' cells on two seeds
    for cell_id, record in results.trials.items():
        assert record.summary is None
        files = {path.name for path in (tmp_path / "study/trials" / cell_id).iterdir()}
        assert files == {"record.json", "SHA256SUMS"}


def test_a_stopped_search_goes_on_and_a_finished_one_is_not_repeated(tmp_path, asked):
    question = asked()
    with pytest.raises(KeyboardInterrupt):
        run_quietly(question, tmp_path / "study", listen=Watch(stop_before=3))
    study = Study(tmp_path / "study")
    assert len(study.load().trials) == 3
    planned = look_ahead(question, study)
    due = [p.cell for p in planned if has_to_run(p)]
    assert len(due) == 3 + len(BASELINES) + 2 * 2  # trials, baselines, cells
    on, again = Watch(), Watch()
    results = run_quietly(question, tmp_path / "study", listen=on)
    assert on.trials == [1, 2, 2]
    assert figures(results) == figures(run_quietly(question, tmp_path / "whole"))
    run_quietly(question, tmp_path / "study", listen=again)
    assert again.events == []


def test_another_seed_is_trained_by_the_recipe_that_was_found(tmp_path, asked):
    run_quietly(asked(seeds=[0]), tmp_path / "study")
    watch = Watch()
    results = run_quietly(asked(seeds=[0, 1]), tmp_path / "study", listen=watch)
    assert [event.cell.seed for event in watch.events] == [1, 1]
    (board,) = leaderboards(results)
    assert [(row.seeds, row.asked) for row in board.rows] == [(2, 2)] * 2


@pytest.mark.slow
def test_the_order_and_the_neighbours_of_a_row_do_not_matter(tmp_path, asked):
    here = figures(run_quietly(asked(), tmp_path / "a"))
    there = figures(run_quietly(asked(losses=["mse", "l1", "bce"]), tmp_path / "b"))
    assert all(few.items() <= many.items() for few, many in zip(here, there, strict=True))


def test_the_progress_counts_trials_and_cells_as_one_run(tmp_path, asked):
    watch = Watch()
    run_quietly(asked(), tmp_path / "study", listen=watch)
    total = 2 * 3 + len(BASELINES) + 2 * 2  # trials, baselines, cells
    assert [event.number for event in watch.events] == list(range(1, total + 1))
    assert {event.total for event in watch.events} == {total}
    assert [event.left for event in watch.events] == list(range(total, 0, -1))


def test_trials_that_fail_are_used_up_and_the_run_goes_on(tmp_path, asked, tiny_network):
    question = asked(architectures=[{"name": tiny_network, "learns_nan": True}, tiny_network])
    results = run_quietly(question, tmp_path / "study")
    failed = [r for r in results.trials.values() if r.failure is not None]
    assert len(failed) == 2 * 3
    assert all("became nan" in record.failure for record in failed)
    assert all(r.cell.architecture == question.architectures[0] for r in failed)
    assert [r.failure is None for r in trained(results, question)] == [False, False, True, True] * 2
    again = Watch()
    run_quietly(question, tmp_path / "study", listen=again)
    assert again.events == []


@pytest.mark.slow
def test_a_damaged_trial_alone_is_run_again(tmp_path, asked):
    question = asked()
    before = figures(run_quietly(question, tmp_path / "study"))
    trial = list(question.trials())[1]
    (tmp_path / "study/trials" / trial.id / "record.json").write_text("{}")
    assert any(f"trials/{trial.id}" in line for line in verify(Study(tmp_path / "study").load()))
    watch = Watch()
    after = figures(run_quietly(question, tmp_path / "study", listen=watch))
    assert [event.cell.id for event in watch.events] == [trial.id]
    assert after == before


def test_trials_of_other_code_are_run_again(tmp_path, asked, tiny_network):
    own = tmp_path / "own.py"
    own.write_text(Path(tiny_network.partition(":")[0]).read_text())
    question = asked(architectures=[f"{own}:tiny_network"], losses=["bce"], seeds=[0])
    run_quietly(question, tmp_path / "study")
    own.write_text(own.read_text() + "# changed\n")
    kept, again = Watch(), Watch()
    run_quietly(question, tmp_path / "study", listen=kept, keep_stale=True)
    run_quietly(question, tmp_path / "study", listen=again)
    assert kept.events == []
    assert again.trials == [0, 1, 2]
    assert len(again.events) == 4


def test_tuned_rows_are_on_one_board_and_on_none_with_others(tmp_path, asked):
    run_quietly(asked(tune=None), tmp_path / "study")
    results = run_quietly(asked(), tmp_path / "study")
    tuned, plain = leaderboards(results)
    assert [len(board.rows) for board in (tuned, plain)] == [2, 2]
    assert all(row.is_ranked and row.seeds == 2 for row in (*tuned.rows, *plain.rows))
    lines = setting(tuned)
    assert "tuned, 3 trials on seed 0: learning_rate log(0.0001, 0.1)" in lines
    found = [r.cell.train.learning_rate for r in trained(results, asked())[:2]]
    name = asked().architectures[0].label
    assert f"found for {name} with bce: learning_rate {found[0]:g}" in lines
    assert f"found for {name} with l1: learning_rate {found[1]:g}" in lines
    assert "one recipe for all rows, tuned for none" in setting(plain)
    assert not any("trials" in line for line in setting(plain))
    assert not any("at 0.001" in line for line in lines)
    assert not any(r.cell.trial is not None for board in (tuned, plain) for r in board.records)
    assert list(verify(results)) == []


def test_a_row_that_is_not_tuned_yet_has_no_figures(tmp_path, asked):
    question = asked()
    with pytest.raises(KeyboardInterrupt):
        run_quietly(question, tmp_path / "study", listen=Watch(stop_before=5))
    (board,) = leaderboards(Study(tmp_path / "study").load())
    assert [(row.seeds, row.asked, row.figures) for row in board.rows] == [(0, 2, {})] * 2


def test_a_score_that_is_not_that_of_the_curve_is_found(tmp_path, asked):
    results = run_quietly(asked(), tmp_path / "study")
    record = next(iter(results.trials.values()))
    study = Study(tmp_path / "study")
    study.write_cell(record.model_copy(update={"val_score": 0.999}), {})
    (line,) = verify(study.load())
    assert line == f"trials/{record.cell.id}: its score is not that of its selected epoch"


def test_without_what_searches_it_is_said_what_to_install(tmp_path, asked, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"tune: needs Optuna: pip install -e '\.\[tune\]'"):
        run_quietly(asked(), tmp_path / "study")
    assert not (tmp_path / "study").exists()


def ask_all(trials, worth):
    """What a search tries if each trial is worth ``worth(learning_rate)``; None: it fails."""
    search, rates = Search(trials), []
    for _ in trials:
        trial = search.ask()
        rates.append(trial.train.learning_rate)
        score = worth(rates[-1])
        outcome = {"failure": "diverged"} if score is None else {"val_score": score}
        search.tell(study_maker.record(trial, metrics={}, **outcome))
    return rates, search


def test_the_first_half_is_drawn_for_all_rows_alike_and_the_rest_follows_from_scores(asked):
    trials = list(asked(tune=TUNE | {"trials": 12}).trials())
    bce, l1 = trials[:12], trials[12:]
    low, _ = ask_all(bce, lambda rate: 1 - rate)
    assert ask_all(l1, lambda rate: 1 - rate)[0] == low
    high, _ = ask_all(l1, lambda rate: rate)
    assert high[:6] == low[:6]
    assert high[6:] != low[6:]
    assert all(1e-4 <= rate <= 1e-1 for rate in low + high)


def test_a_trial_that_fails_has_the_worst_score(asked):
    trials = list(asked(tune=TUNE | {"trials": 4}).trials())[:4]
    _, search = ask_all(trials, lambda rate: None if rate > 1e-3 else 0.5)
    values = {trial.params["learning_rate"]: trial.value for trial in search._study.trials}
    assert values == {rate: 0.0 if rate > 1e-3 else 0.5 for rate in values}
    assert len(set(values.values())) == 2


def test_choices_are_tried_as_they_are_given(asked):
    trials = list(asked(tune={"batch_size": [8, 16], "trials": 6}, train={"epochs": 1}).trials())
    search = Search(trials[:6])
    sizes = set()
    for _ in range(6):
        trial = search.ask()
        sizes.add(trial.train.batch_size)
        search.tell(study_maker.record(trial, metrics={}, val_score=0.5))
    assert sizes == {8, 16}
