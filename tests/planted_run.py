"""Run a grid in which a sound cell follows each cell with a planted fault."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import planting
import yaml

import bench
from bench.study.study import Study

SOUND = f"{planting.__file__}:sound"
TIME_LIMIT_S = 300
PROGRAM = f"""
import os
from bench.cli import main
from bench.execution import run
os.environ['{planting.GUARD}'] = str(os.getpid())
run.measure_throughput = lambda *_, **__: None
main()
"""


class PlantedRun(NamedTuple):
    """What became of it.

    Attributes:
        exit_code: of the command.
        printed: by it.
        faulty: records of the cells with faults, by the fault's name.
        sound: figures of the cell that follows, by the same name; None if it failed.
    """

    exit_code: int
    printed: bytes
    faulty: dict
    sound: dict


def write_grid(folder, archive, networks, **sections):
    """Write a grid.yaml on a few small images."""
    content = {
        "architectures": networks,
        "losses": ["bce"],
        "data": {"archive": str(archive), "image_size": 32, "limit": 24},
        "train": {"epochs": 2, "batch_size": 8},
    }
    (folder / "grid.yaml").write_text(yaml.safe_dump(content | sections))


def run_planted(folder, archive, faults, *options, **sections):
    """Run some faults, each followed by a sound cell, by the command line."""
    networks = []
    for name, fault in faults.items():
        networks.append({"name": f"{fault.file}:faulty", "fault": name})
        networks.append({"name": SOUND, "after": name})
    write_grid(folder, archive, networks, **sections)
    exit_code, printed = run_command(folder, *options)
    results = Study(folder / "study").load()
    faulty, sound = {}, {}
    for cell in results.grids[0].grid.cells():  # read without loading the networks here
        chosen = cell.architecture.options
        if "fault" in chosen:
            faulty[chosen["fault"]] = results.records.get(cell.id)
        elif cell.loss is not None:
            sound[chosen["after"]] = figures(results, cell.id)
    return PlantedRun(exit_code, printed, faulty, sound)


def run_command(folder, *options):
    """The exit code of `bench run` in a folder with a grid.yaml, and what it printed."""
    temporary = folder / planting.PRIVATE_TEMPORARY
    temporary.mkdir()
    asked = "run --grid grid.yaml --out study --device cpu --threads 1"
    paths = [str(place.parent) for place in (Path(bench.__file__).parent, Path(__file__))]
    with (folder / "printed").open("w+b") as printed:
        process = subprocess.run(
            [sys.executable, "-c", PROGRAM, *asked.split(), *options],
            cwd=folder,
            env=os.environ
            | {
                "TMPDIR": str(temporary),
                "PYTHONPATH": os.pathsep.join(paths),
                "MASKDEPTH_CACHE": str(folder / "cache"),
            },
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
            timeout=TIME_LIMIT_S,
        )
        printed.seek(0)
        return process.returncode, printed.read()


def figures(results, cell_id):
    """Every number of a cell that nothing but its settings, data and code may change."""
    record = results.records.get(cell_id)
    if record is None or record.training is None:
        return None
    losses = [epoch.losses for epoch in record.training.curve]
    return record.summary, losses, record.training.terms, results.scores(cell_id).to_csv()
