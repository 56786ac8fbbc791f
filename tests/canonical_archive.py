"""Write small archives in the canonical layout, right or wrong in one chosen way."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
from PIL import Image


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def entries(samples=10, size=(32, 32), *, backgrounds=2, depth_coding=None, seed=0):
    """The entries of a sound archive, name to bytes: change or delete one to break it.

    Sample i has the key ``s<i>``, stands on background ``b<i % backgrounds>`` and holds a grey
    square of growing place; its depth is i / samples everywhere.
    """
    random = np.random.default_rng(seed)
    height, width = size
    scenes = [random.integers(0, 200, (height, width, 3), np.uint8) for _ in range(backgrounds)]
    found = {f"background/b{b}.png": png(scene) for b, scene in enumerate(scenes)}
    lines = ["key,background,scene"]
    for number in range(samples):
        composite = scenes[number % backgrounds].copy()
        mask = np.zeros(size, np.uint8)
        place = 2 + number % 16
        composite[place : place + 12, place : place + 12] = 230
        mask[place : place + 12, place : place + 12] = 255
        depth = np.full(size, round(65535 * number / samples), np.uint16)
        found |= {
            f"composite/s{number}.png": png(composite),
            f"mask/s{number}.png": png(mask),
            f"depth/s{number}.png": png(depth),
        }
        lines.append(f"s{number},b{number % backgrounds},indoors")
    found["samples.csv"] = "\n".join([*lines, ""]).encode()
    coding = depth_coding or {"unit": "m", "maximum": 65535, "near": "low", "invalid": None}
    found["dataset.json"] = json.dumps(
        {"format": 1, "size": [height, width], "depth": coding}
    ).encode()
    return found


def write(path, found):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in found.items():
            archive.writestr(name, content)
    return path
