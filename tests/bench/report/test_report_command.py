"""`bench report`: which file is written, what is refused, and what --check says."""

import json

import pandas as pd
import pytest
import scored_study
import small_board
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import InputError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_board.keep(tmp_path_factory.mktemp("command") / "mine")


@pytest.fixture
def study(made):
    """The folder of a study, whose reports are taken away afterwards."""
    before = set(made.folder.iterdir())
    yield made.folder
    for file in set(made.folder.iterdir()) - before:
        file.unlink()


def bench(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_each_format_has_a_file_in_the_studys_folder(study):
    for format_, name in {
        "md": "leaderboard.md",
        "latex": "leaderboard.tex",
        "csv": "leaderboard.csv",
        "parquet": "leaderboard.parquet",
        "json": "leaderboard.json",
    }.items():
        ran = bench(study, "--format", format_)
        assert ran.exit_code == 0, ran.output
        assert (study / name).stat().st_size > 0
    pd.testing.assert_frame_equal(
        pd.read_csv(study / "leaderboard.csv"),
        pd.read_parquet(study / "leaderboard.parquet"),
        check_dtype=False,  # a column in which all is missing has no type in CSV
        check_exact=True,
    )
    assert len(json.loads((study / "leaderboard.json").read_text())) == 9


def test_a_part_of_a_board_does_not_replace_the_whole_one(study):
    bench(study)
    whole = (study / "leaderboard.md").read_text()
    ran = bench(study, "--select", "unet*", "--columns", "rmse, iou", "--sort", "rmse")
    assert "2 of 9 rows shown" in ran.output
    assert (study / "leaderboard.md").read_text() == whole
    part = (study / "selection.md").read_text().splitlines()
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in part if "|" in line]
    assert table[0] == ["architecture", "loss", "seeds", "RMSE ↓", "rank", "IoU ↑", "rank"]
    assert [cells[1] for cells in table[2:]] == ["l1", "bce"]


def test_strata_are_of_the_chosen_rows_and_scores_and_do_not_replace_those_of_the_whole(study):
    bench(study, "--strata", "background")
    whole = (study / "by-background.md").read_text()
    bench(study, "--select", "unet/*", "--columns", "rmse", "--strata", "background")
    assert (study / "by-background.md").read_text() == whole
    text = (study / "selection-by-background.md").read_text()
    assert "## RMSE ↓ by background" in text
    assert "## IoU" not in text
    assert "| unet" in text
    assert "densenet" not in text
    assert "2 of 9 rows shown" in text


def test_the_report_is_written_where_it_is_told_to(study, tmp_path):
    ran = bench(study, "--out", tmp_path / "new/board.md", "--strata", "background")
    assert ran.exit_code == 0
    assert {file.name for file in (tmp_path / "new").iterdir()} == {"board.md", "by-background.md"}
    assert not (study / "leaderboard.md").exists()
    (tmp_path / "file").write_text("")
    ran = bench(study, "--out", tmp_path / "file/board.md")
    assert ran.exit_code == 1
    assert "board.md: not written: " in ran.output


def test_strata_and_report_do_not_go_to_one_file(study, tmp_path):
    out = tmp_path / "by-background.md"
    ran = bench(study, "--out", out, "--strata", "background")
    assert isinstance(ran.exception, InputError)
    assert str(ran.exception) == f"--strata background: is written to {out}, as another part is"
    assert not out.exists()


def test_a_column_with_a_slash_has_a_file_of_strata_of_its_own(tmp_path):
    def tables(cell):
        columns = {"group_a/b": ["x", "y"] * 30, "group_a_b": ["y", "x"] * 30}
        return scored_study.scores(cell, **columns)

    folder = scored_study.keep(tmp_path / "study", scored_study.grid(seeds=(0,)), tables).folder
    ran = bench(folder, "--strata", "a/b")
    assert ran.exit_code == 0, ran.output
    assert " by a/b" in (folder / "by-a_b.md").read_text()
    ran = bench(folder, "--strata", "a/b", "--strata", "a_b")
    assert str(ran.exception).startswith("--strata a_b: is written to ")


@pytest.mark.parametrize("folder", [".", "/", ".."])
def test_a_folder_is_no_file_to_write_a_report_or_a_bundle_to(study, folder):
    for ran in (
        bench(study, "--out", folder, "--strata", "background"),
        CliRunner().invoke(app, ["bundle", str(study), folder]),
    ):
        assert isinstance(ran.exception, InputError)
        assert str(ran.exception).endswith(f"{folder}: is a folder; give the file to write")


