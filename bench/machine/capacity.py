"""How many cores, and how much memory and disk, this process may use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")
MEMORY = Path("/proc/meminfo")
MOUNTS = Path("/proc/mounts")
PROCESSOR = Path("/proc/cpuinfo")
OVER_A_NETWORK = {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "lustre", "nfs", "nfs4", "smb3"}
OF_BF16 = {"amx_bf16", "avx512_bf16", "bf16"}  # as processors of x86 and ARM name it


class Disk(NamedTuple):
    """Where files are kept.

    Attributes:
        free_bytes: that files may still take.
        kind: of the file system, as ``ext4``; empty where the system does not tell.
        is_writable: whether this process may write there.
    """

    free_bytes: int
    kind: str
    is_writable: bool

    @property
    def is_over_a_network(self) -> bool:
        """Whether every byte comes over a network."""
        return self.kind in OVER_A_NETWORK


def cores() -> float:
    """Return how many cores this process may use: those it is bound to, less by a quota."""
    try:
        bound: float = len(os.sched_getaffinity(0))
    except AttributeError:  # another system
        bound = os.cpu_count() or 1
    quotas = []
    for line in _limits("cpu.max"):
        quota, _, period = line.partition(" ")
        if quota != "max":
            quotas.append(int(quota) / int(period))
    return min([bound, *quotas])


def memory() -> tuple[int, int] | None:
    """Return in bytes how much this process may use, and how much of it is free now.

    None where the system does not tell.
    """
    try:
        lines = MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    total, free = 1024 * kib["MemTotal"], 1024 * kib["MemAvailable"]
    used = _limits("memory.current")
    for limit, taken in zip(_limits("memory.max"), used, strict=False):
        if limit != "max":
            total, free = min(total, int(limit)), min(free, int(limit) - int(taken))
    return total, max(0, free)


def disk(folder: Path) -> Disk:
    """Return what there is of the disk that a folder lies on, or will lie on."""
    place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return Disk(shutil.disk_usage(place).free, _kind_of(place), os.access(place, os.W_OK))


def has_bf16() -> bool | None:
    """Return whether the processor computes in bf16; None where the system does not tell."""
    try:
        text = PROCESSOR.read_text(encoding="utf-8")
    except OSError:
        return None
    words = {
        word
        for line in text.splitlines()
        if line.startswith(("flags", "Features"))
        for word in line.split()
    }
    return bool(words & OF_BF16) if words else None


def _limits(name: str) -> list[str]:
    """What the control groups that this process is in say, the innermost first; see cgroups(7)."""
    try:
        lines = OWN_CGROUP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    own = next((line[3:] for line in lines if line.startswith("0::")), "/")
    place = CGROUPS / own.lstrip("/")
    files = [
        folder / name for folder in (place, *place.parents) if CGROUPS in (folder, *folder.parents)
    ]
    return [file.read_text(encoding="ascii").strip() for file in files if file.is_file()]


def _kind_of(place: Path) -> str:
    try:
        lines = MOUNTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    mounted = {Path(line.split()[1]): line.split()[2] for line in lines}
    within = [point for point in mounted if point in (place.resolve(), *place.resolve().parents)]
    return mounted[max(within, key=lambda point: len(point.parts))] if within else ""
