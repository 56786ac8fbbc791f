"""Networks that leave threads and processes behind, or work for the end of their process."""

import atexit
import multiprocessing
import os
import signal
import subprocess
import threading
import time
import weakref

import torch
from planting import COMPLETE, Faults

FAULTS = Faults()
faulty = FAULTS.network
LATER = 0.05  # s


@FAULTS.plant(ends=COMPLETE)
def leaves_a_thread_that_never_ends(network):
    threading.Thread(target=lambda: time.sleep(1000), daemon=False).start()


@FAULTS.plant(ends="KeyboardInterrupt")
def leaves_a_thread_and_raises_an_interrupt(network):
    leaves_a_thread_that_never_ends(network)
    raise KeyboardInterrupt


@FAULTS.plant()
def leaves_a_thread_that_ends_the_process(network):
    threading.Timer(LATER, os._exit, [5]).start()


@FAULTS.plant()
def leaves_a_thread_that_kills_the_process(network):
    threading.Timer(LATER, os.kill, [os.getpid(), signal.SIGKILL]).start()


@FAULTS.plant(ends=COMPLETE)
def leaves_a_thread_that_raises(network):
    threading.Thread(target=lambda: 1 / 0).start()


@FAULTS.plant(ends=COMPLETE)
def leaves_a_process(network):
    subprocess.Popen(["sleep", "100"])  # noqa: S607


@FAULTS.plant(ends="exit code 7")
def leaves_a_process_that_holds_what_is_open(network):
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(7)


@FAULTS.plant(ends="exit code 7")
def leaves_a_process_of_another_group(network):
    subprocess.Popen(["sleep", "5"], start_new_session=True, close_fds=False)  # noqa: S607
    os._exit(7)


@FAULTS.plant()
def forks_and_goes_on_twice(network):
    os.fork()


@FAULTS.plant(ends=COMPLETE)
def leaves_a_pool(network):
    network.pool = multiprocessing.get_context("fork").Pool(2)
    network.__dict__["__deepcopy__"] = lambda _: network


@FAULTS.plant(ends=COMPLETE)
def asks_for_a_long_end(network):
    atexit.register(time.sleep, 1000)


@FAULTS.plant(ends=COMPLETE)
def asks_for_another_exit_code(network):
    atexit.register(os._exit, 4)
    atexit.register(print, "goodbye")


@FAULTS.plant(ends=COMPLETE)
def asks_for_a_long_end_of_its_own(network):
    weakref.finalize(torch.nn.Conv2d, time.sleep, 1000)


class Deleted:
    def __init__(self, then):
        self.then = then

    def __del__(self):
        self.then()


@FAULTS.plant(ends=COMPLETE)
def raises_when_it_is_deleted(network):
    Deleted(lambda: 1 / 0)


@FAULTS.plant("init")
def leaves_when_it_is_deleted(network):
    network.__dict__["deleted"] = Deleted(lambda: os._exit(6))
