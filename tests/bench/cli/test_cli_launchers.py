"""`bench run --launcher`: what it needs, and what is asked of a cluster."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import InputError

PACKAGES = {"slurm": "submitit", "ray": "ray"}


def refused(grid, *options):
    """The line that a run is refused with."""
    result = CliRunner().invoke(app, ["run", "--grid", str(grid), *options])
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


@pytest.fixture
def grid(tmp_path, repository):
    path = tmp_path / "grid.yaml"
    path.write_bytes((repository / "grids/quick.yaml").read_bytes())
    return path


@pytest.mark.parametrize(("launcher", "package"), PACKAGES.items())
def test_a_launcher_that_is_not_installed_says_how_to(grid, monkeypatch, launcher, package):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert refused(grid, "--launcher", launcher) == (
        f"--launcher {launcher}: needs {package}: pip install -e '.[{launcher}]' in the checkout"
    )


def test_what_is_asked_of_no_cluster_is_refused(grid):
    assert "leave it out" in refused(grid, "--cluster", "num_gpus=1")


def test_the_number_of_cells_at_a_time_is_the_clusters(grid):
    pytest.importorskip("ray")
    assert "leave it out" in refused(grid, "--launcher", "ray", "--per-device", "2")


@pytest.mark.parametrize(
    ("launcher", "assignment", "said"),
    [
        ("ray", "num_gpu=1", "did you mean 'num_gpus'?"),
        ("ray", "num_gpus=many", "give a number from 0"),
        ("ray", "num_cpus=.inf", "give a number from 0"),
        ("ray", "memory_gib=true", "give a number from 0"),
        ("ray", "address=6379", "give one such as 10.0.0.1:6379 or auto"),
        ("ray", "num_gpus", "--cluster 'num_gpus' is no assignment"),
        ("slurm", "partion=gpu", "did you mean 'partition'?"),
        ("slurm", "cpus_per_task=many", "give a number from 1"),
        ("slurm", "cpus_per_task=true", "give a number from 1"),
        ("slurm", "partition=gpu", "there is no sbatch on this machine"),
    ],
)
def test_a_mistake_about_a_cluster_is_one_line(grid, monkeypatch, launcher, assignment, said):
    pytest.importorskip(PACKAGES[launcher], reason=f"the extra `{launcher}` is not installed")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert said in refused(grid, "--launcher", launcher, "--cluster", assignment)


def test_help_loads_nothing_that_computes_or_sends():
    code = (
        "import sys; from typer.testing import CliRunner; from bench.cli import app; "
        "assert CliRunner().invoke(app, ['run', '--help']).exit_code == 0; "
        "sys.exit(bool({'torch', 'ray', 'submitit'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
