"""Examine one network."""

from __future__ import annotations

import io
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from functools import partial
from typing import Any, NamedTuple

import torch

from architectures import ArchitectureError
from bench.check import capturing, learning, predicting
from bench.check.finding import Finding, Status, examine
from bench.check.network_under_test import NetworkUnderTest
from bench.errors import InputError
from bench.randomness import seeded_globals

MAX_S = 25.0  # with what it takes to start and the last step, half a minute
NARROWER = "check it narrower (--option width=0.25) or on a faster machine"


class Check(NamedTuple):
    """A question, and the other checks without which it makes no sense.

    ``ask`` returns what it saw, or raises a `bench.check.finding.Fault`.
    """

    name: str
    ask: Callable[[NetworkUnderTest], str]
    needs: tuple[str, ...] = ()


CHECKS = (
    Check("heads", predicting.heads),
    Check("sizes", predicting.sizes, needs=("heads",)),
    Check("backward", learning.backward, needs=("heads",)),
    Check("gradients", learning.gradients, needs=("backward",)),
    Check("determinism", predicting.determinism, needs=("backward",)),
    Check("bf16", learning.bf16, needs=("backward",)),
    Check("compile", capturing.compilation, needs=("heads", "determinism")),
    Check("export", capturing.export, needs=("heads",)),
    Check("overfitting", learning.overfitting, needs=("backward",)),  # has what time is left
)


def check(
    name: str,
    options: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    longest_s: float = MAX_S,
) -> list[Finding]:
    """Examine one network on the CPU, on one thread.

    Several threads are faster on an idle machine and many times slower on a busy one. Torch's
    global generator and number of threads are left as they were.

    Args:
        name: any spec that `architectures.create` takes.
        options: its options.
        seed: of its weights, and of dropout.
        longest_s: seconds; no check begins after them.

    Returns:
        One finding a check, in the order of `CHECKS`.

    Raises:
        InputError: there is no such network, or it cannot be built with these options.
    """
    deadline = time.monotonic() + longest_s
    findings: dict[str, Finding] = {}
    with _one_thread(), _quiet():
        try:
            subject = NetworkUnderTest(name, options or {}, seed=seed, deadline=deadline)
        except ArchitectureError as error:
            raise InputError(str(error)) from None
        for one in CHECKS:
            findings[one.name] = _examine(one, subject, findings)
    return list(findings.values())


def _examine(one: Check, subject: NetworkUnderTest, findings: Mapping[str, Finding]) -> Finding:
    for needed in one.needs:
        if findings[needed].status in {Status.FAILED, Status.SKIPPED}:
            return Finding(one.name, Status.SKIPPED, f"needs the check {needed!r} to pass")
    if subject.seconds_left() < 0:
        return Finding(one.name, Status.SKIPPED, "the time was up", NARROWER)
    with seeded_globals(subject.seed, one.name, torch.device("cpu")):
        return examine(one.name, partial(one.ask, subject))


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _quiet() -> Iterator[None]:
    """What libraries say on the way would hide the findings."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
