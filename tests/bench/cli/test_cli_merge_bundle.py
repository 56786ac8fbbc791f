"""Studies are joined, packed and unpacked on the command line."""

import sys
import zipfile
from pathlib import Path

import bundle_maker
import huggingface_hub
import pytest
import yaml

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


@pytest.mark.parametrize("command", ["verify", "report", "status"])
def test_a_bundle_in_place_of_a_study_is_told_how_it_is_unpacked(bench, command):
    bench("bundle", "mine")
    assert bench(command, "mine.bundle.zip") == (
        2,
        "",
        (
            "bench: mine.bundle.zip: is a file, and a study is a folder; if it is a bundle, "
            "`bench unbundle mine.bundle.zip FOLDER` unpacks it\n"
        ),
    )


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


def test_a_bundle_has_the_report_and_the_licence(bench):
    bench("bundle", "mine", "all.zip", "--license", "CC-BY-4.0")
    with zipfile.ZipFile("all.zip") as archive:
        assert archive.read("LICENSE") == b"CC-BY-4.0\n"
        assert archive.read("leaderboard.md").startswith(b"# Leaderboard: mine\n")
        assert archive.read("report.html").startswith(b"<!doctype html>")
    Path("terms.txt").write_text("All of it.\n", encoding="utf-8")
    bench("bundle", "mine", "again.zip", "--license", "terms.txt")
    with zipfile.ZipFile("again.zip") as archive:
        assert archive.read("LICENSE") == b"All of it.\n"


def test_scores_for_the_hub_are_written_beside_a_bundle(bench):
    code, said, _ = bench("bundle", "mine", "all.zip", "--dataset", "me/rooms")
    assert code == 0
    assert said.endswith("scores for the Hugging Face hub written to all.eval_results\n")
    (file,) = Path("all.eval_results").iterdir()
    (trained,) = (r for r in Study(Path("mine")).load().records.values() if r.cell.loss)
    assert file.name == f"{trained.cell.id}.yaml"
    (iou,) = huggingface_hub.parse_eval_result_entries(yaml.safe_load(file.read_text()))
    assert (iou.task_id, iou.value) == ("iou", 0.5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--license", "no/such/file"), "--license no/such/file: give a licence's SPDX name"),
        (("--dataset", "rooms"), "--dataset rooms: give the dataset's id on the Hugging Face hub"),
    ],
)
def test_a_mistake_in_what_is_published_writes_nothing(bench, arguments, told):
    code, _, error = bench("bundle", "mine", "all.zip", *arguments)
    assert code == 2
    assert told in error
    assert not Path("all.zip").exists()
