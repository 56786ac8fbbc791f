"""`bench list`, `explain`, `schema`, and what a shell completes."""

import json
import os
import subprocess
import sys

import click
import pytest
from typer.testing import CliRunner

import architectures
import losses
from bench.cli import app
from bench.cli.explain import explain
from bench.errors import InputError
from bench.evaluation import metrics
from bench.settings import explanation
from bench.settings.json_schema import grid_schema

OF_LISTS = {
    "architectures": architectures.names,
    "losses": losses.names,
    "metrics": metrics.names,
}


def shown(*arguments):
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("what", OF_LISTS)
def test_a_list_has_every_name_in_plain_text_of_80_columns(what):
    lines = shown("list", what).splitlines()
    assert set(OF_LISTS[what]()) <= set(lines)
    assert max(map(len, lines)) <= 80
    assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize(
    ("what", "name", "details"),
    [
        ("architectures", "unet", ["  U-Net whose tasks share", "  options: inputs=pair, tasks=["]),
        (
            "losses",
            "focal",
            ["  Focal loss, ", "  options: alpha=0.25 (a number between 0 and 1), "],
        ),
        ("losses", "mse", ["  Mean squared error"]),
        ("metrics", "iou", ["  Intersection over union", "  of the mask; higher is better; IoU"]),
    ],
)
def test_a_name_is_listed_with_what_it_is_and_its_options(what, name, details):
    lines = shown("list", what).splitlines()
    below = lines[lines.index(name) + 1 :]
    assert all(line.startswith(start) for line, start in zip(below, details, strict=False))


@pytest.mark.parametrize(
    ("what", "forms"),
    [
        ("architectures", ["smp:DECODER/ENCODER", "timm:ENCODER", "path/to/file.py:NAME"]),
        (
            "losses",
            [
                "bce + 0.5*ssim(window=7)",
                "{mask: bce, depth: l1}",
                "bce + 0.5*path/to/file.py:NAME",
            ],
        ),
        ("metrics", ["path/to/file.py:NAME"]),
    ],
)
def test_a_list_says_how_names_are_written(what, forms):
    lines = shown("list", what).splitlines()
    assert set(forms) <= set(lines[lines.index("How they are written in a grid:") :])


def test_a_setting_is_explained_with_its_type_an_example_and_what_is_in_it():
    lines = shown("explain", "train.schedule").splitlines()
    assert lines[0] == "train.schedule"
    assert any(line.startswith("type      one_cycle or cosine or constant or ") for line in lines)
    assert "example   train: {schedule: cosine}" in lines
    assert "          bench run grid.yaml train.schedule=cosine" in lines
    assert any(line.startswith("pct_start ") for line in lines)


def test_into_a_pipe_each_text_is_one_line_that_a_search_finds():
    description = explanation.explain("train.color_jitter").description
    assert description in shown("explain", "train.color_jitter").splitlines()
    lines = [line.split() for line in shown("explain").splitlines()]
    for key, beginning in explanation.overview().items():
        assert [key, *beginning.replace("``", "").split()] in lines


@pytest.mark.parametrize("key", [None, "train.schedule", "train.color_jitter"])
def test_on_a_terminal_texts_are_wrapped_at_80_columns_and_never_cut(key, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    explain(key)
    wrapped = click.unstyle(capsys.readouterr().out)
    assert max(map(len, wrapped.splitlines())) <= 80
    assert wrapped.split() == shown("explain", *filter(None, [key])).split()


def test_an_unknown_setting_is_one_line():
    result = CliRunner().invoke(app, ["explain", "train.shedule"])
    assert isinstance(result.exception, InputError)
    assert "did you mean 'train.schedule'?" in str(result.exception)


def test_the_schema_is_printed_as_json():
    assert json.loads(shown("schema")) == grid_schema()


def completed(*words):
    """What a shell offers for the last word; torch must not be loaded for it."""
    code = (
        "import sys\nfrom bench.cli import app\n"
        "try:\n    app(prog_name='bench')\n"
        "finally:\n    assert 'torch' not in sys.modules\n"
    )
    asked = {
        "_BENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("bench", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "AssertionError" not in done.stderr
    return done.stdout.split()


def test_a_shell_completes_settings_networks_and_commands():
    assert completed("run", "grid.yaml", "train.sch")[0] == "train.schedule="
    assert completed("check", "unet_") == ["unet_additive"]
    assert completed("expl") == ["explain"]
