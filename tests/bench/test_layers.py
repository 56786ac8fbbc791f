"""The rooms of bench/ import downwards only, and those that only read and write need no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bench

ROOT = Path(bench.__file__).parent

# From the ground up; what stands in one line may not import each other.
FLOORS = [
    {"text", "colors"},
    {"errors", "files", "randomness"},
    {"statistics"},
    {"settings"},
    {"study"},
    {"events"},
    {"machine"},
    {"data"},
    {"evaluation"},
    {"training"},
    {"inference", "throughput", "check", "archives", "templates"},
    {"execution", "report"},
    {"loaded_study"},
    {"cli"},
    {"__init__", "__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
HIGHEST_SEEN = {"report": "events", "archives": "data"}  # below what their floors would allow

WITHOUT_TORCH = ["bench", "bench.settings", "bench.study", "bench.statistics", "bench.report"]


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module == "bench":
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bench."):
            names = [node.module.split(".")[1]]
        elif isinstance(node, ast.Import):
            names = [a.name.split(".")[1] for a in node.names if a.name.startswith("bench.")]
        found.update(names)
    return found


def test_every_file_lies_in_a_room():
    assert {room_of(path) for path in ROOT.rglob("*.py")} <= FLOOR.keys()


def test_imports_go_down_the_floors_never_up():
    climbing = set()
    for path in ROOT.rglob("*.py"):
        room = room_of(path)
        ceiling = FLOOR[HIGHEST_SEEN[room]] + 1 if room in HIGHEST_SEEN else FLOOR[room]
        climbing |= {
            (str(path.relative_to(ROOT)), other)
            for other in imported_rooms(path)
            if other != room and FLOOR[other] >= ceiling
        }
    assert climbing == set()


@pytest.mark.parametrize("package", WITHOUT_TORCH)
def test_what_only_reads_and_writes_needs_no_torch(package):
    modules = [
        ".".join(("bench", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for path in (ROOT / package.removeprefix("bench").lstrip(".")).rglob("*.py")
    ]
    modules = modules if package != "bench" else ["bench"]
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
