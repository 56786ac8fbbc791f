import signal
import subprocess
import sys
from importlib import metadata

import canonical_archive
import numpy as np
import pytest
import yaml

from bench.cli import main

START = "from bench.cli import main; main()"
GRID = {
    "losses": ["bce"],
    "train": {"epochs": 1, "batch_size": 8},
}


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
    assert "[6/6] " in ran.stdout
    assert "finished: see `bench report results/mine`" in ran.stdout
    reported = bench("report", "results/mine")
    assert reported.returncode == 0, reported.stderr
    assert "pixel mean depth" in reported.stdout
    assert "# Leaderboard: mine" in (tmp_path / "results/mine/leaderboard.md").read_text()


def test_failed_cells_end_in_an_exit_code_of_their_own_and_say_where_they_failed(
    bench, write_grid, tmp_path, tiny_network
):
    dying = {"name": tiny_network, "dies": True}
    out_of_memory = {"name": tiny_network, "crashes": True}
    ran = bench("run", "--limit", "20", "--grid", write_grid(architectures=[dying, out_of_memory]))
    assert ran.returncode == 3, ran.stderr
    assert "FAILED: its process ended by itself with exit code 9" in ran.stdout
    assert "tried to allocate 20.00 GiB (tiny_network.py:" in ran.stdout
    assert "finished, but 2 of 7 cells failed: see" in ran.stdout
    again = bench("run", "--limit", "20", "--grid", "mine.yaml")
    assert again.returncode == 3
    assert "FAILED" not in again.stdout


@pytest.fixture
def reported(bench, write_grid, tmp_path):
    """A finished study, and how its report is called."""
    out = tmp_path / "results/mine"
    assert bench("run", "--grid", write_grid(), "--limit", 20, "--out", out).returncode == 0
    return out


def test_a_study_that_cannot_be_written_to_is_printed(bench, reported):
    (reported / "leaderboard.md").mkdir()  # root may write to what is read-only
    report = bench("report", "results/mine")
    assert report.returncode == 0
    assert "pixel mean depth" in report.stdout
    assert "leaderboard.md: not written: " in report.stderr


def test_a_report_imports_no_torch(reported):
    check = (
        "import sys\n"
        "from bench.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", check, "report", reported]
    subprocess.run(command, check=True, capture_output=True)


