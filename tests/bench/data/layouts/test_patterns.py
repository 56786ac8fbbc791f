import os
from pathlib import Path

import pytest
from published_archives import KINDS, identity, image, miniature, write
from pydantic import ValidationError

from bench.data.layouts import NO_ENTRY, open_layouts
from bench.errors import InputError
from bench.settings import Patterns, Source

FOLDERS = {"background": "bg", "composite": "rgb", "mask": "alpha", "depth": "z"}


def entries(kind, names):
    """Images of a kind, numbered in the order of the names."""
    return [(f"{FOLDERS[kind]}/{n}.png", image(kind, i)) for i, n in enumerate(names)]


def open_one(tmp_path, found, layout, **settings):
    path = write(tmp_path / "a.zip", found)
    source = Source(files=(str(path), *settings.pop("lists", ())), layout=layout, **settings)
    (opened,) = open_layouts(source)
    return opened


def numbers(layout, kind):
    """Of each key the number painted on its image of the kind, None where there is none."""
    rows = dict(zip(layout.samples["key"], layout.samples[f"{kind}_entry"], strict=True))
    painted = {key: identity(layout.entries.read(row)) for key, row in rows.items() if row >= 0}
    assert {name for name, _ in painted.values()} <= {kind}
    return {key: painted.get(key, (kind, None))[1] for key in rows}


BY_NAME = {
    "composite": "rgb/{key}.png",
    "mask": "alpha/{key}.png",
    "depth": "z/{key}.*",
    "background": "bg/{background}.png",
    "background_of": "{background}_{object}_*",
}
KEYS = ["hall_cat_2", "hall_cat_10", "yard_dog_1"]
NUMBERED = {"hall_cat_2": 0, "hall_cat_10": 1, "yard_dog_1": 2}


@pytest.fixture
def images():
    return [
        *entries("background", ["hall", "yard"]),
        *entries("mask", KEYS),
        *reversed(entries("composite", KEYS)),
        *sorted(entries("depth", KEYS)),
    ]


def test_entries_are_joined_by_the_parts_of_their_names(tmp_path, images):
    layout = open_one(tmp_path, images, BY_NAME)
    for kind in ("composite", "mask", "depth"):
        assert numbers(layout, kind) == NUMBERED
    assert numbers(layout, "background") == {"hall_cat_2": 0, "hall_cat_10": 0, "yard_dog_1": 1}
    samples = layout.samples.set_index("key")
    assert samples["background"].to_dict() == {
        "hall_cat_2": "hall",
        "hall_cat_10": "hall",
        "yard_dog_1": "yard",
    }
    assert samples.loc["yard_dog_1", "object"] == "dog"
    assert (layout.name, layout.remarks) == ("patterns", ())


def test_folders_can_be_part_of_the_key_and_name_the_background(tmp_path):
    found = [
        (f"data/{room}/{folder}/{n}.png", image(kind, 10 * at + n))
        for at, room in enumerate(["hall", "yard"])
        for n in (1, 2)
        for kind, folder in (("composite", "rgb"), ("mask", "alpha"))
    ]
    found += [("data/hall/empty.png", image("background", 0))]
    found += [("data/yard/empty.png", image("background", 1))]
    layout = open_one(
        tmp_path,
        found,
        {
            "composite": "{room}/rgb/{key}.png",
            "mask": "{room}/alpha/{key}.png",
            "background": "{room}/empty.png",
        },
    )
    expected = {"hall/1": 1, "hall/2": 2, "yard/1": 11, "yard/2": 12}
    assert numbers(layout, "composite") == numbers(layout, "mask") == expected
    assert numbers(layout, "background") == {"hall/1": 0, "hall/2": 0, "yard/1": 1, "yard/2": 1}
    assert layout.samples["room"].tolist() == ["hall", "hall", "yard", "yard"]


def test_what_systems_leave_behind_is_no_image(tmp_path, images):
    found = list(images)
    for name, _ in images:
        folder, file = name.split("/")
        found += [(f"{folder}/._{file}", b"\0"), (f"__MACOSX/{folder}/{file}", b"\0")]
        found += [(f"{folder}/.DS_Store", b"\0"), (f"{folder}/", b"")]
    layout = open_one(tmp_path, found, BY_NAME)
    assert numbers(layout, "mask") == NUMBERED
    assert layout.samples["key"].tolist() == sorted(KEYS)
    assert layout.remarks == ()


def test_any_folders_may_stand_between(tmp_path):
    found = [("rgb/a/b/1.png", image("composite", 1)), ("rgb/2.png", image("composite", 2))]
    layout = open_one(tmp_path, found, {"composite": "rgb/**/{key}.png"})
    assert numbers(layout, "composite") == {"1": 1, "2": 2}


