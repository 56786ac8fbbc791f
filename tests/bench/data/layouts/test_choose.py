import re

import canonical_archive
import pytest
from published_archives import LAYOUTS, image, miniature, write

from bench.data.layouts import open_layouts
from bench.errors import InputError
from bench.settings import Source


@pytest.fixture
def canonical(tmp_path):
    return str(canonical_archive.write(tmp_path / "canonical.zip", canonical_archive.entries()))


def files_of(folder, name):
    archives = miniature(name).archives
    return [str(write(folder / f"{name}-{file}", found)) for file, found in archives.items()]


def labelled(path):
    found = [
        ("labels.csv", b"id,bg,fg_bg,fg_bg_mask,fg,flip,x\na,bg/b.jpg,fg_bg/a.jpg,m/a.jpg,f,1,7\n"),
        *((name, image("mask", 0)) for name in ("bg/b.jpg", "fg_bg/a.jpg", "m/a.jpg")),
    ]
    return str(write(path, found))


def names(source):
    return [layout.name for layout in open_layouts(source)]


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_layout_is_told_by_the_names(tmp_path, name):
    assert names(Source(files=tuple(files_of(tmp_path, name)))) == [name]


def test_archives_with_a_table_stand_by_themselves_and_the_others_together(tmp_path, canonical):
    parts = files_of(tmp_path, "numbered_parts")
    tables = [labelled(tmp_path / "one.zip"), labelled(tmp_path / "two.zip")]
    files = (*parts[1:], canonical, *tables, parts[0])
    layouts = open_layouts(Source(files=files))
    assert [layout.name for layout in layouts] == [
        "canonical",
        "labelled",
        "labelled",
        "numbered_parts",
    ]
    # Two archives may use the same names.
    assert layouts[1].entries.where(1).startswith(tables[0])
    assert layouts[2].entries.where(1).startswith(tables[1])
    assert len(layouts[3].samples) == len(miniature("numbered_parts").samples)


def test_the_columns_of_a_labelled_archive_have_our_names(tmp_path):
    (layout,) = open_layouts(Source(files=labelled(tmp_path / "a.zip")))
    samples = layout.samples.drop(columns=[c for c in layout.samples if c.endswith("_entry")])
    assert samples.to_dict("records") == [
        {
            "key": "a",
            "background": "b",
            "foreground": "f",
            "mirrored": "1",
            "x": "7",
            "background_mirrored": False,
        }
    ]


def test_a_table_may_lie_beside_its_images(tmp_path):
    with_table = labelled(tmp_path / "a.zip")
    (tmp_path / "labels.csv").write_bytes(b"id,fg_bg\nz,fg_bg/a.jpg\n")
    images = write(tmp_path / "b.zip", [("fg_bg/a.jpg", image("composite", 0))])
    source = Source(files=(str(images), str(tmp_path / "labels.csv")))
    (layout,) = open_layouts(source)
    assert (layout.name, layout.samples["key"].tolist()) == ("labelled", ["z"])
    assert names(source.model_copy(update={"files": (*source.files, with_table)})) == [
        "labelled",
        "labelled",
    ]


def test_folders_are_read_like_archives(tmp_path):
    made = miniature("named_by_pair")
    for found in made.archives.values():
        for name, content in found:
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    (layout,) = open_layouts(Source(files=str(tmp_path / "data")))
    assert layout.name == "named_by_pair"
    assert len(layout.samples) == len(made.samples)
    assert layout.kinds() == ("composite", "mask", "depth")


def test_an_unknown_name_is_met_with_the_nearest():
    with pytest.raises(InputError, match=r"unknown name 'labeled'; did you mean 'labelled'\?"):
        open_layouts(Source(files="a.zip", layout="labeled"))


def test_archives_of_two_layouts_are_not_one_dataset(tmp_path):
    files = files_of(tmp_path, "numbered_single_zip") + files_of(tmp_path, "named_by_pair")
    fault = "hold 9 composites of named_by_pair and 11 composites of numbered_single_zip; give"
    with pytest.raises(InputError, match=fault):
        open_layouts(Source(files=tuple(files)))
    assert names(Source(files=tuple(files), layout="named_by_pair")) == ["named_by_pair"]


def test_what_is_in_no_layout_is_described(tmp_path):
    found = [(f"train/{n}.png", b"") for n in range(20)] + [("test/1.png", b""), ("a.txt", b"")]
    path = write(tmp_path / "odd.zip", found)
    with pytest.raises(InputError) as raised:
        open_layouts(Source(files=str(path)))
    line = str(raised.value)
    assert line.startswith(f"{path}: in no layout that is known (canonical, labelled, numbered_per")
    assert "; what there is: a.txt, test/1.png, train/0.png; describe it by patterns" in line
    assert "\n" not in line


def test_an_empty_archive_is_described(tmp_path):
    with pytest.raises(InputError, match="what there is: nothing;"):
        open_layouts(Source(files=str(write(tmp_path / "empty.zip", []))))


@pytest.mark.parametrize(
    ("layout", "fault"),
    [
        ("canonical", "has no samples.csv and dataset.json"),
        ("labelled", "has no labels.csv with a column fg_bg; what there is: output/depth/"),
        ("numbered_parts", r"no composite is named like Fg-Bg/fg-bg\{key"),
    ],
)
def test_a_layout_that_the_archive_has_not_is_an_error(tmp_path, layout, fault):
    files = files_of(tmp_path, "numbered_single_zip")
    with pytest.raises(InputError, match=fault):
        open_layouts(Source(files=tuple(files), layout=layout))


def test_a_canonical_archive_takes_no_backgrounds_from_beside(tmp_path, canonical):
    with pytest.raises(InputError, match="canonical layout and holds its own"):
        open_layouts(Source(files=canonical, backgrounds=str(tmp_path)))


@pytest.mark.parametrize("layout", ["canonical", "labelled", "patterns"])
def test_only_a_wrong_rule_can_be_repeated(tmp_path, canonical, layout):
    source = {
        "canonical": Source(files=canonical, pairing="published"),
        "labelled": Source(files=labelled(tmp_path / "a.zip"), pairing="published"),
        "patterns": Source(
            files=canonical, pairing="published", layout={"composite": "composite/{key}.png"}
        ),
    }[layout]
    fault = f"pairing: {layout} has no other published rule; leave pairing out (it is for numbered"
    with pytest.raises(InputError, match=re.escape(fault)):
        open_layouts(source)
