import canonical_archive
import pytest

from bench.data.layouts import NO_ENTRY, open_layouts
from bench.errors import InputError
from bench.settings import Source


def open_one(tmp_path, entries):
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    (layout,) = open_layouts(Source(files=str(path)))
    return layout


def lacking(*names):
    entries = canonical_archive.entries(samples=4, backgrounds=2)
    return {name: content for name, content in entries.items() if name not in names}


def test_without_leaves_out_the_samples_of_those_keys(tmp_path):
    layout = open_one(tmp_path, canonical_archive.entries(samples=4, backgrounds=2))
    less = layout.without(["s1", "s3", "unknown"])
    assert less.samples["key"].tolist() == ["s0", "s2"]
    assert less.samples.index.tolist() == [0, 1]
    entries = [less.entries.names[row].as_py() for row in less.samples["mask_entry"]]
    assert entries == ["mask/s0.png", "mask/s2.png"]
    assert layout.samples["key"].tolist() == ["s0", "s1", "s2", "s3"]


def test_the_kinds_are_those_that_some_sample_has(tmp_path):
    assert open_one(tmp_path, lacking("depth/s0.png")).kinds() == (
        "background",
        "composite",
        "mask",
        "depth",
    )
    no_depth = lacking(*(f"depth/s{i}.png" for i in range(4)))
    assert open_one(tmp_path, no_depth).kinds() == ("background", "composite", "mask")


@pytest.mark.parametrize(
    ("missing", "fault"),
    [
        (["mask/s2.png"], "1 of 4 samples have no mask, the first is s2; `bench data check`"),
        (["composite/s1.png"], "1 of 4 samples have no composite, the first is s1;"),
        (["background/b1.png"], r"2 of 4 samples have no background \(b1\), the first is s1;"),
        (["depth/s1.png", "depth/s3.png"], "2 of 4 samples have no depth, the first is s1;"),
        ([f"composite/s{i}.png" for i in range(4)], "4 of 4 samples have no composite"),
    ],
)
def test_a_partner_that_only_some_samples_have_is_required(tmp_path, missing, fault):
    layout = open_one(tmp_path, lacking(*missing))
    with pytest.raises(InputError, match=rf"a\.zip: {fault}"):
        layout.require_partners()


@pytest.mark.parametrize("kind", ["background", "mask", "depth"])
def test_a_kind_that_no_sample_has_is_not_required(tmp_path, kind):
    layout = open_one(tmp_path, lacking(*(f"{kind}/{c}{i}.png" for c in "sb" for i in range(4))))
    assert (layout.samples[f"{kind}_entry"] == NO_ENTRY).all()
    layout.require_partners()


def test_without_the_samples_that_lack_a_partner_the_rest_is_sound(tmp_path):
    layout = open_one(tmp_path, lacking("mask/s2.png")).without(["s2"])
    layout.require_partners()
    with pytest.raises(InputError, match=r"a\.zip: no samples"):
        layout.without(["s0", "s1", "s3"]).require_partners()
