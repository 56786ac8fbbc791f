"""Networks that end their process, or take away what it needs."""

import ctypes
import os
import resource
import signal
import sys
import time

import torch
from planting import COMPLETE, EITHER, Faults

FAULTS = Faults()
faulty = FAULTS.network


@FAULTS.plant(ends="SystemExit: 0")
def exits(network):
    sys.exit(0)


@FAULTS.plant("init", "SystemExit: 0")
def exits_while_it_is_built(network):
    sys.exit(0)


@FAULTS.plant("backward", "SystemExit: 0")
def exits_in_its_backward_pass(network):
    sys.exit(0)


@FAULTS.plant("state_dict", "SystemExit: 0")
def exits_when_it_is_kept(network):
    sys.exit(0)


@FAULTS.plant("scoring", "SystemExit: see you")
def exits_when_it_is_scored(network):
    sys.exit("see you")


@FAULTS.plant(ends="exit code 0")
def leaves_at_once(network):
    os._exit(0)


@FAULTS.plant("init", "exit code 3")
def leaves_with_3(network):
    os._exit(3)


@FAULTS.plant(ends="")
def becomes_another_program(network):
    os.execv(sys.executable, [sys.executable, "-S", "-c", "pass"])  # noqa: S606


@FAULTS.plant(ends="SIGSEGV")
def segfaults(network):
    ctypes.string_at(0)


@FAULTS.plant("scoring", "SIGSEGV")
def segfaults_when_it_is_scored(network):
    ctypes.string_at(0)


@FAULTS.plant(ends="SIGABRT")
def aborts(network):
    os.abort()


@FAULTS.plant(ends=EITHER)
def terminates_itself(network):
    # It is asked to stop at its next step, and is complete if that was the last one.
    os.kill(os.getpid(), signal.SIGTERM)


@FAULTS.plant(ends="SIGKILL")
def kills_itself(network):
    kill_and_wait(os.getpid(), signal.SIGKILL)


@FAULTS.plant(ends="SIGKILL")
def kills_its_group(network):
    os.killpg(0, signal.SIGKILL)


@FAULTS.plant(ends="")
def kills_its_parent(network):
    kill_and_wait(os.getppid(), signal.SIGKILL)


@FAULTS.plant(ends="")
def terminates_its_parent(network):
    kill_and_wait(os.getppid(), signal.SIGTERM)


def kill_and_wait(pid, number):
    os.kill(pid, number)
    time.sleep(60)


@FAULTS.plant()
def closes_what_it_prints_to(network):
    os.close(1)
    os.close(2)
    print("nobody hears")  # noqa: T201


@FAULTS.plant(ends="")
def closes_everything(network):
    os.closerange(0, 4096)


@FAULTS.plant(ends="")
def writes_everywhere(network):
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, b"x" * 100)
        except OSError:
            continue


@FAULTS.plant(ends=COMPLETE)
def has_no_output(network):
    sys.stdout = sys.stderr = None
    print("nobody hears")  # noqa: T201


@FAULTS.plant(ends=COMPLETE)
def has_no_input(network):
    sys.stdin.close()


@FAULTS.plant(ends="EOFError")
def asks_the_user(network):
    input("go on? ")


@FAULTS.plant(ends=COMPLETE)
def prints_10_mb(network):
    print(10_000 * (999 * "x" + "\n"))  # noqa: T201


@FAULTS.plant(ends=COMPLETE)
def prints_control_characters(network):
    print("\x1b[2J\x1b]0;title\x07 \udead \x00")  # noqa: T201
    os.write(2, b"\xff\xfe\x1b[2J")


@FAULTS.plant(ends="")
def may_write_no_file(network):
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    print("too much", flush=True)  # noqa: T201


@FAULTS.plant()
def may_open_no_file(network):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


@FAULTS.plant("init", "")
def may_use_little_memory(network):
    resource.setrlimit(resource.RLIMIT_AS, (2**20, 2**20))
    network.late = torch.ones(2**26)


@FAULTS.plant("init", "")
def may_use_no_time(network):
    resource.setrlimit(resource.RLIMIT_CPU, (0, 0))
    while True:
        pass
