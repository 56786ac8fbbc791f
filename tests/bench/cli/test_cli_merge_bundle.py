"""Studies are joined, packed and unpacked on the command line."""

import sys
from pathlib import Path

import bundle_maker
import pytest

from bench.cli import main
from bench.study.study import Study


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    """Run the command line in the folder of a study; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    bundle_maker.make_study(tmp_path / "mine")

    def bench(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return bench


def test_studies_are_joined_and_what_is_added_is_counted(bench):
    said = bench("merge", "mine", "mine", "all")
    assert said == (0, "all: 4 added; see `bench report all`\n", "")
    said = bench("merge", "mine", "all")
    assert said == (0, "all: nothing to add; see `bench report all`\n", "")
    assert len(Study(Path("all")).load().records) == 2


def test_a_study_is_packed_and_unpacked(bench):
    assert bench("bundle", "mine") == (0, "written to mine.bundle.zip\n", "")
    said = bench("unbundle", "mine.bundle.zip", "back")
    assert said == (0, "written to back; see `bench report back`\n", "")
    assert bench("bundle", "back", "again.zip")[0] == 0
    assert len(Study(Path("back")).load().records) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["merge", "mine", "nowhere", "all"], "nowhere: holds no study"),
        (["bundle", "nowhere"], "nowhere: holds no study"),
        (["unbundle", "nowhere.zip", "back"], "nowhere.zip: no such file"),
        (["unbundle", "nowhere.zip", "mine"], "mine exists already; give a new folder"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(bench, arguments, message):
    code, said, told = bench(*arguments)
    assert (code, said) == (2, "")
    assert told.startswith(f"bench: {message}")
    assert told.count("\n") == 1
