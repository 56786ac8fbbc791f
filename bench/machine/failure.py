"""Why a network failed: in one line, and where.

The code of a network raises what it likes: errors whose text is long, cannot be printed, or cannot
even be asked for. What is said of them here is short, printable and never an error itself.
"""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path
from typing import NamedTuple, Self

import torch

from bench.errors import DivergedError, InputError, TrainingError
from bench.study.record import FailureKind
from bench.text import printable, shortened

MAX_REASON = 400  # characters
MAX_TRACEBACK = 4000
FRAMES = 20  # of a traceback, the last ones

# What a RuntimeError says where memory ran out: of the host, of a device, of its libraries.
OUT_OF_MEMORY = (
    "CUDA out of memory",
    "CUDA error: out of memory",
    "MPS backend out of memory",
    "can't allocate memory",
    "std::bad_alloc",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",  # the same since cuDNN 9
    "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
)

_PROJECT = Path(__file__).parents[2]
_OF_NETWORKS = tuple(_PROJECT / name for name in ("architectures", "losses"))
_OF_OTHERS = (
    _PROJECT / "bench",
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")),
)


class Failure(NamedTuple):
    """Why and where a network failed.

    Attributes:
        reason: one line of at most `MAX_REASON` characters; it ends with file and line.
        traceback: the end of it, of at most `MAX_TRACEBACK` characters.
        kind: what it was.
    """

    reason: str
    traceback: str
    kind: FailureKind

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Return what is to be said of an error; a mistake of the user's needs no file and line."""
        text, place = reason(error), None
        if not isinstance(error, InputError | TrainingError):
            place = where(error)
        if place is not None:
            text = f"{shortened(text, MAX_REASON - len(place) - 3)} ({place})"
        return cls(text, _traceback(error), _kind(error))


def _kind(error: BaseException) -> FailureKind:
    if is_out_of_memory(error):
        return FailureKind.OUT_OF_MEMORY
    return FailureKind.DIVERGED if isinstance(error, DivergedError) else FailureKind.ERROR


def reason(error: BaseException) -> str:
    """Return the error in one line of at most `MAX_REASON` characters.

    Where memory ran out, that is what it begins with, whatever the device.
    """
    text, name = _text(error), printable(type(error).__name__)
    if is_out_of_memory(error):
        name = "out of memory"
    elif text and isinstance(error, InputError | TrainingError):
        name = ""
    return shortened(": ".join(filter(None, (name, text))), MAX_REASON)


def where(error: BaseException) -> str | None:
    """Return file and line of the network's code that failed, as ``my_net.py:12``.

    That is the innermost call that is neither in this package nor in a library; the innermost of
    all if every one is. None if the error was never raised.
    """
    calls = [
        (Path(frame.f_code.co_filename), line or 0)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    of_network = [call for call in calls if _is_of_network(call[0])]
    for path, line in (of_network or calls)[-1:]:
        return f"{shortened(printable(path.name), MAX_REASON // 4)}:{line}"
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on whatever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    text = _text(error)
    return any(known in text for known in OUT_OF_MEMORY)


def _text(error: BaseException) -> str:
    """The error's text in one line that can be printed."""
    try:
        return printable(" ".join(str(error).split()))
    except BaseException as raised:  # noqa: BLE001 - whatever the code of an error does
        return f"(its text cannot be read: {printable(type(raised).__name__)})"


def _is_of_network(path: Path) -> bool:
    if any(path.is_relative_to(folder) for folder in _OF_NETWORKS):
        return True  # wherever this project is installed
    if path.name.startswith("<"):
        return False  # code that is in no file
    return not any(path.is_relative_to(folder) for folder in _OF_OTHERS)


def _traceback(error: BaseException) -> str:
    lines = "".join(traceback.format_tb(error.__traceback__, limit=-FRAMES)).splitlines()
    text = "\n".join(map(printable, lines))[-(MAX_TRACEBACK - MAX_REASON - 1) :]
    return f"{text}\n{reason(error)}"
