import canonical_archive
import numpy as np
import pytest
from PIL import Image

from bench.archives.stats import contact_sheet
from bench.data.selection import open_selection
from bench.errors import InputError
from bench.settings import Source


@pytest.fixture
def layouts_of(tmp_path):
    def layouts_of(entries):
        path = canonical_archive.write(tmp_path / "a.zip", entries)
        return open_selection([Source(files=(str(path),))], None, lambda text: None)

    return layouts_of


def cell(image, row, column):
    """The (CELL, CELL, 3) pixels of a cell."""
    top = contact_sheet.TITLE_HEIGHT + row * (contact_sheet.CELL + contact_sheet.GAP)
    left = contact_sheet.TEXT_WIDTH + column * (contact_sheet.CELL + contact_sheet.GAP)
    return np.asarray(image)[top : top + contact_sheet.CELL, left : left + contact_sheet.CELL]


def plain(value):
    return np.full((contact_sheet.CELL, contact_sheet.CELL, 3), value, np.uint8)


def plain_entries():
    """Three samples, each of one grey; the depth of the second has no reading on the left."""
    coding = {"maximum": 1000, "near": "high", "invalid": 0}
    entries = canonical_archive.entries(samples=3, backgrounds=3, depth_coding=coding)
    for number in range(3):
        depth = np.full((32, 32), 500, np.uint16)
        depth[:, : 16 * (number == 1)] = 0
        mask = np.full((32, 32), 255 * (number == 2), np.uint8)
        background = np.full((32, 32, 3), 100 + number, np.uint8)
        composite = np.full((32, 32, 3), 90 - number, np.uint8)
        entries |= {
            f"background/b{number}.png": canonical_archive.png(background),
            f"composite/s{number}.png": canonical_archive.png(composite),
            f"mask/s{number}.png": canonical_archive.png(mask),
            f"depth/s{number}.png": canonical_archive.png(depth),
        }
    return entries


def test_a_row_shows_one_samples_images_and_their_difference(layouts_of):
    image = contact_sheet.draw(layouts_of(plain_entries()), 0)
    for row in range(3):
        assert np.array_equal(cell(image, row, 0), plain(100 + row))
        assert np.array_equal(cell(image, row, 1), plain(90 - row))
        assert np.array_equal(cell(image, row, 2), plain(255 * (row == 2)))
        assert np.array_equal(cell(image, row, 4), plain(10 + 2 * row))
    assert np.array_equal(cell(image, 0, 3), plain(128))  # near: high, so 1 - 0.5
    half = contact_sheet.CELL // 2
    assert (cell(image, 1, 3)[:, : half - 5] == contact_sheet.NO_READING).all()
    assert (cell(image, 1, 3)[:, half + 5 :] == 128).all()


def test_where_a_mask_is_unknown_it_is_blue_in_its_own_column(layouts_of):
    entries = plain_entries()
    unknown = np.zeros((32, 32), np.uint8)
    unknown[:, :16] = 255
    entries |= {f"unknown/s{i}.png": canonical_archive.png(unknown) for i in range(3)}
    image = contact_sheet.draw(layouts_of(entries), 0)
    half = contact_sheet.CELL // 2
    assert (cell(image, 2, 2)[:, : half - 5] == contact_sheet.NO_READING).all()
    assert (cell(image, 2, 2)[:, half + 5 :] == 255).all()
    assert np.array_equal(cell(image, 0, 3), plain(128))  # depth stands where it stood


def test_a_mirrored_background_is_shown_as_the_composite_stands_on_it(layouts_of):
    entries = canonical_archive.entries(samples=1)
    ramp = np.repeat(np.arange(0, 256, 8, dtype=np.uint8)[None, :, None], 32, 0).repeat(3, 2)
    entries["background/b0.png"] = canonical_archive.png(ramp)
    entries["composite/s0.png"] = canonical_archive.png(ramp[:, ::-1])
    (layout,) = layouts_of(entries)
    layout.samples["background_mirrored"] = True
    image = contact_sheet.draw([layout], 0)
    assert (cell(image, 0, 0)[:, 0] > 240).all()
    assert cell(image, 0, 4).max() <= 1


