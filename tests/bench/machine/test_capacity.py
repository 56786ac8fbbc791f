"""How many cores, and how much memory and disk, a process may use: as Linux tells it."""

import os

import pytest

from bench.machine import capacity

MEMINFO = "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:    8388608 kB\n"
GIB = 2**30


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Files as a Linux system shows them, in which a test writes what it likes."""
    places = {
        "CGROUPS": tmp_path / "cgroup",
        "OWN_CGROUP": tmp_path / "own",
        "MEMORY": tmp_path / "meminfo",
        "MOUNTS": tmp_path / "mounts",
        "PROCESSOR": tmp_path / "cpuinfo",
    }
    for name, place in places.items():
        monkeypatch.setattr(capacity, name, place)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (tmp_path / "cgroup/jobs/mine").mkdir(parents=True)
    (tmp_path / "own").write_text("0::/jobs/mine\n")
    (tmp_path / "meminfo").write_text(MEMINFO)
    return tmp_path


def test_without_a_limit_there_is_what_the_machine_has(system):
    assert capacity.cores() == 8
    assert capacity.memory() == (16 * GIB, 8 * GIB)


def test_the_tightest_limit_of_all_groups_around_a_process_counts(system):
    (system / "cgroup/jobs/mine/cpu.max").write_text("max 100000\n")
    (system / "cgroup/jobs/cpu.max").write_text("250000 100000\n")
    (system / "cgroup/jobs/mine/memory.max").write_text(f"{6 * GIB}\n")
    (system / "cgroup/jobs/mine/memory.current").write_text(f"{5 * GIB}\n")
    (system / "cgroup/jobs/memory.max").write_text("max\n")
    (system / "cgroup/jobs/memory.current").write_text(f"{9 * GIB}\n")
    assert capacity.cores() == 2.5
    assert capacity.memory() == (6 * GIB, 1 * GIB)


def test_a_container_that_sees_its_own_group_as_the_root_is_limited(system):
    (system / "own").write_text("0::/\n")
    (system / "cgroup/cpu.max").write_text("200000 100000\n")
    (system / "cgroup/memory.max").write_text(f"{2 * GIB}\n")
    (system / "cgroup/memory.current").write_text(f"{3 * GIB}\n")  # of which some can be dropped
    assert capacity.cores() == 2
    assert capacity.memory() == (2 * GIB, 0)


def test_another_system_tells_no_memory_and_no_instructions(system):
    for name in ("meminfo", "own"):
        (system / name).unlink()
    assert capacity.memory() is None
    assert capacity.has_bf16() is None
    assert capacity.disk(system).kind == ""


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("flags\t\t: fpu sse avx512f avx512_bf16", True),
        ("flags\t\t: fpu sse avx512f", False),
        ("Features\t: fp asimd i8mm bf16", True),
        ("Features\t: fp asimd", False),
    ],
)
def test_a_processor_says_whether_it_computes_in_bf16(system, line, has):
    (system / "cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    assert capacity.has_bf16() is has


def test_a_folder_lies_on_the_innermost_mount_around_it(system):
    shared = system / "shared"
    (shared / "data").mkdir(parents=True)
    (system / "mounts").write_text(
        f"/dev/a / ext4 rw 0 0\nserver:/x {shared.resolve()} nfs4 rw 0 0\n"
    )
    assert capacity.disk(shared / "data" / "not" / "there").kind == "nfs4"
    assert capacity.disk(shared / "data").is_over_a_network
    assert capacity.disk(system).kind == "ext4"
    assert not capacity.disk(system).is_over_a_network
