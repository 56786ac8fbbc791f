"""A board shows what may be compared, and marks or sets apart what may not."""

import re

import pytest
import study_maker
import yaml
from rich.console import Console

from bench.report import markdown, terminal
from bench.report.frames import Frames
from bench.report.leaderboard import leaderboards
from bench.settings import Architecture, Data, LossPair, Train, grid_file
from bench.settings.grid import Grid
from bench.study.measurement import Measurement
from bench.study.plan import timing_cases
from bench.study.record import Provenance
from bench.study.study import Study
from bench.study.timing_case import training_figure

UNET, DENSENET = Architecture(name="unet"), Architecture(name="densenet")
OLD = Provenance(data="the data", split="0123", sources={"unet": {"networks/unet.py": "9" * 64}})


def grid(**settings):
    content = {
        "architectures": (UNET, DENSENET),
        "losses": (LossPair(mask="bce", depth="bce"),),
        "seeds": (0, 1),
        "data": Data(archive=("a.zip",)),
        "train": Train(epochs=3),
    }
    return Grid(**content | settings)


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "study")


def trained(question):
    return [cell for cell in question.cells() if cell.loss is not None]


def boards(study):
    return leaderboards(study.load())


def render(study):
    results = study.load()
    return markdown.render("study", leaderboards(results), results.damaged)


def printed(study):
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    results = study.load()
    terminal.print_leaderboard(console, "study", leaderboards(results), results.damaged)
    return console.export_text()


def test_a_mean_over_the_seeds_that_survived_is_neither_ranked_nor_bold(study):
    question = grid()
    records = [study_maker.record(cell, summary={"iou": 0.6}) for cell in trained(question)]
    lucky = trained(question)[0]
    failed = next(c for c in trained(question) if c.row == lucky.row and c.seed != lucky.seed)
    records = [r for r in records if r.cell.row != lucky.row]
    records += [
        study_maker.record(lucky, summary={"iou": 0.9}),
        study_maker.record(failed, failure="the mask loss became nan"),
    ]
    (board,) = boards(study_maker.keep(study, question, records))
    assert [(r.architecture, r.is_ranked) for r in board.rows] == [
        ("densenet", True),
        ("unet", False),
    ]
    assert board.rows[0].figures["iou"].best
    assert not board.rows[1].figures["iou"].best
    assert board.rows[1].figures["iou"].mean == 0.9
    assert re.search(r"1 of 2 \| +0\.900 ± 0\.000 ° \| +— \|", render(study))
    assert "Rows of which a seed is missing, failed or stale are not ranked." in render(study)


def test_a_stale_row_is_marked_and_not_ranked(study):
    question = grid(seeds=(0,))
    unet, densenet = trained(question)
    records = [
        study_maker.record(unet, summary={"iou": 0.9}, provenance=OLD),
        study_maker.record(densenet, summary={"iou": 0.5}),
    ]
    (board,) = boards(study_maker.keep(study, question, records))
    stale = board.rows[-1]
    assert (stale.architecture, stale.is_stale, stale.is_ranked) == ("unet", True, False)
    assert stale.remarks[0].startswith("seed 0: stale: networks/unet.py changed")
    assert "| bce † " in render(study)
    assert "†: stale" in printed(study)


def test_a_stale_seed_does_not_enter_the_mean_of_current_ones(study):
    question = grid(architectures=(UNET,))
    first, second = trained(question)
    records = [
        study_maker.record(first, summary={"iou": 0.9}, provenance=OLD),
        study_maker.record(second, summary={"iou": 0.5}),
    ]
    (board,) = boards(study_maker.keep(study, question, records))
    (row,) = board.rows
    assert (row.figures["iou"].mean, row.seeds, row.asked) == (0.5, 1, 2)


