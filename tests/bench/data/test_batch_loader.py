import canonical_archive
import numpy as np
import pytest
import torch

from bench.data import batches
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset

CPU = torch.device("cpu")


def loader(tmp_path, entries):
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    return BatchLoader(open_dataset([path], (32, 32), root=tmp_path / "cache"), CPU)


@pytest.fixture
def streaming(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.data.cache_build.CacheBuild.has_room", lambda _: False)
    return loader(tmp_path, canonical_archive.entries(samples=10))


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one[:5], other[:5], strict=True))


def test_batches_prepared_ahead_come_in_order(streaming):
    assert streaming.location == "archive"
    order = list(batches.in_order(np.arange(10)[::-1].copy(), 3))
    found = list(streaming.iterate(order))
    assert len(found) == 4
    assert all(same(batch, streaming.load(rows)) for batch, rows in zip(found, order, strict=True))


def test_an_error_while_preparing_ahead_is_not_lost(streaming, monkeypatch):
    def fail(_):
        raise ValueError("damaged")

    monkeypatch.setattr(streaming.dataset.masks, "_decode", fail)
    with pytest.raises(ValueError, match="damaged"):
        list(streaming.iterate(batches.in_order(np.arange(10), 3)))


def test_waiting_for_batches_is_timed(streaming):
    before = streaming.waited_s
    list(streaming.iterate(batches.in_order(np.arange(10), 3)))
    assert streaming.waited_s > before


def test_without_an_ignore_region_every_mask_counts_as_before(streaming):
    assert streaming.load(np.arange(4)).mask_valid is None


def test_what_the_archives_lack_is_zero_and_counts_nowhere(tmp_path):
    entries = canonical_archive.entries(samples=4)
    bare = {
        name: content
        for name, content in entries.items()
        if not name.startswith(("depth/", "background/"))
    }
    batch = loader(tmp_path, bare).load(np.arange(4))
    assert batch.background.shape == batch.composite.shape
    assert not batch.background.any()
    assert not batch.depth_valid.any()
    assert batch.mask.any()


def test_sixteen_bits_of_depth_survive_the_way_to_the_device(tmp_path):
    entries = canonical_archive.entries(samples=4)
    ramp = np.linspace(0, 65535, 32 * 32).round().astype(np.uint16).reshape(32, 32)
    entries["depth/s1.png"] = canonical_archive.png(ramp)
    batch = loader(tmp_path, entries).load(np.array([1]))
    assert torch.equal(
        (batch.depth[0, 0].double() * 65535).round().int(), torch.from_numpy(ramp.astype(np.int32))
    )
