"""Which cell is the best one, and what its model card says."""

import math
import warnings

import huggingface_hub
import pytest
import scored_study
import study_maker
import yaml

from bench.cli.trained import open_cell
from bench.errors import InputError
from bench.report.card import card
from bench.report.chosen import find_cell
from bench.report.hub import check_dataset, eval_results
from bench.report.leaderboard import leaderboards
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.data import Split
from bench.study.record import Epoch, Training
from bench.study.study import Study


def training(selected, other=0.99):
    """An epoch that was not selected, with an IoU and RMSE of its own, and the one that was."""
    epochs = [
        Epoch(step=1, losses={}, val={"iou": other, "rmse": 1 - other}, train_s=1),
        Epoch(step=2, losses={}, val=selected, train_s=1, selected=True),
    ]
    return Training(curve=tuple(epochs))


def keep(folder, question, of_cell):
    """A study of the grid, by what each cell's selected epoch has on the validation images."""
    study = scored_study.keep(folder, question)
    before = study.load()
    for record in before.records.values():
        tables = {name: before.scores(record.cell.id, name) for name in ("scores", "values")}
        found = training(of_cell(record.cell))
        study.write_cell(record.model_copy(update={"training": found}), tables)
    return study.load()


def test_best_is_the_seed_with_the_best_validation_of_the_row_that_leads(tmp_path):
    def of_cell(cell):  # of the row that leads, (unet, bce), less than of the others
        iou = {0: 0.5, 1: 0.7, 2: 0.6}[cell.seed]
        return {"iou": iou + 0.2 * (cell.architecture.name != "unet"), "rmse": 0.1}

    results = keep(tmp_path / "study", scored_study.grid(losses=("bce",), seeds=(0, 1, 2)), of_cell)
    chosen = find_cell(results, "best").cell
    assert (chosen.architecture.name, chosen.loss.mask, chosen.seed) == ("unet", "bce", 1)


def test_best_goes_down_where_less_is_better(tmp_path):
    question = scored_study.grid(losses=("bce",), seeds=(0, 1)).model_copy(
        update={"metrics": ("rmse",)}
    )
    results = keep(tmp_path / "study", question, lambda cell: {"rmse": 0.2 - 0.1 * cell.seed})
    assert find_cell(results, "best").cell.seed == 1


def test_a_cell_is_found_by_the_beginning_of_its_id_and_others_are_told(tmp_path):
    results = scored_study.keep(tmp_path / "study").load()
    cell_id = next(iter(results.records))
    assert find_cell(results, cell_id[:9]).cell.id == cell_id
    with pytest.raises(InputError, match="is the id of no finished cell"):
        find_cell(results, "zzz")


