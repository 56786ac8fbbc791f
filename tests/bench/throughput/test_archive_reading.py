import numpy as np
import torch

from bench.data.images import decode_color, resize
from bench.data.layouts import open_layouts
from bench.settings import Source
from bench.throughput import reading


def test_each_way_is_timed_beside_the_reference(rendered_archive, tiny_network, monkeypatch):
    monkeypatch.setattr(reading, "ROUNDS", 2)
    layout = open_layouts(Source(files=(str(rendered_archive),)))[0]
    found = reading.measure(
        layout, (32, 32), samples=12, architecture=tiny_network, device=torch.device("cpu")
    )
    assert [row.name for row in found] == [
        "reference: zipfile, Pillow, float",
        "first pass, one thread",
        "first pass, all cores",
        "cached pass",
        f"training step of {tiny_network}",
    ]
    assert found[0].ratio == 1
    assert all(row.samples_per_s > 0 for row in found)


def test_the_reference_way_decodes_what_the_harness_decodes(rendered_archive):
    layout = open_layouts(Source(files=(str(rendered_archive),)))[0]
    content = layout.entries.read(int(layout.samples["composite_entry"].iloc[0]))
    plain = reading._as_tensor(content, (32, 32), color=True)
    ours = resize(decode_color(content), (32, 32))
    difference = np.abs(plain.permute(1, 2, 0).numpy() * 255 - ours)
    assert difference.mean() < 1
