import os
import subprocess
import sys

import canonical_archive
import pytest
import yaml

GRID = {
    "losses": ["bce"],
    "train": {"epochs": 1, "batch_size": 8},
}


@pytest.fixture
def bench(tmp_path):
    """Run the command line as a user does, in an empty folder."""

    def bench(*arguments):
        return subprocess.run(
            [sys.executable, "-c", "from bench.cli import main; main()", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=os.environ | {"COLUMNS": "200"},
        )

    return bench


@pytest.fixture
def write_grid(tmp_path, rendered_archive, tiny_network):
    def write_grid(**sections):
        content = GRID | {
            "architectures": [tiny_network],
            "data": {"archive": str(rendered_archive), "image_size": 32},
        }
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content | sections))
        return "mine.yaml"

    return write_grid


def test_run_then_report_ends_in_a_leaderboard(bench, write_grid, tmp_path):
    ran = bench("run", "--grid", write_grid())
    assert ran.returncode == 0, ran.stderr
    assert "[5/5] " in ran.stdout
    assert "finished: see `bench report results/mine`" in ran.stdout
    reported = bench("report", "results/mine")
    assert reported.returncode == 0, reported.stderr
    assert "pixel mean depth" in reported.stdout
    assert "# Leaderboard: mine" in (tmp_path / "results/mine/leaderboard.md").read_text()


def test_a_dry_run_shows_the_cells_and_writes_nothing(bench, write_grid, tmp_path):
    grid = write_grid()
    before = sorted(tmp_path.rglob("*"))
    shown = bench("run", "--grid", grid, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "5 to run, 0 finished" in shown.stdout
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"architectures": ["unett"]}, "mine.yaml: architectures: unknown architecture 'unett'"),
        ({"losses": ["bec"]}, "mine.yaml: losses.0.mask: unknown loss 'bec'"),
        ({"data": {"archive": "nowhere.zip"}}, "nowhere.zip: no such archive"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2_and_nothing_is_written(
    bench, write_grid, tmp_path, sections, message
):
    grid = write_grid(**sections)
    before = sorted(tmp_path.rglob("*"))
    refused = bench("run", "--grid", grid)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"bench: {message}")
    assert refused.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_broken_archive_writes_neither_results_nor_cache(
    bench, write_grid, tmp_path, monkeypatch
):
    monkeypatch.setenv("MASKDEPTH_CACHE", str(tmp_path / "cache"))
    entries = canonical_archive.entries(samples=20)
    entries["mask/s7.png"] = b"nonsense"
    canonical_archive.write(tmp_path / "broken.zip", entries)
    refused = bench("run", "--grid", write_grid(data={"archive": "broken.zip", "image_size": 32}))
    assert refused.returncode == 2
    assert refused.stderr.startswith("bench: broken.zip: mask/s7.png: no readable picture")
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "nowhere"], "nowhere: holds no study"),
        (["run", "--grid", "nowhere.yaml"], "nowhere.yaml: no such grid file"),
        (["data", "make", "here.txt"], "here.txt exists already"),
    ],
)
def test_other_mistakes_are_one_line_too(bench, tmp_path, arguments, message):
    (tmp_path / "here.txt").write_text("precious")
    refused = bench(*arguments)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"bench: {message}")
    assert refused.stderr.count("\n") == 1
    assert (tmp_path / "here.txt").read_text() == "precious"


def test_an_unknown_device_is_refused(bench, write_grid):
    refused = bench("run", "--grid", write_grid(), "--device", "gpu")
    assert refused.returncode == 2
    assert "unknown device 'gpu'" in refused.stderr


def test_the_registries_are_listed(bench):
    assert "unet" in bench("list", "architectures").stdout.split()
    assert "gradient_l1" in bench("list", "losses").stdout.split()


def test_help_and_version_do_not_wait_for_torch():
    check = (
        "import sys\n"
        "from bench.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        "assert 'torch' not in sys.modules\n"
        "assert 'pandas' not in sys.modules\n"
    )
    for flag in ("--help", "--version"):
        subprocess.run([sys.executable, "-c", check, flag], check=True, capture_output=True)
