"""The network that was trained comes back from its study, and predicts what was scored."""

import shutil
import warnings
from datetime import timedelta

import pytest
import torch
from watched_run import CPU

import bench
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.split import split_rows
from bench.errors import InputError
from bench.evaluation.metrics.iou import iou
from bench.evaluation.score import score
from bench.execution.run import run
from bench.study import places
from bench.study.study import Study

METRIC = """
from bench.evaluation.metric import metric

@metric(label="mine", task="mask", reads=("tp", "fp", "fn"), higher_is_better=True, decimals=3)
def mine(sums):
    '''IoU by another name.'''
    union = sums["tp"] + sums["fp"] + sums["fn"]
    return (sums["tp"] / union).mask(union == 0, 1.0)
"""
TRAIN = {"epochs": 3, "batch_size": 8, "precision": "float32", "learning_rate": 0.02}

pytestmark = pytest.mark.usefixtures("timed")


def trained(study):
    (record,) = [r for r in study.load().records.values() if r.cell.loss is not None]
    return record


@pytest.fixture
def rescored(rendered_archive):
    """The IoU of a network on the test images."""

    def rescored(network, question):
        dataset = open_dataset([rendered_archive], question.data.image_size)
        split = split_rows(dataset.samples, question.data.split, dataset.fingerprint)
        loader = BatchLoader(dataset, CPU)
        tasks = ("mask", "depth")
        table = score(network, loader, split.test, batch_size=8, precision="float32", tasks=tasks)
        return iou.per_image(table).mean()

    return rescored


def test_the_weights_that_were_scored_are_kept_by_default(asked, tmp_path, rescored):
    question, study = asked(losses=["bce"], train=TRAIN), Study(tmp_path / "study")
    run(question, study, device=CPU)
    record = trained(study)
    torch.manual_seed(5)
    network = bench.load(study.folder).network(record.cell.id[:6])
    assert record.weights == "best"
    assert not network.training
    assert rescored(network, question) == pytest.approx(record.summary["iou"], abs=1e-7)


def test_those_of_the_last_epoch_are_others_and_change_no_figure(asked, tmp_path):
    studies = {}
    for weights in ("best", "last", "none"):
        question = asked(losses=["bce"], train=TRAIN, keep={"weights": weights})
        studies[weights] = Study(tmp_path / weights)
        run(question, studies[weights], device=CPU)
    records = {weights: trained(study) for weights, study in studies.items()}
    assert [r.weights for r in records.values()] == ["best", "last", None]
    assert len({r.cell.id for r in records.values()}) == 1
    assert records["best"].summary == records["last"].summary == records["none"].summary
    selected = [epoch.selected for epoch in records["best"].training.curve]
    best, last = (
        bench.load(studies[which].folder).network(records[which].cell.id).state_dict()
        for which in ("best", "last")
    )
    is_same = all(torch.equal(best[name], last[name]) for name in best)
    assert is_same == selected[-1]


def test_a_study_without_weights_says_how_to_have_them(asked, tmp_path):
    study = Study(tmp_path / "study")
    run(asked(losses=["bce"], keep={"weights": "none"}), study, device=CPU)
    with pytest.raises(InputError, match=r"not kept, as a grid of the study says `keep: \{weights"):
        bench.load(study.folder).network(trained(study).cell.id)


def test_a_study_that_has_lost_its_weights_says_that_another_run_makes_them(repository):
    published = bench.load(repository / "results/published/cross-cpu")
    (record, *_) = [r for r in published.results.records.values() if r.cell.loss is not None]
    with pytest.raises(InputError, match="they have been left out since; run its grid again into"):
        published.network(record.cell.id)


def test_an_unknown_cell_is_told(asked, tmp_path):
    study = Study(tmp_path / "study")
    run(asked(losses=["bce"]), study, device=CPU)
    with pytest.raises(InputError, match="nowhere: is the id of no finished cell"):
        bench.load(study.folder).network("nowhere")


def test_lost_weights_are_damage(asked, tmp_path):
    study = Study(tmp_path / "study")
    run(asked(losses=["bce"]), study, device=CPU)
    cell = trained(study).cell
    (study.folder / places.of_cell(cell) / places.WEIGHTS_FILE).unlink()
    assert study.load().damaged == {places.of_cell(cell): "weights.safetensors: is not there"}


def test_a_teachers_network_comes_back_with_its_student(asked, tmp_path, rescored):
    teacher = {
        "architecture": {"name": "resnet50_upproj", "width": 0.0625, "inputs": "composite"},
        "epochs": 1,
        "batch_size": 8,
    }
    loss = {"mask": "0.1*sparsity", "depth": "l1"}
    question = asked(losses=[loss], train=TRAIN | {"teacher": teacher})
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    record = trained(study)
    network = bench.load(study.folder).network(record.cell.id)
    assert rescored(network, question) == pytest.approx(record.summary["iou"], abs=1e-7)
    assert list((study.folder / places.CHECKPOINTS).glob("*")) == []


def test_a_network_whose_code_has_changed_comes_back_with_a_warning(asked, tmp_path, tiny_network):
    file, _, name = tiny_network.rpartition(":")
    copy = tmp_path / "network.py"
    shutil.copy(file, copy)
    study = Study(tmp_path / "study")
    run(asked(architectures=[f"{copy}:{name}"], losses=["bce"]), study, device=CPU)
    cell = trained(study).cell.id
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bench.load(study.folder).network(cell)
    with copy.open("a") as code:
        code.write("# edited")
    with pytest.warns(UserWarning, match="may predict otherwise: network.py changed"):
        bench.load(study.folder).network(cell)


def test_metrics_are_not_computed_from_what_another_run_has_made_anew(asked, tmp_path, monkeypatch):
    study, question = Study(tmp_path / "study"), asked(losses=["bce"])
    run(question, study, device=CPU)
    (tmp_path / "mine.py").write_text(METRIC)
    mine = {"metrics": ["iou", "rmse", f"{tmp_path / 'mine.py'}:mine"]}
    original = Study.write_grid

    def meanwhile(self, *known, **more):
        """Another run replaces the cell after this one has read the study."""
        record = trained(study)
        later = record.finished_utc + timedelta(seconds=1)
        tables = {name: study.load().scores(record.cell.id, name) for name in ("scores", "values")}
        weights = study.load().weights(record)
        study.write_cell(record.model_copy(update={"finished_utc": later}), tables, weights)
        original(self, *known, **more)

    monkeypatch.setattr(Study, "write_grid", meanwhile)
    run(asked(losses=["bce"], **mine), study, device=CPU)
    monkeypatch.undo()
    assert "mine.py:mine" not in trained(study).summary  # it is left to the next run
    run(asked(losses=["bce"], **mine), study, device=CPU)
    assert trained(study).summary["mine.py:mine"] == trained(study).summary["iou"]
