"""What a server of processes opens for its jobs in the tests, and what the jobs do."""

import atexit
import ctypes
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

loaded = []


def load(content):
    loaded.append(content)
    if content == "what is not there":
        raise ModuleNotFoundError(content)


def open_shared():
    return {"opened by": os.getpid(), "jobs": [], "loaded": list(loaded)}


def open_nothing():
    raise ValueError("there is nothing to open")


def use_up_all_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())),) * 2)


def begin(shared):
    shared["begun by"] = os.getpid()


def exit_at_once(shared):
    os._exit(9)


def work(shared, job, tell, must_stop):  # noqa: C901, PLR0912 - one case a job
    """Do what the job says, and return what the process knows."""
    shared["jobs"].append(job)
    match job:
        case ("tell", *messages):
            for message in messages:
                tell(message)
        case ("exit", code):
            os._exit(code)
        case ("signal", number):
            os.kill(os.getpid(), number)
        case ("segfault",):
            ctypes.string_at(0)
        case ("end the server",):
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        case ("sleep", seconds):
            time.sleep(seconds)
        case ("work until asked to stop", last_words_s):
            tell("at work")
            while not must_stop():
                time.sleep(0.01)
            time.sleep(last_words_s)
            return "stopped"
        case ("take", mib):
            taken = b"x" * (mib * 2**20)
            time.sleep(30)
            return len(taken)
        case ("have a child take", mib):
            if os.fork() == 0:
                taken = b"x" * (mib * 2**20)
            time.sleep(30)
        case ("print", text):
            sys.stdout.write(f"{text}\n")
        case ("raise",):
            raise KeyboardInterrupt
        case ("start a thread",):
            threading.Thread(target=time.sleep, args=(60,)).start()
        case ("leave a child", code):
            child = os.fork()
            if child == 0:
                time.sleep(60)
            if code is not None:
                os._exit(code)
            return child
        case ("close everything",):
            os.closerange(0, 1000)
        case ("answer what cannot be sent",):
            return lambda: None
        case ("where",):
            return (os.getpgid(0), os.getppid())
    return dict(shared)


def end_slowly(path):
    def touch_and_wait():
        Path(path).touch()
        time.sleep(0.5)

    atexit.register(touch_and_wait)
