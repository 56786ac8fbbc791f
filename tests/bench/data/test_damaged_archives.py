"""What is wrong with an archive is said in a line: nothing crashes, hangs, swells or escapes."""

import io
import json
import random
import re
import signal
import struct
import zipfile
import zlib
from pathlib import Path

import canonical_archive
import damaged_zip
import numpy as np
import pytest
import torch
from damaged_zip import flip_bits, insert_garbage, truncate
from PIL import Image

from bench.archives.check import inspect
from bench.archives.convert import convert
from bench.data.cache import open_dataset
from bench.data.layouts import open_layouts
from bench.errors import InputError
from bench.machine.memory import PeakMemory
from bench.settings import Source

LIMIT_S = 20
LIMIT_MIB = 2048
IMPORTS_MIB = 512  # that the libraries take


def rezip(change):
    """Damage to the entries of an archive that is a sound zip."""

    def damage(content, draw):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        change(entries, draw)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, value in entries.items():
                archive.writestr(name, value)
        return buffer.getvalue()

    damage.__name__ = change.__name__
    return damage


def image_of(entries, draw):
    return draw.choice([name for name in entries if name.endswith(".png")])


@rezip
def swap_entries(entries, draw):
    one, other = draw.sample(list(entries), 2)
    entries[one], entries[other] = entries[other], entries[one]


@rezip
def drop_entries(entries, draw):
    for name in draw.sample(list(entries), draw.choice([1, 2, 10])):
        del entries[name]


@rezip
def damage_one_entry(entries, draw):
    name = draw.choice(list(entries))
    entries[name] = draw.choice([flip_bits, truncate, insert_garbage])(entries[name], draw)


@rezip
def bomb(entries, draw):
    """A gigabyte of nothing in a megabyte."""
    name = draw.choice([image_of(entries, draw), "samples.csv", "dataset.json"])
    entries[name] = entries[name] + bytes(2**30)


def png_header(width, height):
    header = struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(bytes(2**20))),
            (b"IEND", b""),
        )
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


@rezip
def swell_a_image(entries, draw):
    """A small file whose header says that it is vast."""
    name = image_of(entries, draw)
    side = draw.choice([20_000, 65_500, 2**31 - 1])
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(buffer, "JPEG")
    jpeg = bytearray(buffer.getvalue())
    frame = jpeg.index(b"\xff\xc0")
    struct.pack_into(">2H", jpeg, frame + 5, min(side, 65_500), min(side, 65_500))
    entries[name] = draw.choice([png_header(side, side), bytes(jpeg)])


@rezip
def name_places_outside(entries, draw):
    for name in draw.sample(list(entries), 5):
        entries[draw.choice(["../", "../../", "/", "a/../../", "..\\"]) + name] = entries[name]


@rezip
def key_places_outside(entries, draw):
    """The keys themselves, which name the files of an export."""
    escape = draw.choice(["../escaped", "../../escaped", "/escaped", "a/../../escaped"])
    for kind in ("composite", "mask", "depth"):
        entries[f"{kind}/{escape}.png"] = entries.pop(f"{kind}/s0.png")
    entries["samples.csv"] = entries["samples.csv"].replace(b"\ns0,", f"\n{escape},".encode())


@rezip
def scramble_the_table(entries, draw):
    entries["samples.csv"] = draw.choice(
        [
            flip_bits(entries["samples.csv"], draw),
            b"key,background\n" + b"s0,b0\n" * 3,
            b'key,background\n"s0,b0\n',
            b"key,background\ns0\ns1,b1,c,d,e\n",
            b"key,background\n,\n",
            bytes(draw.randrange(256) for _ in range(500)),
            b"key,key,background\ns0,s1,b0\n",
        ]
    )


@rezip
def scramble_the_description(entries, draw):
    entries["dataset.json"] = draw.choice(
        [
            b"[" * 100_000,
            b"null",
            b'{"format": 1, "depth": {"maximum": 1e999}}',
            b'{"format": 1, "depth": []}',
            b'{"format": 1, "depth": {"crop": [0, 0, 0, 0]}}',
            b'{"format": 1, "depth": {"crop": [-5, 9, 4, 2]}}',
            b'{"format": 1, "depth": {"invalid": "x"}}',
            json.dumps({"format": draw.choice([0, "1", None, [1]])}).encode(),
            flip_bits(entries["dataset.json"], draw),
        ]
    )


@rezip
def change_a_mode(entries, draw):
    """Images of other kinds than their folder's."""
    name = image_of(entries, draw)
    mode = draw.choice(["1", "P", "LA", "RGBA", "CMYK", "I;16", "F"])
    buffer = io.BytesIO()
    size = draw.choice([(32, 32), (1, 1), (3000, 1), (1, 3000)])
    Image.new("L", size).convert("I;16" if mode == "I;16" else mode).save(
        buffer, "TIFF" if mode in {"CMYK", "F"} else "PNG"
    )
    entries[name] = buffer.getvalue()


DAMAGES = [
    *damaged_zip.DAMAGES,
    swap_entries,
    drop_entries,
    damage_one_entry,
    swell_a_image,
    name_places_outside,
    key_places_outside,
    scramble_the_table,
    scramble_the_description,
    change_a_mode,
]


def everything_in(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


def try_out(content, folder):
    """Read, check and export; returns what was said, or nothing where the archive is sound."""
    said = []
    path = folder / "in" / "a.zip"
    path.parent.mkdir()
    path.write_bytes(content)
    source = Source(files=(str(path),))
    for use in (
        lambda: open_dataset([source], (32, 32), root=folder / "in" / "cache"),
        lambda: inspect(open_layouts(source), on_progress=silent),
        lambda: convert(folder / "in" / "export", open_layouts(source), silent),
    ):
        try:
            use()
        except InputError as error:
            said.append(str(error))
    assert everything_in(folder) == everything_in(folder / "in")
    assert path.read_bytes() == content
    return said


def silent(*_):
    pass


def too_long(*_):
    raise AssertionError(f"took more than {LIMIT_S} s")


def resident_mib():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


@pytest.fixture
def watched(monkeypatch):
    """No use lasts long, and memory grows by no more than is left to a fresh process."""
    before = signal.signal(signal.SIGALRM, too_long)
    memory, at_start = PeakMemory(torch.device("cpu")), resident_mib()
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert memory.mib() - at_start < LIMIT_MIB - IMPORTS_MIB


def sound():
    buffer = io.BytesIO()
    canonical_archive.write(buffer, canonical_archive.entries(samples=6))
    return buffer.getvalue()


def damage_many(seeds, tmp_path):
    told = 0
    for seed in seeds:
        draw = random.Random(seed)
        damage = DAMAGES[seed % len(DAMAGES)]
        folder = tmp_path / str(seed)
        folder.mkdir()
        signal.alarm(LIMIT_S)
        try:
            said = try_out(damage(sound(), draw), folder)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {damage.__name__}: {error!r}") from error
        assert all("\n" not in line for line in said), (seed, said)
        told += bool(said)
    return told


def test_a_sound_archive_passes_the_same_trial(tmp_path, watched):
    assert try_out(sound(), tmp_path) == []


def test_damage_is_told_in_a_line(tmp_path, watched, capfd):
    seeds = range(5 * len(DAMAGES))
    assert damage_many(seeds, tmp_path) > len(seeds) / 2
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_two_thousand_damages_are_told_in_a_line(tmp_path, watched):
    assert damage_many(range(1000, 3000), tmp_path) > 1000


def test_a_bomb_is_refused_before_it_goes_off(tmp_path, watched):
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert "more than any image" in try_out(bomb(sound(), random.Random(seed)), folder)[0]
