import subprocess
import sys

import pytest
import yaml

from bench.cli.plan import parse_duration
from bench.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30m", 1800),
        ("2h", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
        (" 1d12h ", 129600),
        ("1.5h", 5400),
        ("90s", 90),
        ("1d2h3m4s", 93784),
    ],
)
def test_a_budget_is_read_as_it_is_written(text, seconds):
    assert parse_duration("--budget", text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "h",
        "2 hours",
        "30m1h",
        "1h1h",
        "-2h",
        "0m",
        "1e3h",
        "٣h",
        "2H",
        "nan",
        "9" * 400 + "d",
    ],
)
def test_what_is_no_time_is_one_line(text):
    with pytest.raises(InputError) as raised:
        parse_duration("--budget", text)
    line = str(raised.value)
    assert line.startswith("--budget: '")
    assert line.endswith("is no time; give one such as 30m, 2h, 1h30m or 1d")
    assert "\n" not in line
    assert len(line) < 200


def test_a_mistake_in_the_budget_is_said_before_anything_is_looked_at(bench):
    planned = bench("plan", "none.yaml", "--budget", "2 hours")
    assert planned.returncode == 2
    assert planned.stderr.startswith("bench: --budget: '2 hours' is no time")


def test_a_plan_lists_the_cells_and_what_they_take_and_writes_nothing(
    bench, tmp_path, rendered_archive, tiny_network
):
    content = {
        "architectures": [tiny_network, {"name": tiny_network, "crashes": True}],
        "losses": ["bce"],
        "data": {"archive": str(rendered_archive), "image_size": 32},
        "train": {"epochs": 2, "batch_size": 8},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    planned = bench("plan", "mine.yaml", "--budget", "1d")
    assert planned.returncode == 0, planned.stderr
    assert planned.stderr == ""
    assert "7 cells, to be kept in results/mine" in planned.stdout
    assert "7 missing" in planned.stdout
    assert "fails: out of memory: tried to allocate 20.00 GiB" in planned.stdout
    assert "within 1 day, 0:00:00: 7 of 7 cells" in planned.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_the_help_of_a_plan_loads_no_torch():
    check = (
        "import sys\n"
        "from bench.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    assert 'torch' not in sys.modules\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", check, "plan", "--help"], check=True, capture_output=True, text=True
    )
    assert "--budget" in shown.stdout


def test_a_plan_of_more_processes_than_threads_is_refused_as_its_run_is(
    bench, tmp_path, rendered_archive, tiny_network
):
    content = {
        "architectures": [tiny_network],
        "losses": ["bce"],
        "data": {"archive": str(rendered_archive), "image_size": 32},
        "train": {"epochs": 1, "batch_size": 8192},
        "devices_per_cell": 4096,
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    planned = bench("plan", "mine.yaml")
    assert planned.returncode == 2
    assert "devices_per_cell: 4096 processes on the CPU need a thread each" in planned.stderr
    assert "Traceback" not in planned.stderr
