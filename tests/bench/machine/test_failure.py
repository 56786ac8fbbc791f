"""Why a network failed is told in one short line that can be printed, whatever it raised."""

import json
import linecache

import pytest
import torch

import architectures
from bench.errors import InputError, TrainingError
from bench.machine.failure import (
    MAX_REASON,
    MAX_TRACEBACK,
    Failure,
    is_out_of_memory,
    reason,
    where,
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("x"), True),
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (torch.AcceleratorError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB, max allowed: 9 GB)"), True),
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), False),
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("out of resource: shared memory, Required: 1, Hardware limit: 0"), False),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), False),
        (RuntimeError("shape mismatch"), False),
        (ValueError("can't allocate memory"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_which_errors_say_that_memory_ran_out(error, expected):
    assert is_out_of_memory(error) is expected
    assert reason(error).startswith("out of memory") is expected


class UnreadableError(RuntimeError):
    def __str__(self):
        raise SystemExit(3)


class NumberError(RuntimeError):
    __str__ = int.__bool__  # which gives no text


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("two\n  lines"), "RuntimeError: two lines"),
        (ValueError(), "ValueError"),
        (SystemExit(0), "SystemExit: 0"),
        (TrainingError("the mask loss became nan"), "the mask loss became nan"),
        (InputError("data.archive: no such file"), "data.archive: no such file"),
        (torch.OutOfMemoryError("tried 2 GiB"), "out of memory: tried 2 GiB"),
        (RuntimeError("\x1b[31mred\x07"), r"RuntimeError: \x1b[31mred\x07"),
        (OSError("no file \udcff"), r"OSError: no file \udcff"),
        (UnreadableError(), "UnreadableError: (its text cannot be read: SystemExit)"),
        (NumberError(), "NumberError: (its text cannot be read: TypeError)"),
    ],
)
def test_the_reason_is_one_line_that_can_be_printed(error, expected):
    assert reason(error) == expected
    assert Failure.of(error).reason == expected  # it was never raised: there is no place to name


def test_a_long_text_keeps_its_beginning_its_end_and_the_place(tmp_path):
    failure = Failure.of(
        raised(tmp_path / "my_net.py", "raise RuntimeError('a' * 200_000 + 'end')")
    )
    assert len(failure.reason) == MAX_REASON
    assert failure.reason.startswith("RuntimeError: aaaa")
    assert failure.reason.endswith("aaend (my_net.py:1)")
    assert len(failure.traceback) <= MAX_TRACEBACK


def raised(path, code):
    """What the code of a file raises."""
    path.write_text(code, encoding="utf-8")
    linecache.checkcache()
    try:
        exec(compile(code, str(path), "exec"), {})  # noqa: S102 - as a file of a user's is run
    except BaseException as error:  # noqa: BLE001 - sys.exit too
        return error
    raise AssertionError("it raised nothing")


@pytest.mark.parametrize(
    "last",
    [
        "raise ValueError('a mistake')",
        "import torch; torch.nn.Linear(2, 2)(torch.zeros(3, 3))",
        "import json; json.loads('{')",
    ],
    ids=["its own", "torch's", "the standard library's"],
)
def test_the_place_is_the_last_one_in_the_networks_code(tmp_path, last):
    error = raised(tmp_path / "my_net.py", f"def forward():\n    {last}\n\nforward()\n")
    assert where(error) == "my_net.py:2"


def test_the_networks_of_this_project_are_networks():
    image = torch.zeros(1, 5, 32, 32)
    with pytest.raises(RuntimeError) as caught:
        architectures.create("unet", width=0.125)(image, image)
    assert where(caught.value).startswith("unet.py:")


def test_without_any_code_of_a_networks_the_place_is_the_last_one_of_all():
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("{")
    error = caught.value.with_traceback(caught.value.__traceback__.tb_next)  # without this test
    assert where(error).startswith("decoder.py:")


def test_a_mistake_in_the_input_needs_no_place(tmp_path):
    failure = Failure.of(
        raised(tmp_path / "a.py", "raise __import__('bench').errors.InputError('x')")
    )
    assert failure.reason == "x"


def test_the_traceback_is_readable_and_limited(tmp_path):
    code = "def deeper(n):\n    return deeper(n + 1)  # \x1b[31m\n\ndeeper(0)\n"
    failure = Failure.of(raised(tmp_path / "my_net.py", code))
    assert failure.reason.startswith("RecursionError: maximum recursion depth exceeded")
    assert failure.reason.endswith("(my_net.py:2)")
    lines = failure.traceback.splitlines()
    assert lines[-1].startswith("RecursionError: ")
    assert len(lines) < 100
    assert len(failure.traceback) <= MAX_TRACEBACK
    assert r"return deeper(n + 1)  # \x1b[31m" in failure.traceback
    assert "\x1b" not in failure.traceback
