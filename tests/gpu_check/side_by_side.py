"""A grid of small networks: cells side by side, against one at a time."""

import time

from tests.figures import Figure
from tests.gpu_check.setting import Setting

COUNT = 4


def main():
    setting = Setting.of_command_line()
    content = {
        "architectures": [
            {"name": "unet", "width": 0.25},
            {"name": "densenet", "width": 0.125},
        ],
        "losses": ["bce"],
        "seeds": [0, 1] if setting.on_cuda else [0],
        "data": {"archive": "data/small.zip", "image_size": 64},
        "train": {"epochs": 20 if setting.on_cuda else 1, "batch_size": 12},
    }
    found = {}
    for count in (1, COUNT):
        started = time.monotonic()
        records = setting.run_grid(
            content, f"temporary/by-{count}", per_device=count, threads=1, throughput=False
        )
        found[count] = time.monotonic() - started, [record.summary["iou"] for record in records]
    (alone_s, alone), (together_s, together) = found.values()
    Figure(
        f"cells one at a time / {COUNT} side by side",
        alone_s / together_s,
        at_least=1 if setting.on_cuda else None,
        remark=f"{alone_s:.0f} s / {together_s:.0f} s",
    ).keep()
    apart = max(abs(a - b) for a, b in zip(alone, together, strict=True))
    Figure("iou of cells side by side less that of cells alone, at most", apart).keep()


if __name__ == "__main__":
    main()
