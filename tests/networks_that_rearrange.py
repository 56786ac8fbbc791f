"""Networks that change what belongs to their whole process, or what they are given."""

import gc
import importlib
import locale
import logging
import multiprocessing.connection
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import torch
from planting import PRIVATE_TEMPORARY, Faults

FAULTS = Faults()
faulty = FAULTS.network


@FAULTS.plant()
def goes_to_another_folder(network):
    os.chdir("/")


@FAULTS.plant()
def clears_the_environment(network):
    os.environ.clear()
    os.environ["HOME"] = "/nowhere"


@FAULTS.plant()
def clears_the_path(network):
    sys.path.clear()
    importlib.invalidate_caches()


@FAULTS.plant()
def unloads_every_module(network):
    sys.modules.clear()


@FAULTS.plant("init")
def unloads_the_modules_that_count(network):
    for name in list(sys.modules):
        if name.split(".")[0] in {"torch", "numpy", "pandas", "bench", "planting"}:
            del sys.modules[name]


@FAULTS.plant()
def deletes_its_temporary_folder(network):
    folder = Path(tempfile.gettempdir())
    if folder.name == PRIVATE_TEMPORARY:  # the test's own; any other one stays
        shutil.rmtree(folder)
    tempfile.tempdir = "/nowhere"


@FAULTS.plant()
def speaks_another_language(network):
    locale.setlocale(locale.LC_ALL, "C")


@FAULTS.plant()
def writes_for_nobody(network):
    os.umask(0o777)


@FAULTS.plant()
def is_nice(network):
    os.nice(19)


@FAULTS.plant()
def stays_on_one_core(network):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@FAULTS.plant()
def opens_few_files(network):
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


@FAULTS.plant()
def never_waits_for_a_pipe(network):
    for descriptor in range(256):
        try:
            os.set_blocking(descriptor, False)
        except OSError:
            continue


@FAULTS.plant()
def winds_every_file_back(network):
    for descriptor in range(3, 256):
        try:
            os.lseek(descriptor, 1, os.SEEK_SET)
        except OSError:
            continue


@FAULTS.plant()
def hears_no_signals(network):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)


@FAULTS.plant()
def sets_an_alarm(network):
    signal.alarm(1)


@FAULTS.plant()
def starts_processes_in_another_way(network):
    multiprocessing.set_start_method("forkserver", force=True)


@FAULTS.plant()
def logs_nothing(network):
    logging.disable()
    logging.getLogger().handlers.clear()


@FAULTS.plant()
def watches_every_line(network):
    def watch(frame, event, argument):
        return watch

    sys.settrace(watch)
    threading.settrace(watch)


@FAULTS.plant()
def collects_no_garbage(network):
    gc.disable()
    gc.unfreeze()


@FAULTS.plant()
def allows_few_calls(network):
    sys.setrecursionlimit(200)
    sys.setswitchinterval(1e-6)


@FAULTS.plant()
def catches_every_error(network):
    sys.excepthook = threading.excepthook = lambda *_: os._exit(8)


@FAULTS.plant("init")
def takes_memory(network):
    network.__dict__["hoard"] = bytearray(b"x" * 2**27)
    gc.callbacks.append(lambda *_: network.hoard)


@FAULTS.plant("init")
def writes_into_its_images(network):
    forward = network.forward

    def spoil(background, composite):
        prediction = forward(background, composite.clone())
        composite.fill_(0.5)
        return prediction

    network.__dict__["forward"] = spoil


def everything(kind):
    gc.unfreeze()
    for holder in gc.get_objects():
        yield from (found for found in gc.get_referents(holder) if isinstance(found, kind))


@FAULTS.plant()
def writes_into_every_array(network):
    for found in everything(np.ndarray):
        if found.flags.writeable and found.dtype.kind in "fiu":
            found[...] = 0


@FAULTS.plant()
def writes_into_every_tensor(network):
    with torch.no_grad():
        for found in everything(torch.Tensor):
            found.fill_(0)
