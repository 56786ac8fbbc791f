import warnings

import canonical_archive
import numpy as np
import pytest
import torch
from operations import Operations

from bench.data import batches, transfer
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.stored_images import Resident, StoredImages

CPU = torch.device("cpu")


def loader(tmp_path, entries):
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    return BatchLoader(open_dataset([path], (32, 32), root=tmp_path / "cache"), CPU)


@pytest.fixture
def streaming(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.data.cache_build.CacheBuild.has_room", lambda _: False)
    return loader(tmp_path, canonical_archive.entries(samples=10))


def same(one, other):
    return all(
        a is b if a is None or b is None else torch.equal(a, b)
        for a, b in zip(one, other, strict=True)
    )


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


def with_all_on_the_device(of_cache):
    """As on a CUDA device: the images lie where the batches are wanted."""
    of_cache.__dict__["_resident"] = Resident(of_cache.dataset, CPU)
    return of_cache


@pytest.fixture
def clock(monkeypatch):
    """Stands still but while images become a batch, which is the device's work."""
    time = [0.0]
    original = StoredImages.as_batch

    def as_batch(stored, depth_maximum):
        time[0] += 1
        return original(stored, depth_maximum)

    monkeypatch.setattr(StoredImages, "as_batch", as_batch)
    monkeypatch.setattr("bench.data.batch_loader.time.perf_counter", lambda: time[0])
    return time


@pytest.mark.parametrize("place", [lambda of_cache: of_cache, with_all_on_the_device])
def test_the_work_of_the_device_is_no_waiting(tmp_path, clock, place):
    of_cache = place(loader(tmp_path, canonical_archive.entries(samples=10)))
    assert len(list(of_cache.iterate(batches.in_order(np.arange(10), 3)))) == 4
    assert clock[0] == 4
    assert of_cache.waited_s == 0


def test_a_loader_leaves_the_device_alone_until_it_is_used(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: asked.append(device) or (0, 0))
    dataset = loader(tmp_path, canonical_archive.entries(samples=10)).dataset
    of_cuda = BatchLoader(dataset, torch.device("cuda"))
    assert asked == []
    assert of_cuda.location == "host"  # no memory is free there
    assert of_cuda.location == "host"
    assert len(asked) == 1


KINDS = {
    "all": lambda name: True,
    "no backgrounds": lambda name: not name.startswith("background/"),
    "composites alone": lambda name: not name.startswith(("background/", "mask/", "depth/")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("piece_bytes", [1, 5000, 2**25])  # an image each, some, all at once
def test_batches_from_the_devices_memory_are_those_from_the_hosts(
    tmp_path, monkeypatch, kind, piece_bytes
):
    entries = canonical_archive.entries(samples=10, backgrounds=3)
    there = {name: content for name, content in entries.items() if KINDS[kind](name)}
    of_host = loader(tmp_path, there)
    monkeypatch.setattr(transfer, "PIECE_BYTES", piece_bytes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns of memory that may not be written
        resident = with_all_on_the_device(BatchLoader(of_host.dataset, CPU))
    for rows in batches.in_order(np.arange(10)[::-1].copy(), 4):
        assert same(resident.load(rows), of_host.load(rows))


def test_what_a_dataset_takes_on_a_device_is_the_size_of_its_arrays(tmp_path):
    dataset = loader(tmp_path, canonical_archive.entries(samples=10, backgrounds=3)).dataset
    # Images of three channels, a mask of 8 bits and a depth of 16.
    assert Resident.bytes_of(dataset) == 32 * 32 * (3 * 3 + 10 * (3 + 1 + 2))


def test_images_become_a_batch_in_one_operation_a_kind(tmp_path):
    """Backgrounds and composites at once, masks, and depths."""
    of_cache = loader(tmp_path, canonical_archive.entries(samples=10))
    with Operations() as found:
        of_cache.load(np.arange(10))
    assert found.kernels == 3


def test_without_holes_every_pixel_counts(streaming):
    batch = streaming.load(np.arange(4))
    assert batch.mask_valid is None
    assert batch.depth_valid is None
    assert torch.equal(batch.readings, torch.ones(4, 1, 32, 32))


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
