"""A mistake on the command line is one line that says what would be right, and exit code 2."""

import pytest
import typer

from bench.cli import main


@pytest.fixture
def mistaken(tmp_path, monkeypatch, capsys):
    """The one line that a command line is answered with."""
    monkeypatch.chdir(tmp_path)

    def mistaken(line):
        monkeypatch.setattr("sys.argv", ["bench", *line.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code, said.out) == (2, "")
        (line,) = said.err.splitlines()
        return line

    return mistaken


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("rnu", "bench: no such command 'rnu'; did you mean 'run'? (see `bench --help`)"),
        ("data mkae", "bench data: no such command 'mkae'; did you mean 'make'? (see `bench data"),
        ("run g.yaml --treads 2", "bench run: no such option: --treads; did you mean --threads, "),
        ("status --foo", "bench status: no such option: --foo (see `bench status --help`)"),
        ("run --threads two", "bench run: invalid value for '--threads': "),
        ("serve s --port 99999", "bench serve: invalid value for '--port': "),
        (
            "list archs",
            "bench list: invalid value for 'what': 'archs' is not one of 'architectures",
        ),
        ("run --retry x", "bench run: invalid value for '--retry': 'x' is not one of 'failed', "),
        ("report", "bench report: missing argument 'study' (see `bench report --help`)"),
        ("doctor x", "bench doctor: got unexpected extra argument(s) (x) (see `bench doctor --h"),
        ("run --threads", "bench: option '--threads' requires an argument"),
        ("run", "bench: give the grid's YAML file, as in grids/quick.yaml"),
        ("plan g.yaml --budget 2x", "bench: --budget: '2x' is no time; give one such as 30m, 2h"),
        ("explain epoch", "bench: unknown key 'epoch'; did you mean 'train.epochs'?"),
        (
            "verify nowhere",
            "bench: nowhere: holds no study; give the folder that `bench run` wrote",
        ),
        (
            "check iuo",
            "bench: unknown architecture, loss or metric 'iuo'; did you mean 'iou'? (cho",
        ),
        ("check nowhere.py:x", "bench: 'nowhere.py:x': there is no file nowhere.py (looked in "),
        (
            "check unet --option width",
            "bench: --option 'width' is no assignment such as width=0.25",
        ),
        ("data check", "bench: give the archives to read, or a --grid that names them"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_what_would_be_right(mistaken, line, answer):
    said = mistaken(line)
    assert said.startswith(answer)
    assert "Value error" not in said
    assert "unable to parse" not in said


@pytest.mark.parametrize("line", ["", "data"])
def test_no_command_at_all_shows_the_commands(monkeypatch, capsys, line):
    monkeypatch.setattr("sys.argv", ["bench", *line.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert "Usage: bench" in said.out + said.err
    assert "--help`)" not in said.err


def test_a_question_that_is_answered_with_no_ends_without_a_traceback(monkeypatch, capsys):
    def refused(**_):
        raise typer.Abort

    monkeypatch.setattr("bench.cli.app", refused)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "aborted\n"
