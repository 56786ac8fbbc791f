"""Which metrics there are, what each promises, and that a new one is one new file."""

import hashlib
import subprocess
import sys

import pandas as pd
import pytest
import torch

from bench.cli.list_names import Registry, list_names
from bench.errors import InputError, TrainingError
from bench.evaluation import metrics, sums
from bench.evaluation.metric import summarise
from bench.execution.cell import Job, run_cell
from bench.execution.context import load_metrics, open_context
from bench.settings import identity
from bench.settings.grid import Grid
from user_code import forget_changed

NEW_METRIC = '''
from bench.evaluation.metric import metric

@metric(label="misses", task="mask", reads=("fn",), higher_is_better=False, decimals=1, minimum=0)
def misses(sums):
    """The object's pixels that were not found, the mean over the images."""
    return sums["fn"]
'''


def scores(**columns):
    return pd.DataFrame(columns)


@pytest.mark.parametrize("name", metrics.names())
def test_a_metric_keeps_the_contract(name):
    metric = metrics.load(name)
    assert metric.name == name
    assert metric.path.stem == name
    assert metric.contract.source_sha256 == hashlib.sha256(metric.path.read_bytes()).hexdigest()
    assert set(metric.reads) <= set(sums.COLUMNS[metric.contract.task])
    assert len(metric.contract.description) > 80  # a formula, a source and the rules
    sums.check_metric(metric)


@pytest.mark.parametrize("name", metrics.names())
def test_a_metric_changes_no_table(name):
    metric = metrics.load(name)
    table = scores(**{column: [0, 3] for column in metric.reads})
    before = table.copy()
    metric.formula(table)
    pd.testing.assert_frame_equal(table, before)


def test_no_two_metrics_have_one_label():
    labels = [metrics.load(name).contract.label for name in metrics.names()]
    assert len(set(labels)) == len(labels)


