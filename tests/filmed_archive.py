"""Write a small archive of films, in which every frame has a background photograph of its own."""

from __future__ import annotations

import canonical_archive
import numpy as np
from PIL import Image

SIDE = 64


def entries(scenes=5, frames=12, *, backgrounds=True, seed=0):
    """The entries, name to bytes: a canonical archive of so many films of so many frames each.

    Frame f of film s has the key ``s<s>_<f>`` and is the only one on the background of that name,
    photographed a moment earlier: the camera pans by a pixel a frame, and noise differs. The object
    walks through the image. Only the column ``scene`` tells which frames go together.
    """
    random = np.random.default_rng(seed)
    found, lines = {}, ["key,background,scene"]
    for scene in range(scenes):
        coarse = Image.fromarray(random.integers(30, 200, (7, 9, 3), np.uint8))
        wide = np.asarray(coarse.resize((SIDE + frames, SIDE), Image.Resampling.BICUBIC))
        for frame in range(frames):
            key = f"s{scene}_{frame:02d}"
            view = wide[:, frame : frame + SIDE].astype(np.int16)
            background, composite = (
                (view + random.integers(-3, 4, view.shape)).clip(0, 255).astype(np.uint8)
                for _ in range(2)
            )
            mask = np.zeros((SIDE, SIDE), np.uint8)
            depth = (30000 + 400 * np.mgrid[:SIDE, :SIDE][0]).astype(np.uint16)
            object_ = np.s_[24:40, 4 + 2 * frame : 16 + 2 * frame]
            composite[object_], mask[object_], depth[object_] = 235, 255, 10000
            if backgrounds:
                found[f"background/{key}.png"] = canonical_archive.png(background)
            found |= {
                f"composite/{key}.png": canonical_archive.png(composite),
                f"mask/{key}.png": canonical_archive.png(mask),
                f"depth/{key}.png": canonical_archive.png(depth),
            }
            lines.append(f"{key},{key},film{scene}")
    found["samples.csv"] = "\n".join([*lines, ""]).encode()
    found["dataset.json"] = b'{"format": 1, "depth": {"maximum": 65535}}'
    return found
