"""What a study of 5,000 cells takes: files, bytes, time, and memory.

A thousand rows of five seeds are run by `bench run` itself, but for the training: in its place a
stand-in gives made scores of a hundred test images and a curve of ten epochs. Then each command
that reads the study is timed, in a process of its own with its peak of memory. The memory of the
run is printed as it goes, to show that it does not grow with the cells that are done.

Run as ``python tests/simulations/large_study.py [--rows 1000]``: ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from untimed_run import make_archive

FOLDERS = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
NETWORK = Path(__file__).parents[1] / "tiny_network.py"
GRID = """
architectures: {networks}
losses: {losses}
seeds: [0, 1, 2, 3, 4]
data: {{archive: {archive}, image_size: 32}}
train: {{epochs: 10, batch_size: 8}}
"""
LOSSES = 25
# Each is run by `main` of the command line, after the patches of a stand-in.
COMMANDS = {
    "bench run --dry-run": ["run", "--grid", "grid.yaml", "--out", "study", "--dry-run"],
    "bench run, all done": ["run", "--grid", "grid.yaml", "--out", "study", "--threads", "1"],
    "bench status": ["status", "study"],
    "bench report": ["report", "study"],
}
CODE = """
import sys
import stand_in
from bench.cli import main
stand_in.install()
main()
"""


class Outcome:
    """What a command took.

    Args:
        folder: where it runs.
        arguments: its own.
    """

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        started = time.monotonic()
        before = os.times().children_user + os.times().children_system
        paths = [*FOLDERS, str(Path(__file__).parents[2])]
        with (folder / "printed").open("w") as printed:
            process = subprocess.Popen(
                [sys.executable, "-c", CODE, *arguments],
                cwd=folder,
                env=os.environ
                | {"PYTHONPATH": os.pathsep.join(paths), "MASKDEPTH_CACHE": str(folder / "cache")},
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(process.pid, 0)
        self.code = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - started
        self.cpu_s = os.times().children_user + os.times().children_system - before
        self.peak_mib = usage.ru_maxrss / 1024
        self.printed = (folder / "printed").read_text(encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1000)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = folder / "data.zip"
        make_archive(archive)
        networks = [
            {"name": f"{NETWORK}:tiny_network", "channels": 1 + n}
            for n in range(options.rows // LOSSES)
        ]
        (folder / "grid.yaml").write_text(
            GRID.format(
                networks=json.dumps(networks),
                losses=json.dumps([f"bce + {n}*l1" for n in range(1, 1 + LOSSES)]),
                archive=archive,
            )
        )
        table = Table("command", "exit code", "s", "s of a core", "peak MiB")
        run = COMMANDS["bench run, all done"]
        whole = {"bench run, stand-in": [*run, "--launcher", "inline"], **COMMANDS}
        for title, arguments in whole.items():
            found = Outcome(folder, arguments)
            table.add_row(
                title,
                str(found.code),
                f"{found.seconds:.1f}",
                f"{found.cpu_s:.1f}",
                f"{found.peak_mib:.0f}",
            )
            if "stand-in" in title:
                told = [line for line in found.printed.splitlines() if "MiB" in line]
                console.print(*told, sep="\n")
            if found.code:
                console.print(found.printed[-2000:])
        files = [path for path in (folder / "study").rglob("*") if path.is_file()]
        sizes = [path.stat() for path in files]
        console.print(table)
        console.print(
            f"{len(files)} files, {sum(s.st_size for s in sizes) / 2**20:.1f} MiB, "
            f"{sum(s.st_blocks for s in sizes) * 512 / 2**20:.1f} MiB on the disk"
        )


if __name__ == "__main__":
    main()