def test_backgrounds_beside_are_found_by_their_file_names(tmp_path, images):
    folder = tmp_path / "scenes from elsewhere" / "deeper"
    folder.mkdir(parents=True)
    (folder / "hall.png").write_bytes(image("background", 5))
    inside = [entry for entry in images if not entry[0].startswith("bg/yard")]
    layout = open_one(tmp_path, inside, BY_NAME, backgrounds=str(folder.parent))
    # Those inside of the archive do not count then.
    assert numbers(layout, "background") == dict.fromkeys(KEYS[:2], 5) | {KEYS[2]: None}


def test_backgrounds_beside_of_other_names_are_an_error(tmp_path, images):
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "hall.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"beside: no file is named like \{background\}\.png"):
        open_one(tmp_path, images, BY_NAME, backgrounds=str(tmp_path / "beside"))


LABELS = {
    "labels": "labels.csv",
    "columns": {"key": "id", "background": "bg", "composite": "fg_bg", "mask": "fg_bg_mask"},
}


def with_table(found, text, name="labels.csv"):
    return [*found, (name, text.encode())]


@pytest.mark.parametrize("prefix", ["", "rgb/", "./rgb/", "/content/Data/rgb/", "C:\\Data\\rgb\\"])
def test_a_tables_paths_are_matched_by_their_ending(tmp_path, images, prefix):
    masks = prefix.replace("rgb", "alpha") or "alpha/"
    composites = prefix or "rgb/"
    lines = [f"{k},{composites}{k}.png,{masks}{k}.png,bg/{k[:4]}.png,{k[5:8]}" for k in KEYS]
    text = "\n".join(["id,fg_bg,fg_bg_mask,bg,object", *lines, ""])
    layout = open_one(tmp_path, with_table(images, text), LABELS)
    assert layout.samples["key"].tolist() == KEYS  # the table's order
    assert numbers(layout, "composite") == numbers(layout, "mask") == NUMBERED
    assert list(numbers(layout, "background").values()) == [0, 0, 1]
    assert layout.samples["background"].tolist() == ["hall", "hall", "yard"]
    assert layout.samples["object"].tolist() == ["cat", "cat", "dog"]
    assert layout.remarks == ("no sample has a depth",)


def test_a_image_of_another_kind_is_no_partner(tmp_path, images):
    no_masks = [entry for entry in images if not entry[0].startswith("alpha")]
    text = "\n".join(
        ["id,fg_bg,fg_bg_mask,bg", *(f"{k},/x/rgb/{k}.png,/x/m/{k}.png," for k in KEYS)]
    )
    no_depths = [entry for entry in no_masks if not entry[0].startswith("z")]
    layout = open_one(tmp_path, with_table(no_depths, text), LABELS)
    assert numbers(layout, "composite") == NUMBERED
    assert (layout.samples["mask_entry"] == NO_ENTRY).all()
    # Two kinds have such a name: which one is meant cannot be told.
    layout = open_one(tmp_path, with_table(no_masks, text), LABELS)
    assert (layout.samples["mask_entry"] == NO_ENTRY).all()
    assert layout.remarks[0] == "3 of the table's paths of a mask fit several entries alike"


def test_a_table_can_tell_the_background_alone(tmp_path, images):
    text = "key,background\nyard_dog_1,hall\nhall_cat_2,yard\nnowhere_1_1,hall\n"
    layout = open_one(
        tmp_path,
        with_table(images, text, "meta/pairs.csv"),
        {
            "composite": "rgb/{key}.png",
            "mask": "alpha/{key}.png",
            "background": "bg/{background}.png",
            "labels": "pairs.csv",
        },
    )
    assert numbers(layout, "background") == {"yard_dog_1": 0, "hall_cat_2": 1, "nowhere_1_1": 0}
    assert numbers(layout, "composite") == {"yard_dog_1": 2, "hall_cat_2": 0, "nowhere_1_1": None}
    archive = tmp_path / "a.zip"
    assert list(layout.remarks) == [
        f"1 composite entries are not in the table, the first is {archive}: rgb/hall_cat_10.png",
        f"1 mask entries have no composite, the first is {archive}: alpha/hall_cat_10.png",
        "no sample has a depth",
    ]
    with pytest.raises(InputError, match="1 of 3 samples have no composite, the first is nowhere"):
        layout.require_partners()