def test_images_keep_their_shape(layouts_of):
    entries = canonical_archive.entries(samples=1, size=(32, 64))
    entries["mask/s0.png"] = canonical_archive.png(np.full((32, 64), 255, np.uint8))
    mask = cell(contact_sheet.draw(layouts_of(entries), 0), 0, 2)[..., 0]
    quarter = contact_sheet.CELL // 4
    entries["mask/s0.png"] = canonical_archive.png(np.zeros((32, 64), np.uint8))
    black = cell(contact_sheet.draw(layouts_of(entries), 0), 0, 2)[..., 0]
    rows = np.flatnonzero((mask != black).all(axis=1))
    assert (rows[0], rows[-1]) == (quarter, contact_sheet.CELL - quarter - 1)


def test_the_draw_depends_on_the_seed_and_not_on_the_order(layouts_of):
    entries = canonical_archive.entries(samples=40)
    first = np.asarray(contact_sheet.draw(layouts_of(entries), 0))
    assert first.shape[0] == 2 * contact_sheet.TITLE_HEIGHT + 12 * (
        contact_sheet.CELL + contact_sheet.GAP
    )
    assert np.array_equal(first, contact_sheet.draw(layouts_of(entries), 0))
    assert not np.array_equal(first, contact_sheet.draw(layouts_of(entries), 1))
    header, *lines = entries["samples.csv"].decode().splitlines()
    entries["samples.csv"] = "\n".join([header, *reversed(lines), ""]).encode()
    assert np.array_equal(first, contact_sheet.draw(layouts_of(entries), 0))


def test_the_key_stands_beside_its_row(layouts_of):
    entries = canonical_archive.entries(samples=2)
    before = contact_sheet.draw(layouts_of(entries), 0)
    entries["composite/renamed.png"] = entries.pop("composite/s1.png")
    entries["mask/renamed.png"] = entries.pop("mask/s1.png")
    entries["depth/renamed.png"] = entries.pop("depth/s1.png")
    entries["samples.csv"] = entries["samples.csv"].replace(b"s1,", b"renamed,")
    after = contact_sheet.draw(layouts_of(entries), 0)  # sorted by key it is now the first
    for row, other in ((0, 1), (1, 0)):
        assert np.array_equal(cell(before, row, 1), cell(after, other, 1))
    written = np.asarray(after.convert("L"))[:, : contact_sheet.TEXT_WIDTH] < 128
    top = contact_sheet.TITLE_HEIGHT
    line = slice(top, top + contact_sheet.FONT_SIZE + 4)
    widths = [
        np.flatnonzero(written[line.start + shift : line.stop + shift].any(axis=0)).max()
        for shift in (0, contact_sheet.CELL + contact_sheet.GAP)
    ]
    assert widths[0] > 2 * widths[1]  # "renamed" above "s0"


def test_a_long_key_stays_in_its_column(layouts_of):
    entries = {
        name.replace("/s0.", f"/{'k' * 200}."): content
        for name, content in canonical_archive.entries(samples=1).items()
    }
    entries["samples.csv"] = f"key,background\n{'k' * 200},b0\n".encode()
    image = np.asarray(contact_sheet.draw(layouts_of(entries), 0).convert("L"))
    edge = image[
        contact_sheet.TITLE_HEIGHT :,
        contact_sheet.TEXT_WIDTH - contact_sheet.GAP : contact_sheet.TEXT_WIDTH,
    ]
    assert (edge == 255).all()


def test_what_there_is_not_gets_no_column(layouts_of):
    entries = canonical_archive.entries(samples=1)
    there = {n: t for n, t in entries.items() if not n.startswith(("background/", "depth/"))}
    image = contact_sheet.draw(layouts_of(there), 0)
    assert image.width == contact_sheet.TEXT_WIDTH + 2 * (contact_sheet.CELL + contact_sheet.GAP)
    assert image.height == contact_sheet.TITLE_HEIGHT + contact_sheet.CELL + contact_sheet.GAP
    composite = Image.fromarray(cell(image, 0, 0)).getpixel((80, 80))
    assert composite != (255, 255, 255)


def test_a_sample_without_a_partner_is_refused(layouts_of):
    entries = canonical_archive.entries()
    del entries["depth/s4.png"]
    with pytest.raises(InputError, match="1 of 10 samples have no depth, the first is s4"):
        contact_sheet.draw(layouts_of(entries), 0)
