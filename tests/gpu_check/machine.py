"""The device, what is installed beside it, and the archives that later steps train on."""

import json
import os
import shutil
import subprocess
import sys

import torch
from rich.console import Console

from bench.machine import environment
from tests.gpu_check.setting import Setting

# Of each archive: backgrounds, foregrounds, placements, size in pixels.
ON_CUDA = {"quick": (20, 15, 2, 128), "loops": (8, 8, 4, 224), "small": (10, 8, 2, 64)}
ELSEWHERE = ON_CUDA | {"loops": (4, 4, 2, 64)}


def main():
    setting = Setting.of_command_line()
    archives = ON_CUDA if setting.on_cuda else ELSEWHERE
    rendering = [start_rendering(setting, *archive) for archive in archives.items()]
    try:
        text = json.dumps(describe(setting), indent=2)
        (setting.out / "machine.json").write_text(text, encoding="utf-8")
        Console().print(text)
    finally:
        codes = [process.wait() for process in rendering]
    sys.exit(max(codes))


def start_rendering(setting, name, sizes):
    """Have a process make an archive."""
    options = zip(("--backgrounds", "--foregrounds", "--placements", "--size"), sizes, strict=True)
    asked = [str(word) for option in options for word in option]
    command = [sys.executable, "-m", "bench", "data", "make", f"data/{name}.zip", *asked]
    return subprocess.Popen(command, cwd=setting.out)


def describe(setting):
    """Return what a record says of the machine, and a little more."""
    found = environment.describe(setting.device).model_dump(mode="json")
    found |= {"cores": os.cpu_count(), "compiler": shutil.which("cc")}  # that compiling needs
    if setting.on_cuda:
        properties = torch.cuda.get_device_properties(setting.device)
        found |= {
            "memory_gib": round(properties.total_memory / 2**30, 1),
            "capability": f"{properties.major}.{properties.minor}",
        }
        smi = shutil.which("nvidia-smi")
        if smi:
            subprocess.run([smi, "-q", "-d", "CLOCK,POWER,COMPUTE"], check=False)
    return found


if __name__ == "__main__":
    main()