def test_a_published_csv_list_of_absolute_paths(tmp_path):
    made = miniature("named_by_pair")
    root = "/content/Data/Mask_RCNN"
    lines = [f"{root}/fg_bg/{s.key}.jpg,{root}/Depth_output/{s.key}.jpg" for s in made.samples]
    (tmp_path / "train.csv").write_text("\n".join(["input_path,depth_path", *lines[1::2], ""]))
    files = [str(write(tmp_path / name, found)) for name, found in made.archives.items()]
    backgrounds = write(tmp_path / "bg.zip", made.backgrounds)
    (layout,) = open_layouts(
        Source(
            files=(*files, str(tmp_path / "train.csv")),
            backgrounds=str(backgrounds),
            layout=Patterns(
                labels="train.csv",
                columns={"composite": "input_path", "depth": "depth_path"},
                mask="fg_bg_mask/{key}.jpg",
                background="bg_{background}.jpg",
                background_of=r"bg_{background:\d+}fg_*",
            ),
        )
    )
    listed = made.samples[1::2]
    assert layout.samples["key"].tolist() == [sample.key for sample in listed]
    for kind in KINDS:
        assert list(numbers(layout, kind).values()) == [
            sample.background if kind == "background" else sample.number for sample in listed
        ]
    layout.require_partners()


def test_a_list_of_names_says_which_samples_there_are(tmp_path, images):
    text = "hall_cat_10.png\nyard_dog_1.png\n"
    layout = open_one(
        tmp_path,
        with_table(images, text, "list.txt"),
        BY_NAME | {"labels": "list.txt"},
    )
    assert numbers(layout, "composite") == {"hall_cat_10": 1, "yard_dog_1": 2}
    assert numbers(layout, "background") == {"hall_cat_10": 0, "yard_dog_1": 1}
    assert list(layout.samples.columns[:3]) == ["key", "background", "object"]


REAL_DATA = os.environ.get("MASKDEPTH_REAL_DATA")


@pytest.mark.skipif(REAL_DATA is None, reason="MASKDEPTH_REAL_DATA is unset")
@pytest.mark.parametrize(("name", "samples"), [("course.zip", 28), ("cutouts.zip", 300)])
def test_real_archives_with_a_table(name, samples):
    (layout,) = open_layouts(Source(files=str(Path(REAL_DATA) / name)))
    assert (layout.name, len(layout.samples)) == ("labelled", samples)
    layout.require_partners()
    for sample in layout.samples.to_dict("records"):
        for kind, folder in (("composite", "fg_bg"), ("mask", "fg_bg_mask")):
            where = layout.entries.names[sample[f"{kind}_entry"]].as_py()
            assert where == f"{folder}/{sample['key']}.jpg"
        assert layout.entries.names[sample["background_entry"]].as_py() == (
            f"bg/{sample['background']}.jpg"
        )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "labels.csv: not a CSV table"),
        ("id,fg_bg\na,b,c\n", "labels.csv: not a CSV table"),
        ("id,id,fg_bg\na,b,c\n", "labels.csv: has two columns 'id'"),
        ("id,bg,fg_bg\na,b,c\n", "labels.csv: has no column 'fg_bg_mask'; did you mean"),
        ("id,bg,fg_bg,fg_bg_mask\n", "labels.csv: lists no sample"),
        ("id,bg,fg_bg,fg_bg_mask\na,,b,\na,,c,\n", "labels.csv: the key a is listed twice"),
        ("id,bg,fg_bg,fg_bg_mask\na,,b.png,\n", "no composite is named like the paths in labels"),
    ],
)
def test_a_table_at_fault_is_named(tmp_path, images, text, fault):
    with pytest.raises(InputError, match=fault):
        open_one(tmp_path, with_table(images, text), LABELS)


@pytest.mark.parametrize(
    ("layout", "fault"),
    [
        (
            BY_NAME | {"composite": "images/{key}.png"},
            r"no composite is named like images/\{key\}\.png; what there is: alpha/hall_cat_10\.",
        ),
        (BY_NAME | {"background_of": None}, "nothing tells a sample's {background}"),
        ({"labels": "labels.csv"}, "no table is named like labels.csv; what there is: alpha/"),
        (BY_NAME | {"composite": r"rgb/{key:(?=h).*}.png"}, "layout: .*invalid perl operator"),
    ],
)
def test_patterns_that_fit_nothing_are_named(tmp_path, images, layout, fault):
    with pytest.raises(InputError, match=fault):
        open_one(tmp_path, images, layout)


@pytest.mark.parametrize(
    ("layout", "fault"),
    [
        ({}, "needs composite, as in fg_bg/{key}.jpg, or labels"),
        ({"composite": "rgb/*.png"}, "has no {key}"),
        ({"composite": "rgb/{key.png"}, "a brace has no partner"),
        (
            {"composite": "{room}/{key}.png", "mask": "m/{key}.png"},
            r"mask: 'm/\{key\}.png' needs the parts of composite \(\{key\}, \{room\}\)",
        ),
        ({"composite": "{key}", "columns": {"key": "id"}}, "columns are of a table"),
        ({"composite": "{key}", "masks": "{key}"}, "Extra inputs are not permitted"),
    ],
)
def test_patterns_that_contradict_themselves_are_refused(layout, fault):
    with pytest.raises(ValidationError, match=fault):
        Source(files=("a.zip",), layout=layout)