@pytest.mark.parametrize(
    ("format_", "place"),
    [
        ("md", "cells/*/record.json"),
        ("csv", "grids/*/grid.json"),
        ("json", "throughput/new.json"),
        ("html", "grid.json"),
        ("svg", "cells"),
    ],
)
@pytest.mark.parametrize("by_link", [False, True])
def test_no_report_is_written_where_the_study_keeps_its_own_files(
    study, tmp_path, format_, place, by_link
):
    out = next(study.glob(place), study / place)
    if by_link:
        (tmp_path / "link").symlink_to(study)
        out = tmp_path / "link" / out.relative_to(study)
    before = {file: file.stat().st_mtime_ns for file in study.rglob("*")}
    ran = bench(study, "--format", format_, "--out", out)
    assert isinstance(ran.exception, InputError)
    assert str(ran.exception).startswith(f"--out {out}: there the study keeps its own files")
    assert {file: file.stat().st_mtime_ns for file in study.rglob("*")} == before


@pytest.mark.parametrize("format_", ["md", "latex", "csv", "json", "html"])
def test_check_agrees_with_what_was_written_and_writes_nothing(study, tmp_path, format_):
    kept = tmp_path / "kept"
    bench(study, "--format", format_, "--out", kept)
    before = sorted(study.iterdir())
    ran = bench(study, "--format", format_, "--check", kept)
    assert (ran.exit_code, ran.output) == (0, f"{kept}: is what the records give\n")
    kept.write_text(kept.read_text(encoding="utf-8").replace("unet", "u-net", 1), encoding="utf-8")
    ran = bench(study, "--format", format_, "--check", kept)
    assert ran.exit_code == 1
    assert sorted(study.iterdir()) == before


def test_check_heeds_no_line_ends(study, tmp_path):
    """As Git checks out on Windows."""
    bench(study, "--out", tmp_path / "kept.md")
    (tmp_path / "kept.md").write_bytes((tmp_path / "kept.md").read_bytes().replace(b"\n", b"\r\n"))
    assert bench(study, "--check", tmp_path / "kept.md").exit_code == 0


def test_check_shows_the_lines_that_differ(study, tmp_path):
    kept = tmp_path / "kept.csv"
    asked = ("--format", "csv", "--columns", "peak_memory_mib")
    bench(study, *asked, "--out", kept)
    kept.write_text(
        kept.read_text().replace("unet,l1,3,3,True,False,500.0", "unet,l1,3,3,True,False,499.0")
    )
    ran = bench(study, *asked, "--check", kept)
    assert ran.exit_code == 1
    assert ran.output.splitlines() == [
        f"--- {kept}",
        "+++ the records",
        "@@ -2,3 +2,3 @@",
        " 0,unet,bce,3,3,True,False,500.0,False,",
        "-0,unet,l1,3,3,True,False,499.0,False,",
        "+0,unet,l1,3,3,True,False,500.0,False,",
        " 0,densenet,bce,3,3,True,False,120.0,True,",
    ]


def test_a_long_difference_is_cut(study, tmp_path):
    (tmp_path / "kept.md").write_text("x" * 5000 + "\n" + "x\n" * 100)
    ran = bench(study, "--check", tmp_path / "kept.md")
    assert ran.exit_code == 1
    lines = ran.output.splitlines()
    assert len(lines) == 41
    assert max(map(len, lines)) == 2000
    assert lines[-1].startswith("... and ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--columns", "iou,rsme"], "--columns: unknown column 'rsme'; did you mean 'rmse'? (choi"),
        (["--sort", "speed"], "--sort: unknown column 'speed' (choices: iou, rmse, inference_ima"),
        (["--select", "u-net"], "--select: no row is 'u-net'; did you mean 'unet'? (choices: "),
        (
            ["--format", "svg", "--columns", "iou"],
            "--format svg: shows the whole board; --columns, --sort and --select are for md, latex",
        ),
        (["--format", "csv", "--strata", "depth"], "--strata: is for md and html, not for csv"),
        (
            ["--format", "parquet", "--check", "a"],
            "--check: is for md, html, latex, csv and json, not for parquet",
        ),
        (["--check", "a", "--out", "b"], "--check: writes nothing; leave out --out"),
        (
            ["--check", "a", "--strata", "depth"],
            "--check: is of one file, and --strata writes others; leave one out",
        ),
        (["--check", "/nowhere/a"], "--check: /nowhere/a: cannot be read: No such file"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_nothing_is_written(study, arguments, told):
    before = sorted(study.iterdir())
    ran = bench(study, *arguments)
    assert isinstance(ran.exception, InputError)
    assert str(ran.exception).startswith(told)
    assert sorted(study.iterdir()) == before
