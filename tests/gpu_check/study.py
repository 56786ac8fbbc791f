"""A study to be published: four full networks, four losses, as many seeds as the time allows."""

import subprocess
import sys
import time

from tests.figures import Figure
from tests.gpu_check.setting import Setting

NAME = "study"
MOST_SEEDS = 10
SPARE = 1.3  # as many times the time of the seed before, a seed may take
THROUGHPUT_S = 40  # for the four networks, when all is trained


def main():
    started = time.monotonic()
    setting = Setting.of_command_line()
    content = question(setting)

    def left_s():
        return setting.seconds - (time.monotonic() - started)

    took_s = 0.0
    for seed in range(MOST_SEEDS if setting.on_cuda else 2):
        if left_s() < SPARE * took_s:
            break
        began = time.monotonic()
        content["seeds"] = list(range(seed + 1))
        records = setting.run_grid(content, NAME, throughput=False, **setting.run_options)
        report(setting)
        took_s = time.monotonic() - began
        sound = sum(record.summary is not None for record in records)
        what = f"cells of the study that trained, seeds 0 to {seed}"
        Figure(what, sound, at_least=len(records), remark=f"the last seed: {took_s:.0f} s").keep()
    if left_s() > THROUGHPUT_S:
        setting.run_grid(content, NAME, **setting.run_options)
        report(setting)


def question(setting):
    """Return the grid, without seeds."""
    networks = ["unet", "resnet50_upproj", "autoencoder", "densenet"]
    content = {
        "architectures": networks,
        "losses": ["bce", "ssim", "cosine", "gradient_l1"],
        "data": {
            "archive": "data/quick.zip",
            "image_size": 64,
            "split": {"train": 0.6, "val": 0.1, "test": 0.3, "by": "background"},
        },
        "train": {"epochs": 15, "batch_size": 32, "learning_rate": 1e-3},
    }
    if not setting.on_cuda:
        content["architectures"] = [{"name": name, "width": 0.125} for name in networks[:1]]
        content["losses"] = content["losses"][:2]
        content["data"]["archive"] = "data/small.zip"
        content["train"]["epochs"] = 1
    return content


def report(setting):
    """Write the leaderboard of what is there."""
    subprocess.run([sys.executable, "-m", "bench", "report", NAME], cwd=setting.out, check=True)


if __name__ == "__main__":
    main()
