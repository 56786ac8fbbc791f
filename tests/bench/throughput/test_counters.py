"""FLOPs, energy, and what the driver tells."""

import os
from types import SimpleNamespace

import pytest
import torch
from fake_machine import FakeMachine
from torch import nn

from bench.throughput import energy
from bench.throughput.nvml import Gpu
from bench.training import flops


def test_flops_of_a_convolution_by_hand_and_of_its_gradients():
    layer = nn.Conv2d(6, 8, 3, padding=1)
    image = torch.zeros(1, 6, 10, 12, requires_grad=True)
    forward = 2 * (6 * 3 * 3) * 8 * 10 * 12  # a multiplication and an addition each
    with torch.no_grad():
        assert flops.count(lambda: layer(image)) == (forward, set())
    whole, _ = flops.count(lambda: layer(image).sum().backward())
    assert whole == 3 * forward  # the gradients of the input and of the weights cost as much each


def test_what_the_counter_has_no_formula_for_is_named():
    numbers = torch.ones(4, 4)
    counted, uncounted = flops.count(lambda: (numbers @ numbers).view(16).clone().exp().sum())
    assert counted == 2 * 4**3
    assert uncounted == {"exp", "sum"}


def test_energy_is_of_a_window_of_ten_seconds_shared_by_its_runs():
    machine = FakeMachine()
    joules = energy.joules_per_run(
        lambda: machine.run(0.02), lambda: 200 * machine.now, machine.timer
    )
    assert joules == pytest.approx(200 * 0.02)
    assert machine.now > 10


def test_no_counter_no_energy_and_no_time_lost():
    machine = FakeMachine()
    assert energy.joules_per_run(lambda: machine.run(1), lambda: None, machine.timer) is None
    assert machine.runs == 0


class FakeNvml:
    """A driver that knows two processes and no power limit."""

    NVML_CLOCK_SM = 1
    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        pass

    def __init__(self, *pids):
        self.pids = pids

    def nvmlInit(self):  # noqa: N802 - the driver's spelling
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802
        return uuid

    def nvmlDeviceGetClockInfo(self, handle, kind):  # noqa: N802
        return 1980

    def nvmlDeviceGetTemperature(self, handle, kind):  # noqa: N802
        return 41

    def nvmlDeviceGetEnforcedPowerLimit(self, handle):  # noqa: N802
        raise self.NVMLError

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802
        return 5000

    def nvmlDeviceGetComputeRunningProcesses(self, handle):  # noqa: N802
        return [SimpleNamespace(pid=pid, usedGpuMemory=2**29) for pid in self.pids]


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(
        "torch.cuda.get_device_properties", lambda device: SimpleNamespace(uuid="1234")
    )
    return lambda *pids: Gpu(torch.device("cuda"), FakeNvml(*pids))


def test_the_state_of_a_gpu_and_who_else_is_on_it(gpu):
    ours = os.getpid()
    state = gpu(ours, 7, 8).state([ours, 7])
    assert (state.clock_mhz, state.temperature_c, state.foreign_processes) == (1980, 41, 1)
    assert state.power_limit_w is None
    assert gpu(ours).process_memory_mib() == 512
    assert gpu(ours).energy_j() == 5


def test_in_a_container_others_cannot_be_told_from_ourselves(gpu):
    assert gpu(7, 8).state([os.getpid()]).foreign_processes is None
    assert gpu(7, 8).process_memory_mib() is None


@pytest.mark.parametrize("nvml", [None, FakeNvml()])
def test_on_a_cpu_or_without_the_module_all_is_blank(nvml):
    gpu = Gpu(torch.device("cpu"), nvml)
    assert (gpu.state([]), gpu.process_memory_mib(), gpu.energy_j()) == (None, None, None)