def test_metrics_need_no_torch():
    program = (
        "import sys; from bench.evaluation import metrics, selection; "
        "[metrics.load(name) for name in metrics.names()]; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.fixture
def summary_of(rendered_archive, tiny_network, tmp_path_factory):
    """Gives the figures of a cell that is trained for a moment."""

    def run(*names):
        grid = Grid(
            architectures=(tiny_network,),
            losses=("bce",),
            data={"archive": str(rendered_archive), "image_size": 32},
            train={"steps": 1, "batch_size": 8},
            metrics=names,
        )
        context = open_context(grid, torch.device("cpu"), tmp_path_factory.mktemp("run"))
        result = run_cell(Job(list(grid.cells())[-1]), context)
        missed = result.tables["scores"]["fn"].mean()
        return result.record, missed

    return run


def test_a_file_dropped_into_the_search_path_is_a_metric(tmp_path, monkeypatch, summary_of):
    (tmp_path / "misses.py").write_text(NEW_METRIC)
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    assert "misses" in metrics.names()
    record, missed = summary_of("iou")
    assert record.summary["misses"] == missed
    record, _ = summary_of("iou", "misses")
    assert record.training.curve[-1].val.keys() == {"iou", "rmse", "misses"}


def test_a_users_file_is_a_metric_and_may_import_its_neighbours(tmp_path, summary_of):
    (tmp_path / "helper_of_metric.py").write_text("def same(column): return column\n")
    source = "from helper_of_metric import same\n" + NEW_METRIC.replace("return s", "return same(s")
    (tmp_path / "mine.py").write_text(source.replace('["fn"]\n', '["fn"])\n'))
    spec = f"{tmp_path / 'mine.py'}:misses"
    record, missed = summary_of("iou", spec)
    assert record.summary["mine.py:misses"] == missed
    assert record.training.curve[-1].val.keys() == {"iou", "rmse", "mine.py:misses"}


def test_a_changed_neighbour_is_another_metric(tmp_path):
    (tmp_path / "mine.py").write_text(f"import neighbour_of_metric\n{NEW_METRIC}")
    spec = f"{tmp_path / 'mine.py'}:misses"
    digests = []
    for content in ("a = 1", "a = 2", "a = 1"):
        (tmp_path / "neighbour_of_metric.py").write_text(content)
        forget_changed()
        digests.append(metrics.load(spec).contract.source_sha256)
    assert digests[0] == digests[2] != digests[1]


def test_a_changed_metric_is_never_the_old_one_under_a_new_digest(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(NEW_METRIC)
    spec, table = f"{path}:misses", scores(fn=[2, 4])
    assert metrics.load(spec).value(table) == 3
    path.write_text(NEW_METRIC.replace('sums["fn"]', '9 * sums["fn"]'))
    with pytest.raises(InputError, match=r"^mine\.py changed since it was loaded; start again$"):
        metrics.load(spec)
    forget_changed()
    assert metrics.load(spec).value(table) == 27


def test_a_metric_is_one_however_its_path_is_spelled(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(NEW_METRIC)
    monkeypatch.chdir(tmp_path)
    found = [metrics.load(spec).name for spec in ("mine.py:misses", f"{tmp_path}/mine.py:misses")]
    assert found == ["mine.py:misses"] * 2
    assert identity.of_metric("./mine.py:misses") == "mine.py:misses"
    assert identity.of_metric("iou") == "iou"


def test_two_metrics_that_only_their_folders_tell_apart_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(NEW_METRIC)
    grid = Grid(
        architectures=("unet",),
        losses=("bce",),
        data={"archive": "a.zip"},
        train={"epochs": 1},
        metrics=[f"{tmp_path}/{folder}/mine.py:misses" for folder in ("a", "b")],
    )
    with pytest.raises(InputError, match="differ in their folders only; give one of the files"):
        load_metrics(grid)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rsme", r"^metrics: unknown metric 'rsme'; did you mean 'rmse'\? \(choices: abs_rel,"),
        ("nowhere.py:x", r"^metrics: nowhere.py:x: there is no Python file nowhere.py \(in /"),
        ("{file}:mises", r"no @metric is called 'mises'; did you mean 'misses'\? \(choices: misse"),
        ("{broken}:x", r"cannot be imported: ZeroDivisionError: division by zero$"),
    ],
)
def test_a_metric_that_there_is_not_is_one_line(tmp_path, spec, message):
    places = {"file": tmp_path / "mine.py", "broken": tmp_path / "broken.py"}
    places["file"].write_text(NEW_METRIC)
    places["broken"].write_text("1 / 0\n")
    with pytest.raises(InputError, match=message):
        metrics.load(spec.format(**places))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('("fn",)', '("fns",)'), r"reads the unknown column 'fns'; did you mean 'fn'\?"),
        (('sums["fn"]', 'sums["tp"]'), "fails: KeyError: 'tp'$"),
        (('sums["fn"]', 'sums["fn"].mean()'), "has to return one value an image$"),
        (("minimum=0", "pooled=True"), "has to return one number$"),
    ],
)
def test_a_metric_that_cannot_be_computed_is_found_before_anything_is_trained(
    tmp_path, change, message
):
    path = tmp_path / "mine.py"
    path.write_text(NEW_METRIC.replace(*change))
    with pytest.raises(InputError, match=f"^metrics: mine.py:misses {message}"):
        sums.check_metric(metrics.load(f"{path}:misses"))


def test_a_figure_out_of_the_range_of_its_metric_is_none():
    metric = metrics.load("iou")
    with pytest.raises(TrainingError, match=r"^metric iou: 7\.5 is not between 0 and 1$"):
        metric.value(scores(tp=[15.0], fp=[-13.0], fn=[0]))


def test_a_summary_has_what_the_table_has_the_columns_of():
    table = scores(tp=[1, 1], fp=[1, 0], fn=[0, 0], depth_pixels=[0, 0], squared_error=[0.0, 0.0])
    every = [metrics.load(name) for name in metrics.names()]
    # There is no reading, so that no metric of depth has a value.
    assert summarise(table, every) == {
        "iou": 0.75,
        "pooled_iou": pytest.approx(2 / 3),
        "dice": pytest.approx((2 / 3 + 1) / 2),
        "precision": 0.75,
        "recall": 1,
    }


def test_the_listing_says_which_way_is_better(capsys):
    list_names(Registry.metrics)
    text = capsys.readouterr().out
    named = [line for line in text.split("\n\n", 1)[0].splitlines() if not line.startswith(" ")]
    assert named == metrics.names()
    assert "\n  of the mask; higher is better; boundary F\n" in text
    assert "\n  of the depth; lower is better; RMSE\n" in text
