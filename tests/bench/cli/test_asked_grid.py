"""How a grid is named on the command line: `bench run`, `bench plan`."""

import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bench.cli import app
from bench.cli.asked_grid import MAX_UNASKED, read_asked, require_consent
from bench.errors import InputError
from bench.study.study import Study


@pytest.fixture
def quick(repository, tmp_path, monkeypatch):
    """A copy of the quick grid in the working folder."""
    shutil.copy(repository / "grids/quick.yaml", tmp_path / "quick.yaml")
    monkeypatch.chdir(tmp_path)
    return "quick.yaml"


def invoke(*arguments, **options):
    return CliRunner().invoke(app, list(map(str, arguments)), **options)


def refused(*arguments):
    """The line that a command ends in."""
    result = invoke(*arguments)
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


def test_a_grid_is_the_first_argument_or_that_of_the_option(quick):
    first = read_asked(quick, ["seeds=[0, 1]"], None)
    option = read_asked("seeds=[0, 1]", [], Path(quick))
    assert first == option
    assert (first.name, first.grid.seeds) == ("quick", (0, 1))


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "give the grid's YAML file, as in grids/quick.yaml"),
        (["train.epochs=2"], "give the grid's YAML file first, and then train.epochs=2"),
        (["quick.yaml", "--grid", "quick.yaml"], "--grid: names a second grid besides quick.yaml"),
        (["nowhere.yaml"], "nowhere.yaml: no such grid file"),
        (["quick.yaml", "train.epoch=2"], "quick.yaml with train.epoch=2: unknown key"),
        (["quick.yaml", "other.yaml"], "'other.yaml' is no setting such as train.epochs=2"),
    ],
)
def test_a_mistake_in_how_a_grid_is_named_is_one_line(quick, command, arguments, line):
    assert refused(command, *arguments).startswith(line)


def test_a_study_records_the_grid_with_the_settings_that_were_typed(
    quick, tmp_path, rendered_archive, tiny_network
):
    settings = [f"architectures={tiny_network}", "losses=bce", "train.epochs=1", "--limit=12"]
    ran = invoke("run", quick, f"data.archive={rendered_archive}", "data.image_size=32", *settings)
    assert ran.exit_code == 0, ran.output
    (stored,) = Study(tmp_path / "results/quick-limit-12").load().grids
    assert (stored.grid.train.epochs, stored.grid.data.image_size) == (1, (32, 32))
    assert stored.grid.architectures[0].name == tiny_network


def test_many_cells_are_asked_for_on_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda text, *, abort: asked.append((text, abort)))
    asked = []
    require_consent(1447, "cells are to be trained", yes=False)
    assert asked == [("1,447 cells are to be trained. Go on?", True)]


def test_many_cells_are_refused_where_nobody_can_be_asked():
    with pytest.raises(InputError, match=r"^1,447 cells are to be trained; give --yes if that is"):
        require_consent(1447, "cells are to be trained", yes=False)


def test_few_cells_and_those_that_are_meant_need_no_question():
    require_consent(MAX_UNASKED, "cells are to be trained", yes=False)
    require_consent(1447, "cells are to be trained", yes=True)


def test_a_run_of_more_cells_than_one_would_think_is_refused_before_anything_is_written(
    quick, tmp_path, rendered_archive
):
    content = yaml.safe_load((tmp_path / quick).read_text())
    content["data"]["archive"] = str(rendered_archive)
    (tmp_path / quick).write_text(yaml.safe_dump(content))
    line = refused("run", quick, f"seeds={list(range(20))}", "--launcher", "inline")
    assert line == "320 cells are to be trained; give --yes if that is meant"
    assert not (tmp_path / "results").exists()
