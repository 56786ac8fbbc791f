"""Networks that go on until they are stopped."""

import ctypes
import os
import signal
import threading
import time

import torch
from planting import Faults
from torch import nn

FAULTS = Faults()
faulty = FAULTS.network


@FAULTS.plant(ends="limits.seconds")
def loops(network):
    while True:
        pass


@FAULTS.plant("scoring", "limits.seconds")
def loops_in_c_code(network):
    ctypes.PyDLL(None).sleep(1000)  # and lets no other thread of Python run


@FAULTS.plant("backward", "limits.seconds")
def waits_for_itself(network):
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@FAULTS.plant("init", "limits.seconds")
def stops_itself(network):
    os.kill(os.getpid(), signal.SIGSTOP)


@FAULTS.plant(ends="limits.seconds")
def ignores_signals(network):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    loops(network)


@FAULTS.plant(ends="limits.memory_gib")
def takes_all_memory(network):
    network.__dict__["hoard"] = [bytearray(b"x" * 2**24) for _ in range(2**7)]  # 2 GiB
    time.sleep(1000)


@FAULTS.plant("init", "limits.")
def has_weights_without_end(network):
    def named(*arguments, **options):
        while True:
            yield "weight", nn.Parameter(torch.ones(2**8))

    network.__dict__.update(named_parameters=named, parameters=lambda: (w for _, w in named()))
