"""What the harness adds to a bare loop, and what it saves against a DataLoader."""

import statistics
from functools import partial

import torch

from tests.benchmarks.loops import Bare, Harness, Reference, rates
from tests.figures import Figure
from tests.gpu_check.setting import Setting

SMALLEST, LARGEST = "unet", "resnet50_upproj"  # of the published networks, by parameters


def main():
    setting = Setting.of_command_line()
    if setting.on_cuda:
        for name in (SMALLEST, LARGEST):
            race(setting, name, size=64, batch=16, steps=60, rounds=3, reference=2)
        race(setting, "unet_additive", size=224, batch=50, steps=15, rounds=2, reference=10)
    else:
        torch.set_num_threads(1)  # which a busy machine disturbs least
        race(setting, SMALLEST, size=64, batch=4, steps=2, rounds=1, reference=2)


def race(setting, name, *, size, batch, steps, rounds, reference):
    """Train by each way in turn; the harness has to be so many times as fast as the reference."""
    work = (name, setting.out / "data/loops.zip", setting.device, size, batch)
    ways = {
        "harness": partial(Harness, *work),
        "bare loop": partial(Bare, *work),
        "DataLoader, 0 workers": partial(Reference, *work, workers=0),
        "DataLoader, 2 workers": partial(Reference, *work, workers=2),
    }
    ours, *others = rates(ways, steps, rounds).values()
    for theirs, way in zip(others, list(ways)[1:], strict=True):
        ratios = sorted(our / their for our, their in zip(ours, theirs, strict=True))
        speeds = " / ".join(f"{statistics.median(speed):.4g}" for speed in (ours, theirs))
        Figure(
            f"{name} at {size} px: harness / {way}",
            statistics.median(ratios),
            at_least=(0.97 if way == "bare loop" else reference) if setting.on_cuda else None,
            remark=f"{ratios[0]:.3f} to {ratios[-1]:.3f}; {speeds} images/s",
        ).keep()


if __name__ == "__main__":
    main()
