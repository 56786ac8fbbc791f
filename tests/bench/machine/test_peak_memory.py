"""The peak is of what is watched alone: not of what lay there before, nor of what is ignored."""

import gc
import mmap
import types

import pytest
import torch

from bench.machine.memory import PeakMemory, _resident_kib

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
MIB = 2**20

pytestmark = pytest.mark.skipif(
    not _resident_kib(), reason="this system cannot tell the peak of memory"
)


def take(mib):
    torch.ones(mib * MIB, dtype=torch.uint8)


def test_the_peak_is_seen_after_it_is_over():
    memory = PeakMemory(CPU)
    take(256)
    assert 240 < memory.mib() < 300
    assert memory.total_mib() > memory.mib()
    assert PeakMemory(CPU).mib() < 50


def test_what_lies_there_before_does_not_count():
    gc.collect()
    before = torch.ones(300 * MIB, dtype=torch.uint8)
    memory = PeakMemory(CPU)
    take(100)
    assert before[0] == 1
    assert 90 < memory.mib() < 150


def test_what_is_taken_while_it_is_ignored_does_not_count():
    memory = PeakMemory(CPU)
    take(100)
    with memory.ignoring():
        take(300)
    take(50)
    assert 90 < memory.mib() < 150


def test_what_is_forgotten_does_not_count_but_what_was_counted_before_does():
    memory = PeakMemory(CPU)
    take(100)
    with memory.ignoring():
        pass
    take(300)
    memory.forget()
    assert 90 < memory.mib() < 150


def test_pages_of_mapped_files_do_not_count(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(bytes(200 * MIB))
    memory = PeakMemory(CPU)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sum(mapped[:: mmap.PAGESIZE]) == 0
        assert memory.mib() < 50


def test_on_cuda_what_lies_on_the_device_before_does_not_count(monkeypatch):
    device = types.SimpleNamespace(now=500 * MIB, highest=0)

    def reset(_):
        device.highest = device.now

    def use(mib):
        device.highest = max(device.highest, device.now + mib * MIB)

    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: device.highest)
    memory = PeakMemory(CUDA)
    use(100)
    with memory.ignoring():
        use(400)
    use(70)
    assert (memory.mib(), memory.total_mib()) == (100, 600)
