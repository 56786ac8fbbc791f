"""Where and with what results are made."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

import torch

from bench.study.record import Environment

PACKAGES = (
    "maskdepth-bench",
    "torch",
    "torchvision",
    "timm",
    "segmentation-models-pytorch",
    "kornia",
    "numpy",
    "pillow",
    "simplejpeg",
)


def describe(device: torch.device) -> Environment:
    """This machine, this device, and the versions of what computes."""
    return Environment(
        commit=_commit(),
        python=platform.python_version(),
        packages={name: version for name in PACKAGES if (version := _version(name))},
        platform=f"{platform.system()} {platform.machine()}",
        device=device.type,
        device_name=_device_name(device),
        threads=torch.get_num_threads(),
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the harness's own checkout; ``-dirty`` where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        described = subprocess.run(  # noqa: S603 - a fixed command
            command,
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()
