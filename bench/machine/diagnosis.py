"""What this machine has for training, what will be slow or fail on it, and what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import torch

from bench.machine import capacity
from bench.machine.device import choose
from bench.machine.environment import nvidia_driver
from bench.machine.job_process import FORKS
from bench.machine.precision import BF16_CAPABILITY

GIB = 2**30
LITTLE_MEMORY_GIB = 2.0  # in which the libraries and a small network fit
LITTLE_DISK_GIB = 1.0
THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Kind(StrEnum):
    """What a finding is about."""

    FACT = "fact"
    SLOW = "slow"
    BROKEN = "will fail"


class Finding(NamedTuple):
    """Something about this machine.

    Attributes:
        kind: whether it is as it should be.
        topic: in a word.
        text: what there is.
        cure: what to do about it; empty where there is nothing to do.
    """

    kind: Kind
    topic: str
    text: str
    cure: str = ""


def diagnose(cache: Path) -> Iterator[Finding]:
    """Give the facts about this machine and what is wrong with them, topic by topic.

    Args:
        cache: where decoded images are kept.
    """
    yield from _device()
    yield from _processor()
    yield from _memory()
    yield from _disk(cache)


def _device() -> Iterator[Finding]:
    device = choose("auto")
    built_for = f"torch {torch.__version__} is built for CUDA {torch.version.cuda}"
    if torch.version.cuda is None:
        built_for = f"torch {torch.__version__} is built without CUDA"
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        memory = f"{properties.total_memory / GIB:.1f} GiB"
        count = torch.cuda.device_count()
        text = f"cuda, as there is one: {properties.name}, {memory}, {count} in all; {built_for}"
        yield Finding(Kind.FACT, "device", text)
        yield from _of_cuda(device)
        return
    why = "the graphics processor of this Mac" if device.type == "mps" else "no other is found"
    yield Finding(Kind.FACT, "device", f"{device.type}, as {why}; {built_for}")
    driver = nvidia_driver()
    if driver is None:
        return
    card = f"there is an NVIDIA card (driver {driver}), which is not used: "
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if torch.version.cuda is None:
        cure = "pip install --force-reinstall torch, whose build in the package index is for CUDA"
        yield Finding(Kind.SLOW, "device", f"{card}{built_for}", cure)
    elif hidden is not None:
        cure = "unset CUDA_VISIBLE_DEVICES"
        yield Finding(Kind.SLOW, "device", f"{card}CUDA_VISIBLE_DEVICES is {hidden!r}", cure)
    else:
        cure = "a newer driver, or a build of torch for an older CUDA (https://pytorch.org)"
        yield Finding(Kind.SLOW, "device", f"{card}{built_for}, which finds no device", cure)


def _of_cuda(device: torch.device) -> Iterator[Finding]:
    capability = torch.cuda.get_device_capability(device)
    if capability < BF16_CAPABILITY:
        text = f"a device of compute capability {capability[0]}.{capability[1]} emulates bf16"
        cure = "train: {precision: float32}, which is another experiment"
        yield Finding(Kind.SLOW, "bf16", text, cure)
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        text = "there is no C compiler: networks are trained without torch.compile"
        yield Finding(Kind.SLOW, "compiler", text, "install gcc")


def _processor() -> Iterator[Finding]:
    usable, there, threads = capacity.cores(), os.cpu_count() or 1, torch.get_num_threads()
    text = f"{usable:g} of {there} may be used; torch computes with {threads} threads"
    yield Finding(Kind.FACT, "cores", text)
    most = max(1, int(usable))
    if threads > usable:
        text = f"{threads} threads wait for each other on {usable:g} cores"
        yield Finding(Kind.SLOW, "cores", text, f"OMP_NUM_THREADS={most}, or --threads {most}")
    asked = next((name for name in THREAD_SETTINGS if name in os.environ), None)
    if asked is not None and threads < most:
        text = f"{asked}={os.environ[asked]} leaves {most - threads} of {most} cores without work"
        yield Finding(Kind.SLOW, "cores", text, f"unset {asked}, or give --threads {most}")
    if choose("auto").type == "cpu" and capacity.has_bf16() is False:
        text = "the processor emulates bf16, in which networks are trained by default"
        cure = "train: {precision: float32}, which is another experiment"
        yield Finding(Kind.SLOW, "bf16", text, cure)
    if not FORKS:
        text = f"on {sys.platform} processes are not forked: each cell loads the libraries anew"
        yield Finding(Kind.SLOW, "processes", text, "Linux; or --launcher inline, to try out")


def _memory() -> Iterator[Finding]:
    known = capacity.memory()
    if known is None:
        return
    total_gib, free_gib = (count / GIB for count in known)
    yield Finding(Kind.FACT, "memory", f"{free_gib:.1f} of {total_gib:.1f} GiB are free")
    if free_gib < LITTLE_MEMORY_GIB:
        text = f"{free_gib:.1f} GiB are little: cells may be killed, or trained in smaller batches"
        yield Finding(Kind.SLOW, "memory", text, "end other programs, or raise the limit")


def _disk(cache: Path) -> Iterator[Finding]:
    found = capacity.disk(cache)
    free_gib = found.free_bytes / GIB
    kind = f" ({found.kind})" if found.kind else ""
    yield Finding(Kind.FACT, "cache", f"{cache}: {free_gib:.1f} GiB are free{kind}")
    cure = "MASKDEPTH_CACHE names another folder"
    if not found.is_writable:
        yield Finding(Kind.BROKEN, "cache", f"decoded images cannot be kept in {cache}", cure)
    elif free_gib < LITTLE_DISK_GIB:
        text = "decoded images that do not fit there are decoded anew whenever they are used"
        yield Finding(Kind.SLOW, "cache", text, cure)
    elif found.is_over_a_network:
        text = "decoded images are read over a network"
        yield Finding(Kind.SLOW, "cache", text, f"{cure}, on a disk of this machine")
