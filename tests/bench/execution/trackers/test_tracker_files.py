"""What trackers write, read back by the libraries that it is for."""

import json
import math
import signal
import struct
import subprocess
import sys
import time

import pytest
import study_maker
import tracked_cell
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import InputError
from bench.execution.trackers import jsonl, tracking
from bench.execution.trackers.contract import Run
from bench.execution.trackers.tracking import TrackerName
from bench.settings.grid import Grid
from bench.study.bundle import bundle
from bench.study.merge import merge
from bench.study.study import Study

CELL = tracked_cell.CELL
FINISHED_S = 120.0  # on a busy machine


@pytest.fixture
def study(tmp_path):
    return tmp_path / "ä study, 50% #1"


@pytest.fixture
def told(study, monkeypatch):
    """Tells a tracker of a run's events, and returns the folder that it wrote into."""
    monkeypatch.setattr(tracking, "FINISH_S", FINISHED_S)
    said = []

    def told(name, events):
        with tracking.tracking([TrackerName(name)], study, "cpu", said.append) as runs:
            for event in events:
                runs(event)
        assert said == []
        return study / "tracking" / name

    return told


def lines(folder):
    (path,) = folder.glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_json_line_has_a_time_a_type_and_its_fields(told):
    found = lines(told("jsonl", tracked_cell.WHOLE))
    assert [line["type"] for line in found] == [
        "begin", "curve", "curve", "remark", "curve", "curve", "end",
    ]  # fmt: skip
    assert all(line["time"].endswith("+00:00") and line["run"] == CELL.id for line in found)
    assert found[0]["label"] == CELL.label
    assert found[0]["parameters"]["train.batch_size"] == 4
    assert (found[1]["step"], found[1]["figures"]) == (10, {"loss": 2.0, "images_per_s": 50.0})
    assert found[3]["text"] == "a remark"
    assert found[-1]["figures"] == {"test/iou": 0.75, "test/rmse": 0.25}
    assert found[-1]["failure"] is None


