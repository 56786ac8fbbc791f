"""What is no bundle, or only a part of one, is told in a line."""

import struct
import zipfile

import pytest
from bundle_maker import Parts

MANIFESTS = {
    "no JSON": b"{",
    "a list": b"[]",
    "no text": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "a large number": b'{"kind": "maskdepth-bench study", "format": %s}' % (b"9" * 5000),
    "half a character": rb'{"kind": "\ud800", "format": 1}',
}


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_is_none_is_told_in_a_line(parts, tmp_path, manifest, refused):
    file = parts.write(tmp_path / "hostile.zip", manifest)
    refused(file, r"manifest\.json: ")


def test_a_zip_without_a_manifest_is_named(tmp_path, refused):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("samples.csv", "key,background\n")
    refused(tmp_path / "data.zip", r"manifest\.json: is not there; this is no file that")


def test_a_vast_manifest_is_not_read(parts, tmp_path, monkeypatch, refused):
    monkeypatch.setattr("bench.study.unbundle.LARGEST_MANIFEST", 1000)
    refused(parts.write(tmp_path / "b.zip"), "manifest.json: is larger than 1000 bytes")


@pytest.mark.parametrize("keep", [0, 1, 100, 5000, -1, -30])
def test_a_bundle_that_is_cut_off_is_named(bundled, keep, refused):
    bundled.write_bytes(bundled.read_bytes()[:keep])
    refused(bundled, "no bundle, or cut off")


def test_a_file_that_is_not_there_is_named(tmp_path, refused):
    refused(tmp_path / "nowhere.zip", "no such file")


def test_a_folder_is_no_bundle(study, refused):
    refused(study, "no bundle, or cut off")


def test_an_encrypted_entry_is_refused(bundled, refused):
    content = bytearray(bundled.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    bundled.write_bytes(content)
    refused(bundled, "is encrypted")


def test_entries_that_share_their_bytes_are_refused(bundled, tmp_path, refused):
    """A thousand names of one entry's bytes, each listed with its checksum: a bomb of copies."""
    parts = Parts.read(bundled)
    table = bytes(100_000)
    cells = [f"cells/{number:012x}/scores.parquet" for number in range(50)]
    for name in cells:
        parts.add(name, table)
    parts.entries = [entry for entry in parts.entries if entry.name not in cells[1:]]
    file = parts.write(tmp_path / "bomb.zip")
    content = file.read_bytes()
    end = content.rindex(b"PK\5\6")
    start = content.index(b"PK\1\2")
    index, first = content[start:end], content.index(cells[0].encode(), start) - 46
    record = content[first : first + 46 + len(cells[0])]
    more = b"".join(record[:46] + name.encode() for name in cells[1:])
    fields = list(struct.unpack("<4s4H2LH", content[end : end + 22]))
    fields[3] = fields[4] = fields[4] + len(cells) - 1
    fields[5] += len(more)
    file.write_bytes(content[:start] + index + more + struct.pack("<4s4H2LH", *fields))
    refused(file, "its entries claim to be larger than the file")