def test_a_study_can_be_read_and_run_from_python_without_torch_until_it_is_needed(
    bench, write_grid, tmp_path
):
    assert bench("run", "--grid", write_grid()).returncode == 0
    script = (
        "import sys, bench\n"
        "study = bench.load('results/mine')\n"
        "assert len(study.leaderboard) == 6\n"
        "assert len(study.curves) == 1\n"
        "assert set(study.scores.cell) == set(study.results.records)\n"
        "assert 'group_background' in study.scores\n"
        "assert 'torch' not in sys.modules\n"
        "again = bench.run('mine.yaml', 'results/mine', device='cpu')\n"
        "assert again.leaderboard.equals(study.leaderboard)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)


def test_a_dry_run_shows_the_cells_and_writes_nothing(bench, write_grid, tmp_path):
    grid = write_grid()
    before = sorted(tmp_path.rglob("*"))
    shown = bench("run", "--grid", grid, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "6 missing" in shown.stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_of_a_race_shows_the_seeds_up_to_its_first_look(bench, write_grid):
    grid = write_grid(losses=["bce", "l1"], seeds=[0, 1, 2])
    shown = bench("run", "--grid", grid, "--dry-run", "--race")
    assert shown.returncode == 0, shown.stderr
    assert "9 missing" in shown.stdout  # five baselines, two rows of two seeds
    refused = bench("run", "--grid", grid, "--race", "--limit", 20)
    assert refused.returncode == 2
    assert refused.stderr == (
        "bench: --race: figures by --limit decide nothing; leave one of them out\n"
    )


def broken(tmp_path, damage):
    """A grid's data section that names an archive with one fault."""
    entries = canonical_archive.entries(samples=20)
    damage(entries)
    canonical_archive.write(tmp_path / "broken.zip", entries)
    return {"archive": "broken.zip", "image_size": 32}


def truncated(tmp_path):
    data = broken(tmp_path, lambda entries: None)
    path = tmp_path / "broken.zip"
    path.write_bytes(path.read_bytes()[:5000])
    return data


SMALL = canonical_archive.png(np.zeros((16, 20), np.uint8))
MISTAKES = {
    "unknown key": ({"trian": 1}, "mine.yaml: unknown key 'trian'; did you mean 'train'?"),
    "unknown architecture": (
        {"architectures": ["unett"]},
        "mine.yaml: architectures: unknown architecture 'unett'; did you mean 'unet'",
    ),
    "unknown loss": (
        {"losses": ["bec"]},
        "mine.yaml: losses.0.mask: unknown loss 'bec' at column 1; did you mean 'bce'?",
    ),
    "unknown optimizer": (
        {"train": {"epochs": 1, "optimizer": "sdg"}},
        "mine.yaml: train.optimizer: unknown value 'sdg'; did you mean 'sgd'?",
    ),
    "impossible shares": (
        {"data": {"archive": "a.zip", "split": {"train": 0.9}}},
        "mine.yaml: data.split: train + val + test must be 1, not 0.9 + 0.1 + 0.3 = 1.3",
    ),
    "too few samples": (
        lambda tmp_path: broken(tmp_path, keep_two),
        "data.split: 2 samples leave none for val",
    ),
    "empty grid": ({"architectures": []}, "mine.yaml: architectures: is empty"),
    "missing zip": ({"data": {"archive": "nowhere.zip"}}, "nowhere.zip: no such archive"),
    "truncated zip": (truncated, "broken.zip: not a zip archive, or truncated"),
    "no image": (
        lambda tmp_path: broken(tmp_path, lambda entries: entries.update({"mask/s7.png": b"no"})),
        "broken.zip: mask/s7.png: no readable image",
    ),
    "sizes differ": (
        lambda tmp_path: broken(tmp_path, lambda entries: entries.update({"mask/s7.png": SMALL})),
        "broken.zip: mask/s7.png is 20x16 px, but background/b1.png is 32x32 px",
    ),
    "no mask": (
        lambda tmp_path: broken(tmp_path, lambda entries: entries.pop("mask/s7.png")),
        "broken.zip: 1 of 20 samples have no mask, the first is s7",
    ),
}


def keep_two(entries):
    entries["samples.csv"] = b"key,background\ns0,b0\ns1,b1\n"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2_and_nothing_is_written(
    write_grid, tmp_path, monkeypatch, capsys, mistake
):
    sections, message = MISTAKES[mistake]
    if callable(sections):
        sections = {"data": sections(tmp_path)}
    grid = write_grid(**sections)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASKDEPTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.argv", ["bench", "run", "--grid", grid])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"bench: {message}")
    assert told.count("\n") == 1
    written = set(tmp_path.rglob("*")) - set(before)
    if mistake == "too few samples":  # which is known only once the samples are decoded
        written = {path for path in written if "cache" not in path.parts}
    # A lock's empty file stays: to take it away would open it to two runs at once.
    assert {path for path in written if path.suffix != ".lock"} <= {tmp_path / "cache"}


def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(write_grid, tmp_path):
    grid = write_grid(losses=["bce", "l1"], train={"epochs": 500, "batch_size": 8})
    run = subprocess.Popen(
        [sys.executable, "-c", START, "run", "--grid", grid],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in run.stdout:
        if "[5/7]" in line:  # the baselines are finished, training goes on for minutes
            break
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=60)
    assert run.returncode == 130
    assert told == "stopped with 2 cells to go; the same command goes on from here\n"
    assert len(list((tmp_path / "results/mine/cells").iterdir())) == 5


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


def test_a_source_tree_that_is_not_installed_has_a_version_too(monkeypatch, capsys):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(sys, "argv", ["bench", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == "maskdepth-bench from a source tree, not installed\n"


def test_ctrl_c_while_the_program_starts_is_no_traceback(monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.cli.app", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