def test_json_lines_go_on_after_the_half_line_of_a_killed_run(told):
    folder = told("jsonl", [tracked_cell.START, tracked_cell.step(10, 2.0)])
    (path,) = folder.glob("*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"time": "2026-')
    told("jsonl", [tracked_cell.START, tracked_cell.FAILED])
    assert path.read_bytes().startswith(whole)
    found = lines(folder)
    assert [line["type"] for line in found] == ["begin", "curve", "begin", "end"]
    assert (found[-1]["failure"], found[-1]["kind"]) == ("nan in the loss", "diverged")


def test_a_figure_that_is_not_finite_is_null_in_json(tmp_path):
    tracker, run = jsonl.JsonLines(tmp_path), Run("0", "a cell")
    tracker.begin(run)
    tracker.curve(run, {"loss": math.nan, "images_per_s": 2.0}, 10)
    assert lines(tmp_path)[1]["figures"] == {"loss": None, "images_per_s": 2.0}


def scalars(folder):
    """The curves that TensorBoard shows of the only run in a folder, and the run's name."""
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_multiplexer")
    multiplexer = loader.EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    ((name, tags),) = multiplexer.Runs().items()
    curves = {
        tag: [(point.step, point.value) for point in multiplexer.Scalars(name, tag)]
        for tag in tags["scalars"]
    }
    return name, curves, multiplexer.GetAccumulator(name)


def text(accumulator, tag):
    (point,) = accumulator.Tensors(f"{tag}/text_summary")
    return point.tensor_proto.string_val[0].decode()


def test_tensorboard_shows_curves_texts_and_hyperparameters(told):
    pytest.importorskip("tensorboard")
    from tensorboard.plugins.hparams import metadata  # noqa: PLC0415 - an extra

    name, curves, accumulator = scalars(told("tensorboard", tracked_cell.WHOLE))
    assert name.endswith(CELL.id)
    assert "/" not in name
    assert curves["loss"] == [(10, 2.0), (20, 1.0)]
    assert curves["val/iou"] == [(10, 0.25), (20, 0.5)]
    assert curves["test/iou"] == [(0, 0.75)]
    assert "train.batch_size = 4" in text(accumulator, "parameters")
    assert "a remark" in text(accumulator, "remarks")
    content = accumulator.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    hyperparameters = metadata.parse_session_start_info_plugin_data(content).hparams
    assert hyperparameters["train.batch_size"].number_value == 4
    content = accumulator.SummaryMetadata("_hparams_/session_end_info").plugin_data.content
    assert metadata.parse_session_end_info_plugin_data(content).status == 1  # success


def test_tensorboard_goes_on_from_the_step_at_which_a_killed_cell_does(told):
    pytest.importorskip("tensorboard")
    told("tensorboard", [tracked_cell.START, *(tracked_cell.step(n, 9.0) for n in (5, 10, 15))])
    events = [tracked_cell.START, tracked_cell.step(10, 2.0), tracked_cell.FAILED]
    _, curves, accumulator = scalars(told("tensorboard", events))
    assert curves["loss"] == [(5, 9.0), (10, 2.0)]
    assert "diverged: nan in the loss" in text(accumulator, "failure")


def mlflow_run(folder):
    """The only run of the study's experiment, and the history of some metrics."""
    mlflow = pytest.importorskip("mlflow")
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name(folder.parent.parent.name)
    (run,) = client.search_runs([experiment.experiment_id])
    history = {
        name: [
            (point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)
        ]
        for name in run.data.metrics
    }
    return run, history


@pytest.fixture
def local_mlflow(monkeypatch):
    pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.mark.slow  # MLflow makes its database in 80 steps
def test_mlflow_reads_parameters_curves_and_scores_and_goes_on_with_a_cells_run(
    told, local_mlflow, capfd
):
    folder = told("mlflow", tracked_cell.WHOLE[:3])
    run, _ = mlflow_run(folder)
    assert run.info.status == "KILLED"
    told("mlflow", [tracked_cell.START, *tracked_cell.WHOLE[3:]])
    assert capfd.readouterr() == ("", "")
    run, history = mlflow_run(folder)
    assert (run.info.run_name, run.info.status) == (CELL.label, "FINISHED")
    assert run.data.params["train.batch_size"] == "4"
    assert run.data.params["loss.mask"] == "0.1*l1 + ssim"
    assert history["loss"] == [(10, 2.0), (20, 1.0)]
    assert history["val/iou"] == [(10, 0.25), (20, 0.5)]
    assert run.data.metrics["test/iou"] == 0.75
    assert run.data.tags["mlflow.note.content"] == "a remark"
    # A cell that is run again, and fails.
    told("mlflow", [tracked_cell.START, tracked_cell.FAILED])
    run, _ = mlflow_run(folder)
    assert run.info.status == "FAILED"
    assert run.data.tags["failure"] == "nan in the loss"
    assert run.data.tags["failure_kind"] == "diverged"
    told("mlflow", [tracked_cell.START, tracked_cell.finished(0.5)])
    run, _ = mlflow_run(folder)
    assert (run.info.status, run.data.metrics["test/iou"]) == ("FINISHED", 0.5)
    assert "failure" not in run.data.tags


def records(folder):
    """What an offline run of W&B holds: LevelDB's log format, after seven bytes of W&B's.

    https://github.com/google/leveldb/blob/main/doc/log_format.md
    """
    from wandb.proto import wandb_internal_pb2  # noqa: PLC0415 - an extra

    (path,) = folder.glob("offline-run-*/*.wandb")
    content, found, parts = path.read_bytes(), [], b""
    assert content[:4] == b":W&B"
    at = 7
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:  # too little for a header: the next block
            at += 32768 - at % 32768
            continue
        length, kind = struct.unpack_from("<HB", content, at + 4)
        parts += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in {1, 4}:  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            found.append(record)
            parts = b""
    return found


def updates(items):
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


@pytest.mark.slow  # W&B starts a process
def test_wandb_offline_holds_parameters_curves_and_scores(told, monkeypatch, capfd):
    wandb = pytest.importorskip("wandb", reason="the extra wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    folder = told("wandb", tracked_cell.WHOLE)
    wandb.teardown()  # waits for its process, as the end of ours does
    assert capfd.readouterr() == ("", "")
    found = records(folder)
    runs = [one.run for one in found if one.WhichOneof("record_type") == "run"]
    assert (runs[0].run_id, runs[0].display_name) == (CELL.id, CELL.label)
    assert runs[0].project == "ä study, 50_ _1"
    config = {}
    for one in found:
        for part in (one.run.config.update, one.config.update):
            config |= updates(part)
    assert config["train.batch_size"] == 4
    points = [updates(one.history.item) for one in found if one.history.item]
    assert [(p["step"], p["loss"]) for p in points if "loss" in p] == [(10, 2.0), (20, 1.0)]
    assert [(p["step"], p["val/iou"]) for p in points if "val/iou" in p] == [(10, 0.25), (20, 0.5)]
    summary = {}
    for one in found:
        summary |= updates(one.summary.update)
    assert summary["test/iou"] == 0.75
    assert any("a remark" in one.notes for one in runs)
    assert [one.exit.exit_code for one in found if one.HasField("exit")] == [0]


@pytest.mark.slow  # W&B starts a process
def test_wandb_without_a_user_is_told_of_before_anything_runs(told, monkeypatch, tmp_path):
    wandb = pytest.importorskip("wandb", reason="the extra wandb is not installed")
    monkeypatch.setenv("HOME", str(tmp_path))  # where a user would be known
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    wandb.teardown()
    with pytest.raises(InputError, match=r"--track wandb: nobody is logged in; .*WANDB_MODE=off"):
        told("wandb", [])
    wandb.teardown()


def test_tracking_is_no_part_of_a_study(tmp_path, told, study):
    grid = Grid(
        architectures=["unet"], losses=["bce"], data={"archive": "a.zip"}, train={"epochs": 1}
    )
    figures = {"iou": 0.5, "rmse": 0.25}
    study_maker.keep(
        Study(study), grid, [study_maker.record(cell, summary=figures) for cell in grid.cells()]
    )
    before = Study(study).load()
    bundle(study, tmp_path / "before.zip", version="1")
    told("jsonl", tracked_cell.WHOLE)
    assert Study(study).load() == before
    bundle(study, tmp_path / "after.zip", version="1")
    assert (tmp_path / "after.zip").read_bytes() == (tmp_path / "before.zip").read_bytes()
    merge([study], tmp_path / "merged")
    assert not (tmp_path / "merged" / "tracking").exists()


def test_a_run_that_is_tracked_tells_of_each_cell_once(asked, tmp_path, monkeypatch):
    monkeypatch.setenv("MASKDEPTH_CACHE", str(tmp_path / "cache"))
    asked(losses=["bce"])
    out = tmp_path / "study"
    command = ["run", "--grid", str(tmp_path / "grid.yaml"), "--out", str(out), "--limit", "12"]
    for _ in range(2):  # the second has nothing to do
        shown = CliRunner().invoke(app, [*command, "--launcher", "inline", "--track", "jsonl"])
        assert shown.exit_code == 0, shown.output
    told = {path.stem: path.read_text() for path in (out / "tracking" / "jsonl").iterdir()}
    for cell_id, record in Study(out).load().records.items():
        found = [json.loads(line) for line in told[cell_id].splitlines()]
        assert found[-1]["figures"] == {f"test/{n}": v for n, v in record.summary.items()}
        assert [line["type"] for line in found].count("begin") == 1
        points = [line["figures"] for line in found if line["type"] == "curve"]
        trained = [] if record.training is None else record.training.curve
        vals = [{f"val/{n}": v for n, v in epoch.val.items()} for epoch in trained]
        assert [point for point in points if "epoch" in point] == [
            {"epoch": number} | {f"train/{n}": v for n, v in epoch.losses.items()} | val
            for number, (epoch, val) in enumerate(zip(trained, vals, strict=True), 1)
        ]


HANGING = """
import time
from bench.execution.trackers import tracking

class Hangs:
    def __getattr__(self, name):
        return lambda *_: time.sleep(1000)

tracking._open = lambda name, study: Hangs()
from bench.cli import main
main()
"""


@pytest.mark.slow
def test_a_run_whose_tracker_hangs_stops_within_ten_seconds(asked, tmp_path):
    asked(train={"epochs": 1000, "batch_size": 8}, keep={"checkpoint_seconds": 0.5})
    command = ["run", "--grid", "grid.yaml", "--out", "study", "--threads", "1"]
    run = subprocess.Popen(
        [sys.executable, "-c", HANGING, *command, "--track", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
    )
    deadline = time.monotonic() + 120
    while not any(tmp_path.glob("study/checkpoints/*/state.safetensors")):
        assert run.poll() is None, run.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    asked_at = time.monotonic()
    run.send_signal(signal.SIGINT)
    printed, _ = run.communicate(timeout=60)
    assert time.monotonic() - asked_at < 10
    assert run.returncode == 130
    assert printed.count("--track jsonl: did not finish in time") == 1
