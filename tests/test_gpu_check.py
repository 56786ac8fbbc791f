"""The check of a GPU goes on whatever its steps do, and keeps what they find."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.figures import KEPT_IN, Figure
from tests.gpu_check import __main__ as program
from tests.gpu_check import limited, summary
from tests.gpu_check.outcomes import Outcomes
from tests.gpu_check.steps import MINUTES, STEPS

KEEP = (
    "from tests.figures import Figure\n"
    "Figure('a ratio', {value}, at_least=0.97, remark='of two').keep()\n"
)


def is_there(pid):
    """Whether a process runs; one that only waits to be cleared up does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_command_is_ended_at_its_limit_with_all_that_it_has_started(tmp_path):
    """One child has a session of its own, and a grandchild."""
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    child = (
        f"import subprocess, sys; p = subprocess.Popen({sleep}); print(p.pid, flush=True); p.wait()"
    )
    parent = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True)\n"
        "print(p.pid, flush=True)\ntime.sleep(60)"
    )
    log = tmp_path / "log.txt"
    ended = limited.run([sys.executable, "-c", parent], 2, log, tmp_path, {})
    assert ended.exit_code is None
    assert 2 <= ended.took_s < 30
    pids = log.read_text().split()
    assert len(pids) == 2
    deadline = time.monotonic() + 5
    while any(map(is_there, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_there, pids))


def test_figures_hold_within_their_bounds_alone():
    assert Figure("a", 0.97, at_least=0.97).holds
    assert not Figure("a", 0.96, at_least=0.97).holds
    assert not Figure("a", 0.03, -0.02, 0.02).holds
    assert not Figure("a", float("nan"), at_most=1).holds
    assert Figure("a", 5).holds


def test_a_line_that_a_step_was_stopped_at_does_not_count(tmp_path, monkeypatch):
    path = tmp_path / "figures.jsonl"
    monkeypatch.setenv(KEPT_IN, str(path))
    Figure("one", 1.5, at_most=2, remark="r").keep()
    with path.open("a") as file:
        file.write('{"what": "tw')
    assert summary.read_figures(path) == [Figure("one", 1.5, None, 2, "r")]
    assert summary.read_figures(tmp_path / "none") == []


def run_steps(monkeypatch, out, steps, *options):
    """The exit code of the check with other steps, and what it leaves."""
    monkeypatch.setattr(program, "STEPS", tuple(steps))
    monkeypatch.setattr(sys, "argv", ["gpu_check", "--out", str(out), *options])
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            program.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    return ended.value.code, json.loads((out / "results.json").read_text())


def step(name, code, seconds=60, **attributes):
    """A step that runs some Python."""
    return SimpleNamespace(
        name=name,
        seconds=seconds,
        command=lambda *_: [sys.executable, "-c", code],
        **{"tests": (), "takes_the_rest": False} | attributes,
    )


def test_it_goes_on_after_a_failed_step_and_keeps_what_that_has_found(tmp_path, monkeypatch):
    steps = [
        step("breaks off", KEEP.format(value=0.98) + "raise SystemExit(7)"),
        step("hangs", KEEP.format(value=0.98) + "import time; time.sleep(60)", seconds=10),
        step("of a device", "", tests=("tests",)),
        step("holds", KEEP.format(value=0.99)),
        step("does not hold", KEEP.format(value=0.5)),
    ]
    code, found = run_steps(monkeypatch, tmp_path / "out", steps, "--device", "cpu")
    assert code == 1
    told = {
        s["step"]: (s["outcome"], [(f["value"], f["holds"]) for f in s["figures"]])
        for s in found["steps"]
    }
    assert told == {
        "breaks off": ("failed with exit code 7", [(0.98, True)]),
        "hangs": ("stopped at its limit of 10 s", [(0.98, True)]),
        "of a device": ("skipped: it needs a CUDA device", []),
        "holds": ("done", [(0.99, True)]),
        "does not hold": ("done", [(0.5, False)]),
    }
    table = (tmp_path / "out/table.txt").read_text()
    assert "≥ 0.97" in table
    assert table.count("✗") == 3


def test_all_that_holds_is_exit_code_0_and_the_device_is_named(tmp_path, monkeypatch):
    out = tmp_path / "out"
    tell = f"open({str(out / 'machine.json')!r}, 'w').write('{{\"device_name\": \"H100\"}}')"
    code, found = run_steps(monkeypatch, out, [step("machine", tell)], "--device", "cpu")
    assert code == 0
    assert found["machine"] == {"device_name": "H100"}
    assert "measured on H100" in (out / "table.txt").read_text()


def test_steps_share_the_time_and_one_takes_what_is_left(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(program.time, "monotonic", lambda: clock[0])
    given = {}
    for found, seconds in program.limits(MINUTES):
        given[found.name] = seconds
        clock[0] += 10
    names = [found.name for found in STEPS]
    before, after = STEPS[: names.index("study")], STEPS[names.index("study") + 1 :]
    assert given["study"] == 60 * MINUTES - 10 * len(before) - sum(s.seconds for s in after)
    assert given["machine"] == STEPS[0].seconds
    assert sum(found.seconds for found in STEPS) == 60 * MINUTES


def test_a_folder_with_results_is_not_written_to(tmp_path, monkeypatch):
    (tmp_path / "results.json").write_text("{}")
    code, _ = run_steps(monkeypatch, tmp_path, [step("holds", "")], "--device", "cpu")
    assert "is not empty" in code


def test_tests_are_counted_and_a_failed_one_is_kept_by_name(tmp_path, repository):
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "def test_one(): pass\n"
        "def test_two(): assert 1 == 2\n"
        "def test_three(): pass\n"
        "def test_four(): pytest.skip('no device')\n"
    )
    figures = tmp_path / "figures.jsonl"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.gpu_check.outcomes", str(tmp_path)],
        cwd=repository,
        env=os.environ | {KEPT_IN: str(figures)},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    failed, passed = summary.read_figures(figures)
    assert failed.what.endswith("test_some.py::test_two passed")
    assert "1 == 2" in failed.remark
    assert passed == Figure("tests that passed", 2, at_least=3, remark="1 skipped")


def test_nothing_but_skipped_tests_does_not_hold(tmp_path, monkeypatch):
    figures = tmp_path / "figures.jsonl"
    monkeypatch.setenv(KEPT_IN, str(figures))
    Outcomes().pytest_sessionfinish()
    assert not summary.read_figures(figures)[0].holds
