"""Where and with what results are made."""

from __future__ import annotations

import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

import torch

from bench.study.record import Environment

ROOT = Path(__file__).parents[2]
OWN_PACKAGES = ("architectures", "bench", "losses", "user_code")
PACKAGES = (
    "maskdepth-bench",
    "torchvision",
    "timm",
    "segmentation-models-pytorch",
    "kornia",
    "numpy",
    "pillow",
    "simplejpeg",
)
DRIVER = Path("/proc/driver/nvidia/version")


def describe(device: torch.device) -> Environment:
    """Return this machine, this device, and the versions of what computes."""
    versions = {name: version for name in PACKAGES if (version := _version(name))}
    on_cuda, own = device.type == "cuda", _is_own_repository()
    cudnn = torch.backends.cudnn.version() if on_cuda else None  # type: ignore[no-untyped-call]
    return Environment(
        commit=_git("rev-parse", "HEAD") if own else None,
        dirty=own
        and bool(_git("status", "--porcelain", "--untracked-files=all", "--", *OWN_PACKAGES)),
        python=platform.python_version(),
        packages={**versions, "torch": torch.__version__},  # with its build, as 2.11.0+cu130
        cuda=torch.version.cuda if on_cuda else None,
        cudnn=None if cudnn is None else str(cudnn),
        driver=nvidia_driver() if on_cuda else None,
        platform=f"{platform.system()} {platform.machine()}",
        device=device.type,
        device_name=_device_name(device),
        threads=torch.get_num_threads(),
    )


def nvidia_driver() -> str | None:
    """Return the version of the driver of NVIDIA's cards; None where there is none."""
    try:
        text = DRIVER.read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"Kernel Module\s+(?:for \S+\s+)?(\S+)", text)
    return found[1] if found else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _is_own_repository() -> bool:
    """Whether the packages lie in a checkout of this project, and not in somebody's own."""
    top = _git("rev-parse", "--show-toplevel")
    tracked = _git("ls-files", "bench/__init__.py", "architectures/__init__.py", "pyproject.toml")
    return top is not None and Path(top) == ROOT and len((tracked or "").split()) == 3  # noqa: PLR2004


def _git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 - fixed commands
            ["git", *arguments],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()
