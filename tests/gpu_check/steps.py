"""What is checked, in which order, and how long each step may take."""

import sys
from typing import NamedTuple

MINUTES = 9  # that the limits below add up to
PYTEST = ("-m", "pytest", "-o", "addopts=-ra -v", "-p", "no:cacheprovider")
STARTING_S = 5  # from the start of a process to its first line
OUTCOMES = ("-p", "tests.gpu_check.outcomes")


class Step(NamedTuple):
    """One step.

    Attributes:
        name: shown, and of its files.
        seconds: its limit if there are `MINUTES` in all.
        module: what Python runs; None: the tests of ``tests``.
        tests: files or folders of tests that need a CUDA device.
        takes_the_rest: whether it uses the time that earlier steps have left.
    """

    name: str
    seconds: int
    module: str | None = None
    tests: tuple[str, ...] = ()
    takes_the_rest: bool = False

    def command(self, device, out, seconds):
        """Return what is run.

        Args:
            device: that is checked.
            out: the folder for all that is kept.
            seconds: after which it is ended.
        """
        if self.module is None:
            folder = f"--basetemp={out / 'temporary' / self.name.replace(' ', '-')}"
            return [sys.executable, *PYTEST, *OUTCOMES, "-m", "gpu", folder, *self.tests]
        asked = ["--device", device, "--out", str(out), "--seconds", str(seconds - STARTING_S)]
        return [sys.executable, "-m", f"tests.gpu_check.{self.module}", *asked]


MEMORY_TESTS = "tests/test_gpu_memory.py"
STEPS = (
    Step("machine", 60, "machine"),
    Step(
        "CUDA tests",
        120,
        tests=("tests", f"--ignore={MEMORY_TESTS}", "--ignore=tests/benchmarks"),
    ),
    Step("quick grid", 80, "quick_grid"),
    Step("training loops", 110, "training_loops"),
    Step("study", 20, "study", takes_the_rest=True),
    Step("throughput", 60, "throughput"),
    Step("memory", 40, tests=(MEMORY_TESTS,)),
    Step("side by side", 50, "side_by_side"),
)