def test_different_cells_whose_labels_read_the_same_are_two_rows(study, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def mine(*, a=None, b=None):\n    return None\n")
    networks = [
        Architecture(name=f"{path}:mine", options={"a": "1, b=2"}),
        Architecture(name=f"{path}:mine", options={"a": "1", "b": 2}),
    ]
    networks[1] = Architecture(name=f"{path}:mine", options={"a": 1, "b": 2})
    question = grid(architectures=tuple(networks), seeds=(0,))
    records = [
        study_maker.record(cell, summary={"iou": iou})
        for cell, iou in zip(trained(question), (0.4, 0.6), strict=True)
    ]
    assert networks[0].label == networks[1].label
    (board,) = boards(study_maker.keep(study, question, records))
    assert [row.figures["iou"].mean for row in board.rows] == [0.6, 0.4]
    assert len({row.architecture for row in board.rows}) == 2
    assert all(row.seeds == 1 for row in board.rows)


def test_a_second_grid_with_the_same_setting_adds_rows_to_the_board(study):
    first, second = grid(architectures=(UNET,)), grid(architectures=(DENSENET,))
    for question in (first, second):
        records = [study_maker.record(cell, summary={"iou": 0.5}) for cell in trained(question)]
        study_maker.keep(study, question, records)
    (board,) = boards(study)
    assert {row.architecture for row in board.rows} == {"unet", "densenet"}


def test_a_second_grid_with_another_budget_has_a_board_of_its_own(study):
    for epochs in (3, 9):
        question = grid(architectures=(UNET,), train=Train(epochs=epochs))
        records = [study_maker.record(cell, summary={"iou": 0.5}) for cell in trained(question)]
        study_maker.keep(study, question, records)
    found = boards(study)
    assert [board.grid.train.epochs for board in found] == [9, 3]
    assert all(len(board.rows) == 1 for board in found)
    assert render(study).count("- training: ") == 2
    assert list(Frames(study.load()).leaderboard.query("architecture == 'unet'").board) == [0, 1]


def timing(case, threads, seconds, measured_utc=study_maker.NOW):
    return Measurement(
        case=case,
        environment=study_maker.ENVIRONMENT.model_copy(update={"threads": threads}),
        measured_utc=measured_utc,
        timings={"inference": study_maker.timing([seconds] * 10)},
    )


def test_speeds_of_two_machines_never_stand_in_one_column(study):
    question = grid(seeds=(0,))
    records = [study_maker.record(cell, summary={"iou": 0.5}) for cell in trained(question)]
    study_maker.keep(study, question, records)
    (unet, _), (densenet, _) = timing_cases(question.cells(), records)
    for measured in (timing(unet, 2, 0.01), timing(densenet, 2, 0.04), timing(unet, 64, 0.001)):
        study.write_measurement(measured)
    (board,) = boards(study)
    speeds = {row.architecture: row.figures["inference_images_per_s"].mean for row in board.rows}
    assert speeds == {"unet": 1600, "densenet": 400}
    assert list(board.timed_elsewhere) == ["a processor (cpu, 64 threads)"]
    text = render(study)
    assert "## Throughput on a processor (cpu, 64 threads)" in text
    assert "16000" in text[text.index("## Throughput on") :]


def test_a_network_timed_with_the_losses_of_two_grids_has_one_speed(study):
    """The latest of each figure; a training belongs to its loss alone."""
    for loss, seconds, at in (("bce", 0.04, 2), ("l1", 0.02, 3), ("ssim", 0.01, 1)):
        losses = (LossPair(mask=loss, depth=loss),)
        question = grid(architectures=(UNET,), losses=losses, seeds=(0,))
        records = [study_maker.record(cell, summary={"iou": 0.5}) for cell in trained(question)]
        study_maker.keep(study, question, records)
        ((case, _),) = timing_cases(question.cells(), records)
        measured = timing(case, 2, seconds, study_maker.NOW.replace(day=at))
        training = {training_figure(losses[0]): measured.timings["inference"]}
        timings = measured.timings | training
        study.write_measurement(measured.model_copy(update={"timings": timings}))
    (board,) = boards(study)
    inference = {row.figures["inference_images_per_s"].mean for row in board.rows}
    assert inference == {16 / 0.02}
    assert board.inference_speeds()["unet"].value == 16 / 0.02
    trainings = {row.loss: row.figures["training_images_per_s"].mean for row in board.rows}
    assert trainings == {"bce": 400, "l1": 800, "ssim": 1600}
    assert "unet: timed 3 times; of each figure the latest counts." in render(study)


EVIL = "[/x] [bold]b[/] | <script>alert(1)</script> `c` *d* \x1b[31m\n# forged"


@pytest.fixture
def evil(study, tmp_path):
    (tmp_path / "[bold]").mkdir()
    path = tmp_path / "[bold]" / "mine.py"
    path.write_text("def mine(*, text=None):\n    return None\n")
    asked = tmp_path / "grid.yaml"
    content = {
        "architectures": [{"name": f"{path}:mine", "text": EVIL}],
        "losses": ["bce"],
        "data": {"archive": f"[/x]{EVIL}.zip"},
        "train": {"epochs": 1},
    }
    asked.write_text(yaml.safe_dump(content))
    question = grid_file.load(asked)
    records = [study_maker.record(cell, failure=EVIL) for cell in trained(question)]
    return study_maker.keep(study, question, records)


def test_what_users_write_is_shown_as_text_on_the_terminal(evil):
    text = printed(evil)
    assert "[bold]b[/]" in text.replace("\n", "")
    assert "\x1b[31m" not in text
    assert "\\x1b[31m\\n# forged" in text.replace("\n", "")


def test_what_users_write_forges_nothing_in_markdown(evil):
    text = render(evil)
    assert "<script>" not in text
    assert "\n# forged" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;" in text
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({line.replace("\\|", "").count("|") for line in table[:3]}) == 1


def test_one_broken_record_is_a_marked_row_and_not_the_end_of_the_report(study):
    question = grid(seeds=(0,))
    cells = trained(question)
    study_maker.keep(
        study, question, [study_maker.record(cell, summary={"iou": 0.5}) for cell in cells]
    )
    (study.folder / "cells" / cells[0].id / "record.json").write_text("{}")
    (board,) = boards(study)
    broken = next(row for row in board.rows if row.architecture == "unet")
    assert broken.remarks == ("seed 0: damaged: record.json: was changed after it was written",)
    assert (broken.seeds, broken.figures) == (0, {})
    assert f"damaged: cells/{cells[0].id}: record.json" in printed(study)


def test_a_report_needs_nobodys_code(study, tmp_path, monkeypatch):
    path = tmp_path / "mine.py"
    path.write_text("def mine(*, a=None):\n    return None\n")
    question = grid(architectures=(Architecture(name=f"{path}:mine"),), seeds=(0,))
    records = [study_maker.record(cell, summary={"iou": 0.5}) for cell in trained(question)]
    study_maker.keep(study, question, records)
    before = render(study)
    path.unlink()
    monkeypatch.chdir("/")
    assert render(study) == before


def test_the_metrics_of_the_grid_stand_on_the_board_in_its_order(study):
    question = grid(seeds=(0,), metrics=("rmse", "dice"))
    records = [
        study_maker.record(cell, summary={"iou": 0.5, "dice": 0.6, "rmse": rmse})
        for cell, rmse in zip(trained(question), (0.3, 0.2), strict=True)
    ]
    (board,) = boards(study_maker.keep(study, question, records))
    assert [column.key for column in board.columns[:2]] == ["rmse", "dice"]
    assert [row.architecture for row in board.rows] == ["densenet", "unet"]


def other_provenance(**update):
    return study_maker.PROVENANCE.model_copy(update=update)


def test_a_seed_of_an_earlier_grid_made_on_other_data_does_not_enter_the_mean(study):
    both, one = grid(architectures=(UNET,)), grid(architectures=(UNET,), seeds=(0,))
    first, second = trained(both)
    old = other_provenance(data="older data")
    records = [
        study_maker.record(first, summary={"iou": 0.3}),
        study_maker.record(second, summary={"iou": 0.9}, provenance=old),
    ]
    study.write_grid(both, old, study_maker.CONTRACTS)
    study_maker.keep(study, one, records)
    (board,) = boards(study)
    (row,) = board.rows
    assert (row.figures["iou"].mean, row.seeds, row.asked) == (0.3, 1, 2)
    assert "seed 1: stale: the data changed" in row.remarks


def test_what_one_grid_found_changed_is_stale_in_every_grid_of_the_setting(study):
    changed = {**study_maker.SOURCES, "unet": {"networks/unet.py": "9" * 64}}
    questions = [
        grid(architectures=(UNET,), losses=(LossPair.model_validate(loss),), seeds=(0,))
        for loss in ("l1", "bce")
    ]
    for question in questions:
        records = [study_maker.record(cell, summary={"iou": 0.5}) for cell in trained(question)]
        study_maker.keep(study, question, records)
    study.write_grid(questions[1], other_provenance(sources=changed), study_maker.CONTRACTS)
    (board,) = boards(study)
    assert {row.loss: row.is_stale for row in board.rows} == {"l1": True, "bce": True}


def test_the_speed_of_code_that_has_changed_is_withheld_and_that_is_said(study):
    question = grid(architectures=(UNET,), seeds=(0,))
    (cell,) = trained(question)
    record = study_maker.record(cell, summary={"iou": 0.5})
    study_maker.keep(study, question, [record])
    ((case, _),) = timing_cases(question.cells(), [record])
    old = {"unet": {"networks/unet.py": "9" * 64}}
    study.write_measurement(timing(case, 2, 0.01).model_copy(update={"sources": old}))
    (board,) = boards(study)
    assert "inference_images_per_s" not in board.rows[0].figures
    assert board.remarks == ("unet: throughput: stale: networks/unet.py changed",)
    assert "unet: throughput: stale: networks/unet.py changed" in printed(study)
    assert "- unet: throughput: stale: networks/unet.py changed" in render(study)


def test_a_figure_of_another_version_of_a_metric_is_not_shown_beside_the_present_one(study):
    question = grid(seeds=(0,))
    unet, densenet = trained(question)
    older = {**study_maker.DIGESTS, "iou": "9" * 64}
    records = [
        study_maker.record(unet, summary={"iou": 0.9}, metrics=older),
        study_maker.record(densenet, summary={"iou": 0.5}),
    ]
    (board,) = boards(study_maker.keep(study, question, records))
    assert {r.architecture: "iou" in r.figures for r in board.rows} == {
        "unet": False,
        "densenet": True,
    }


def test_a_mean_of_which_some_seeds_have_no_value_is_told_and_never_bold(study):
    question = grid()
    values = {("unet", 0): 0.9, ("densenet", 0): 0.5, ("densenet", 1): 0.5}
    records = []
    for cell in trained(question):
        value = values.get((cell.architecture.name, cell.seed))
        summary = {"rmse": 0.1} | ({} if value is None else {"iou": value})
        records.append(study_maker.record(cell, summary=summary))
    (board,) = boards(study_maker.keep(study, question, records))
    assert [row.architecture for row in board.rows] == ["densenet", "unet"]
    best = {row.architecture: row.figures["iou"].best for row in board.rows}
    assert best == {"densenet": True, "unet": False}
    assert "0.900 (1 seeds without)" in render(study)


def test_why_a_metric_has_no_figure_is_a_remark(study):
    question = grid(architectures=(UNET,), seeds=(0,))
    (cell,) = trained(question)
    problem = {"mine.py:hits": "metric mine.py:hits: ZeroDivisionError: division by zero"}
    record = study_maker.record(cell, summary={"iou": 0.5}, problems=problem)
    (board,) = boards(study_maker.keep(study, question, [record]))
    assert f"seed 0: {problem['mine.py:hits']}" in board.rows[0].remarks


def test_metrics_whose_labels_read_the_same_are_told_apart_and_shown_as_text(study):
    question = grid(architectures=(UNET,), seeds=(0,), metrics=("a.py:m", "b.py:m"))
    (cell,) = trained(question)
    contract = study_maker.CONTRACTS["iou"].model_copy(update={"label": "x | y\n\n# Forged"})
    contracts = study_maker.CONTRACTS | {"a.py:m": contract, "b.py:m": contract}
    digests = {name: contract.source_sha256 for name, contract in contracts.items()}
    record = study_maker.record(cell, summary={"a.py:m": 0.5, "b.py:m": 0.6}, metrics=digests)
    study_maker.keep(study, question, [record])
    study.write_grid(question, study_maker.PROVENANCE, contracts)
    (board,) = boards(study)
    assert len({column.name for column in board.columns}) == len(board.columns)
    text = render(study)
    assert "\n# Forged" not in text
    header, rule, row = [line for line in text.splitlines() if line.startswith("| ")][:3]
    assert len({line.replace("\\|", "").count("|") for line in (header, rule, row)}) == 1