def test_best_of_rows_that_all_lack_seeds_is_said_to_be_so(tmp_path, capsys):
    question = scored_study.grid(losses=("bce",), seeds=(0, 1))

    def partly_failed(folder, failing):
        study = scored_study.keep(folder, question)
        for cell in (cell for cell in question.cells() if cell.loss is not None):
            if failing(cell):
                study.write_cell(study_maker.record(cell, failure="out of memory"), {})
        return study.load()

    every_row = partly_failed(tmp_path / "every", lambda cell: cell.seed == 1)
    with pytest.warns(UserWarning, match="no row has all its seeds; unet, bce has 1 of 2 and"):
        assert find_cell(every_row, "best").cell.seed == 0
    open_cell(tmp_path / "every", "best")
    assert capsys.readouterr().err.splitlines() == [
        "best: no row has all its seeds; unet, bce has 1 of 2 and leads among those that there are"
    ]
    one_row = partly_failed(
        tmp_path / "one", lambda cell: (cell.seed, cell.architecture.name) == (1, "unet")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_cell(one_row, "best").cell.architecture.name == "densenet"


def test_without_a_complete_cell_none_is_best(tmp_path):
    question = scored_study.grid()
    cells = [cell for cell in question.cells() if cell.loss is not None]
    records = [study_maker.record(cell, failure="out of memory") for cell in cells]
    study = study_maker.keep(Study(tmp_path / "study"), question, records)
    with pytest.raises(InputError, match="no cell is complete, so that none is best"):
        find_cell(study.load(), "best")


def test_a_card_has_the_rows_scores_with_their_intervals_and_no_path(tmp_path):
    question = scored_study.grid(data=Data(archive=("/home/me/secret/a.zip",)))
    results = scored_study.keep(tmp_path / "study", question).load()
    (board,) = leaderboards(results)
    record = board.rows[0].records[0]
    text = card(results, record, ["A note."])
    estimate = board.rows[0].figures["iou"]
    assert f"{estimate.mean:.3f} ± {estimate.interval.half_width:.3f}" in text
    assert not math.isclose(record.summary["iou"], estimate.mean, abs_tol=5e-4)
    assert f" {record.summary['iou']:.3f} |" in text
    assert "AbsRel" not in text  # which the grid did not ask for
    assert "data: a.zip at 64x64 px" in text
    assert "secret" not in text
    assert "adamw at 0.001 (one_cycle)" in text
    assert text.startswith("---\nlibrary_name: maskdepth-bench\n")
    assert "license" not in text.split("---")[1]
    assert "\n\nA note.\n\n## Licence\n" in text


def test_a_card_says_what_a_network_looks_at(tmp_path):
    small = scored_study.grid(architectures=("unet",), losses=("bce",), seeds=(0,))
    both = scored_study.keep(tmp_path / "both", small).load()
    networks = (Architecture(name="unet", options={"inputs": "composite"}),)
    question = small.model_copy(update={"architectures": networks})
    alone = scored_study.keep(tmp_path / "alone", question).load()
    for results, call in ((both, '("picture.jpg", "background.jpg")'), (alone, '("picture.jpg")')):
        assert f"predictor{call}" in card(results, next(iter(results.records.values())), [])


def test_what_a_label_has_in_it_stays_text(tmp_path):
    networks = (Architecture(name="unet", options={"x": "<script>|"}),)
    small = scored_study.grid(losses=("bce",), seeds=(0,))
    question = small.model_copy(update={"architectures": networks})
    results = scored_study.keep(tmp_path / "study", question).load()
    text = card(results, next(iter(results.records.values())), [])
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A study of one network with one loss and one seed, whose archive has a path."""
    data = Data(archive=("/home/me/secret/a.zip",))
    question = scored_study.grid(("unet",), ("bce",), (0,), data=data)
    return scored_study.keep(tmp_path_factory.mktemp("scored") / "study", question).load()


def test_the_hub_reads_the_scores_in_a_cards_header(scored):
    record = next(iter(scored.records.values()))
    metadata = huggingface_hub.ModelCard(card(scored, record, [], "me/rooms")).data
    assert metadata.datasets == ["me/rooms"]
    found = {
        (one.task_type, one.dataset_type, one.dataset_name, one.metric_type): one.metric_value
        for one in metadata.eval_results
    }
    assert found == {
        ("image-segmentation", "me/rooms", "a.zip", "iou"): record.summary["iou"],
        ("depth-estimation", "me/rooms", "a.zip", "rmse"): record.summary["rmse"],
    }
    assert huggingface_hub.ModelCard(card(scored, record, [])).data.eval_results is None


def test_the_hub_reads_the_scores_beside_a_network(scored):
    record = next(iter(scored.records.values()))
    (board,) = leaderboards(scored)
    text = eval_results(scored, record, board, "me/rooms")
    iou, rmse = huggingface_hub.parse_eval_result_entries(yaml.safe_load(text))
    assert (iou.dataset_id, iou.task_id, iou.value) == ("me/rooms", "iou", record.summary["iou"])
    assert (rmse.task_id, rmse.value) == ("rmse", record.summary["rmse"])
    assert iou.date == "2026-01-01T00:00:00Z"
    assert iou.notes == "unet · bce · seed 0; 2 test images at 64x64 px, split 0123"
    assert "secret" not in text


def test_the_hub_reads_all_scores_of_the_board_though_an_earlier_grid_asked_for_some(tmp_path):
    """A later grid of the same setting asked for fewer."""
    for loss, metrics in (("bce", ("iou", "rmse", "dice")), ("l1", ("iou", "rmse"))):
        question = scored_study.grid(("unet",), (loss,), (0,)).model_copy(
            update={"metrics": metrics}
        )
        study = scored_study.keep(tmp_path / "study", question)
    results = study.load()
    record = next(iter(results.records.values()))
    (board,) = leaderboards(results)
    entries = yaml.safe_load(eval_results(results, record, board, "me/rooms"))
    told = {entry["dataset"]["task_id"] for entry in entries}
    text = card(results, record, [], "me/rooms")
    in_card = {one.metric_type for one in huggingface_hub.ModelCard(text).data.eval_results}
    assert told == in_card == {"iou", "rmse", "dice"}
    assert "| Dice" in text


@pytest.mark.parametrize(
    ("task", "pipeline", "tag"),
    [
        ("mask", "image-segmentation", "foreground-segmentation"),
        ("depth", "depth-estimation", "depth-estimation"),
    ],
)
def test_the_hub_finds_a_network_by_what_it_predicts(tmp_path, task, pipeline, tag):
    question = scored_study.grid(("unet",), (LossPair(**{task: "l1"}),), (0,))
    study = scored_study.keep(tmp_path / "study", question)
    (record,) = study.load().records.values()
    header = huggingface_hub.ModelCard(card(study.load(), record, [])).data
    assert header.pipeline_tag == pipeline
    assert header.tags == sorted(["pytorch", tag])


def test_a_card_does_not_tell_where_a_teachers_weights_lie(tmp_path):
    teacher = {"architecture": {"name": "densenet"}, "weights": "/home/me/secret/t.safetensors"}
    losses = (LossPair(mask="bce", depth="l1"),)
    question = scored_study.grid(("unet",), losses, (0,), train=Train(epochs=1, teacher=teacher))
    results = scored_study.keep(tmp_path / "study", question).load()
    text = card(results, next(iter(results.records.values())), [])
    assert "teacher: densenet, weights from t.safetensors" in text
    assert "secret" not in text


def test_the_hub_is_not_told_where_an_authors_code_lies(scored):
    record = next(iter(scored.records.values()))
    own = Architecture(name="/home/me/secret/net.py:net")
    cell = record.cell.model_copy(update={"architecture": own})
    text = eval_results(scored, record.model_copy(update={"cell": cell}), None, "me/rooms")
    assert "net.py:net · bce · seed 0; " in text
    assert "secret" not in text


def test_a_card_does_not_tell_where_the_authors_files_lie(tmp_path):
    folder = "/home/me/secret"
    own = Architecture(name=f"{folder}/net.py:net", options={"start": f"{folder}/net.pth"})
    losses = (LossPair.model_construct(mask=f"bce + 0.5*{folder}/loss.py:soft", depth=None),)
    data = Data(archive=(f"{folder}/a.zip",), split=Split(file=f"{folder}/split.csv"))
    question = scored_study.grid(losses=losses, seeds=(0,), data=data)
    question = question.model_copy(update={"architectures": (own,)})
    results = scored_study.keep(tmp_path / "study", question, scored_study.constant).load()
    text = card(results, next(iter(results.records.values())), [])
    assert r"# net.py:net(start=net.pth) · mask: bce + 0.5\*loss.py:soft · seed 0" in text
    assert "split.csv" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "dataset", ["rooms", "a/b/c", "me/", "me/a b", "../rooms", "me/" + 99 * "a"]
)
def test_an_id_that_the_hub_cannot_have_is_told(dataset):
    with pytest.raises(InputError, match="give the dataset's id on the Hugging Face hub"):
        check_dataset(dataset)
    check_dataset("some-one/rooms_1.0")


def test_a_card_of_a_student_tells_of_its_teacher(tmp_path):
    """The teacher looks at the background though the student does not."""
    teacher = {"architecture": {"name": "densenet"}, "epochs": 1}
    student = Architecture(name="unet", options={"inputs": "composite"})
    question = scored_study.grid(
        ("unet",),
        (LossPair(mask="bce", depth="l1"),),
        (0,),
        train=Train(epochs=1, teacher=teacher),
    ).model_copy(update={"architectures": (student,)})
    results = scored_study.keep(tmp_path / "study", question).load()
    text = card(results, next(iter(results.records.values())), [])
    assert 'predictor("picture.jpg", "background.jpg")' in text
    assert "begin with `student.` and `teacher.`" in text
    assert "architectures.create" not in text
