"""Each in a process of its own: what is kept is kept to its end."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its C library may be another")

PAGES = 64 * 2**20 // 4096

ALLOCATE = """
import resource
from bench.machine import memory

def faults_of_64_mib():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(64 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident_pages():
    return int(open("/proc/self/statm").read().split()[1])
"""


def figures(code):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", ALLOCATE + code]
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return [int(line) for line in found.stdout.splitlines()]


def test_kept_memory_is_not_asked_for_again():
    first, *others = figures(
        "memory.keep_freed_memory()\nfor _ in range(4): print(faults_of_64_mib())"
    )
    assert first > 0.9 * PAGES
    assert max(others) < 0.01 * PAGES


def test_kept_memory_can_be_given_back():
    kept, given_back = figures(
        "memory.keep_freed_memory()\nfaults_of_64_mib()\nprint(resident_pages())\n"
        "memory.give_back_freed_memory()\nprint(resident_pages())"
    )
    assert kept - given_back > 0.9 * PAGES
