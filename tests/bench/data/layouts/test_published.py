import itertools
import re

import numpy as np
import pyarrow as pa
import pytest
from published_archives import GENERATORS, KINDS, LAYOUTS, identity, image, miniature, write

from bench.data.layouts import NO_ENTRY, open_layouts
from bench.data.layouts.published import PRESETS, PUBLISHED
from bench.errors import InputError
from bench.settings import DepthCoding, Source


def lay_out(folder, made):
    """Write the archives and the backgrounds beside them; the source that names them."""
    files = [str(write(folder / name, entries)) for name, entries in made.archives.items()]
    for name, content in made.backgrounds:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    beside = folder / made.backgrounds[0][0].split("/")[0]
    return Source(files=tuple(files), backgrounds=str(beside))


def open_one(source):
    (layout,) = open_layouts(source)
    return layout


def with_image(layout):
    """Of each key the numbers painted on its images, None where there is none."""
    found = {}
    for sample in layout.samples.to_dict("records"):
        numbers = []
        for kind in KINDS:
            row = sample[f"{kind}_entry"]
            painted = (kind, None) if row == NO_ENTRY else identity(layout.entries.read(row))
            assert painted[0] == kind
            numbers.append(painted[1])
        found[sample["key"]] = tuple(numbers)
    return found


def truth(made):
    return {s.key: (s.background, s.number, s.number, s.number) for s in made.samples}


def change(made, edit):
    """The miniature with every archive's entries edited."""
    archives = {name: edit(list(entries)) for name, entries in made.archives.items()}
    return made._replace(archives=archives)


def columns_of(keys, pattern):
    """What the names of the keys tell, by Python's own regular expressions."""
    matches = [re.fullmatch(pattern, key) for key in keys]
    names = matches[0].re.groupindex
    found = {n: pa.array([m[n] for m in matches], pa.large_string()) for n in names}
    return {**found, "key": pa.array(keys, pa.large_string())}


KEY_PARTS = {
    "numbered_per_background": r"(?P<background>\d+)_bg_(?P<number>\d+)_fg",
    "named_by_pair": (
        r"bg_(?P<background>\d+)fg_(?P<foreground>\d+)(?P<flip>_flip|)_(?P<placement>\d+)"
    ),
    "numbered_parts": ".*",
    "numbered_single_zip": ".*",
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_rule_is_the_generators(name):
    made = list(itertools.islice(GENERATORS[name](), 0, None, 7))  # in step with no loop of theirs
    keys = [sample.key for sample in made]
    columns = PRESETS[name].derive(columns_of(keys, KEY_PARTS[name]))
    width = 3 if name == "numbered_single_zip" else 1
    backgrounds = [f"{sample.background:0{width}d}" for sample in made]
    assert columns["background"].to_pylist() == backgrounds
    for column in ("foreground", "placement", "mirrored"):
        expected = [getattr(sample, column) for sample in made]
        assert (columns[column].to_pylist() if column in columns else [""] * len(made)) == expected


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_sample_gets_its_own_images(tmp_path, name):
    made = miniature(name)
    layout = open_one(lay_out(tmp_path, made))
    assert layout.name == name
    assert with_image(layout) == truth(made)
    assert layout.remarks == ()
    layout.require_partners()


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_can_group_a_split_stands_in_columns(tmp_path, name):
    made = miniature(name)
    samples = open_one(lay_out(tmp_path, made)).samples.set_index("key")
    for expected in made.samples:
        sample = samples.loc[expected.key]
        assert int(sample["background"]) == expected.background
        for column in ("foreground", "placement", "mirrored"):
            assert sample.get(column, "") == getattr(expected, column)
    in_halves = name == "numbered_single_zip"
    assert samples["background_mirrored"].tolist() == [
        in_halves and sample.mirrored == "1" for sample in sorted(made.samples)
    ]


def backgrounds_inside(folder, made):
    first = next(iter(made.archives))
    archives = {**made.archives, first: [*made.backgrounds, *made.archives[first]]}
    source = lay_out(folder, made._replace(archives=archives))
    return source.model_copy(update={"backgrounds": None})


def backgrounds_zipped(folder, made):
    source = lay_out(folder, made)
    zipped = write(folder / "any name.zip", made.backgrounds)
    return source.model_copy(update={"backgrounds": str(zipped)})


def backgrounds_renamed(folder, made):
    source = lay_out(folder, made)
    renamed = (folder / source.backgrounds).rename(folder / "my backgrounds")
    return source.model_copy(update={"backgrounds": str(renamed)})


@pytest.mark.parametrize(
    "place", [backgrounds_inside, backgrounds_zipped, backgrounds_renamed], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("name", LAYOUTS)
def test_backgrounds_may_lie_inside_or_beside(tmp_path, name, place):
    made = miniature(name)
    assert with_image(open_one(place(tmp_path, made))) == truth(made)


def masks_last_and_backwards(entries):
    return [e for e in entries if "ask" not in e[0]] + [e for e in entries if "ask" in e[0]][::-1]


def lexicographic(entries):
    return sorted(entries)


def natural(entries):
    return sorted(entries, key=lambda e: [int(d) for d in re.findall(r"\d+", e[0])])


def copied_on_a_drive(entries):
    return [(re.sub("([^/]+)$", r"Copy of \1", name), content) for name, content in entries]


def in_another_root(entries):
    return [(f"my data/EVA4/{name}", content) for name, content in entries]


def without_roots(entries):
    return [("/".join(name.split("/")[-2:]), content) for name, content in entries]


def zipped_on_a_mac(entries):
    forks = [(re.sub("([^/]+)$", r"._\1", name), b"\0\5\x16\7") for name, _ in entries]
    junk = [*forks, *((f"__MACOSX/{name}", content) for name, content in forks)]
    return [(".DS_Store", b""), ("Fg-Bg/.DS_Store", b""), ("masks/", b""), *junk, *entries]


def beside_other_files(entries):
    others = ("readme.md", "fg/1_fg.jpg", "fg/fg_1.png", "mask/1_fg_mask.jpg", "Cars_Mask/fg_1.png")
    return [*((name, b"other") for name in others), *entries]


@pytest.mark.parametrize(
    "edit",
    [
        masks_last_and_backwards,
        lexicographic,
        natural,
        copied_on_a_drive,
        in_another_root,
        without_roots,
        zipped_on_a_mac,
        beside_other_files,
    ],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("name", LAYOUTS)
def test_pairs_hold_however_the_archive_was_packed(tmp_path, name, edit):
    made = miniature(name)
    layout = open_one(lay_out(tmp_path, change(made, edit)))
    assert with_image(layout) == truth(made)
    assert layout.remarks == ()


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_order_of_the_archives_does_not_matter(tmp_path, name):
    made = miniature(name)
    source = lay_out(tmp_path, made)
    backward = source.model_copy(update={"files": source.files[::-1]})
    one, other = open_one(source), open_one(backward)
    assert one.samples.equals(other.samples)
    assert one.entries.fingerprint == other.entries.fingerprint


@pytest.mark.parametrize("name", LAYOUTS)
def test_samples_are_sorted_by_key(tmp_path, name):
    keys = open_one(lay_out(tmp_path, miniature(name))).samples["key"].tolist()
    assert keys == sorted(keys)


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_entry_that_was_appended_again_counts_once_and_last(tmp_path, name):
    made = miniature(name)
    appended = change(made, lambda entries: [(n, image("mask", 77)) for n, _ in entries] + entries)
    layout = open_one(lay_out(tmp_path, appended))
    assert with_image(layout) == truth(made)
    number = len(made.samples)
    assert list(layout.remarks) == [
        f"{number} {kind} entries are repeated; the last of each is read"
        for kind in ("composite", "mask", "depth")
    ]


@pytest.mark.parametrize("lacking", ["background", "mask", "depth"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_missing_partner_is_no_entry(tmp_path, name, lacking):
    made = miniature(name)
    sample = made.samples[-1]
    number = sample.background if lacking == "background" else sample.number
    gone = image(lacking, number)

    def without(entries):
        return [entry for entry in entries if entry[1] != gone]

    cut = change(made, without)._replace(backgrounds=without(made.backgrounds))
    layout = open_one(lay_out(tmp_path, cut))
    expected = truth(made)
    at = KINDS.index(lacking)
    for other in made.samples:
        if lacking != "background" or other.background == number:
            numbers = list(expected[other.key])
            if other == sample or lacking == "background":
                numbers[at] = None
            expected[other.key] = tuple(numbers)
    assert with_image(layout) == expected
    with pytest.raises(InputError, match=rf"of {len(made.samples)} samples have no {lacking}"):
        layout.require_partners()


@pytest.mark.parametrize("name", LAYOUTS)
def test_partners_of_no_composite_are_counted(tmp_path, name):
    made = miniature(name)
    gone = {image("composite", sample.number) for sample in made.samples[:2]}
    cut = change(made, lambda entries: [e for e in entries if e[1] not in gone])
    layout = open_one(lay_out(tmp_path, cut))
    assert len(layout.samples) == len(made.samples) - 2
    text = "\n".join(layout.remarks)
    assert "2 mask entries have no composite, the first is " in text
    assert "2 depth entries have no composite, the first is " in text


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_head_may_be_missing_altogether(tmp_path, name):
    made = miniature(name)
    masks_only = change(made, lambda entries: [e for e in entries if "epth" not in e[0]])
    layout = open_one(
        lay_out(tmp_path, masks_only).model_copy(update={"layout": name, "backgrounds": None})
    )
    assert layout.kinds() == ("composite", "mask")
    layout.require_partners()
    assert any(remark.startswith("no sample has a depth named like") for remark in layout.remarks)
    assert any(remark.startswith("no sample has a background named") for remark in layout.remarks)


def test_an_archive_that_gives_nothing_is_remarked_on(tmp_path):
    made = miniature("named_by_pair")
    archives = {**made.archives, "other.zip": [("any/file.jpg", b"")]}
    layout = open_one(lay_out(tmp_path, made._replace(archives=archives)))
    assert layout.remarks == (f"{tmp_path / 'other.zip'}: holds no image of any sample",)


def test_the_name_100_is_a_number_and_no_foreground(tmp_path):
    made = miniature("numbered_per_background")
    samples = open_one(lay_out(tmp_path, made)).samples.set_index("key")
    assert samples.loc["1_bg_100_fg", "foreground"] == "5"


def test_a_list_that_disagrees_is_remarked_on(tmp_path):
    made = miniature("numbered_per_background")

    def relisted(entries):
        lines = b"1_bg_1_fg.jpg\n1_bg_2_fg.jpg\n1_bg_1999_fg.jpg\n"
        return [(n, lines if n == "labels.txt" else content) for n, content in entries]

    first = "batch_1.zip"
    archives = {**made.archives, first: relisted(made.archives[first])}
    layout = open_one(lay_out(tmp_path, made._replace(archives=archives)))
    assert with_image(layout) == truth(made)  # the entries are what counts
    assert layout.remarks == (
        "labels.txt lists 1 composites more, such as 1_bg_1999_fg",
        "labels.txt leaves out 7 composites, such as 1_bg_100_fg",
    )


def test_the_published_rule_of_the_parts_is_right_for_one_in_a_hundred():
    made = list(GENERATORS["numbered_parts"]())
    keys = {"key": pa.array([sample.key for sample in made], pa.large_string())}
    wrong = PUBLISHED["numbered_parts"].derive(keys)["background"].to_pylist()
    # Counted through the sorted paths, as a sorted glob gives them.
    paths = sorted(f"data_{(s.number - 1) // 80000 + 1}/Fg-Bg/fg-bg{s.key}.jpg" for s in made)
    place = {path.split("fg-bg")[1]: at for at, path in enumerate(paths)}
    assert wrong == [str(place[f"{sample.key}.jpg"] // 4000 + 1) for sample in made]
    right = np.mean([b == str(s.background) for b, s in zip(wrong, made, strict=True)])
    assert 0.008 <= right <= 0.016


def test_the_published_pairing_of_the_parts_can_be_repeated(tmp_path):
    source = lay_out(tmp_path, miniature("numbered_parts"))
    layout = open_one(source.model_copy(update={"pairing": "published"}))
    assert {numbers[0] for numbers in with_image(layout).values()} == {1}  # of fewer than 4,000
    assert set(layout.samples["background"]) == {"1"}


def test_the_published_pairing_of_the_single_zip_leaves_backgrounds_unmirrored(tmp_path):
    made = miniature("numbered_single_zip")
    source = lay_out(tmp_path, made)
    layout = open_one(source.model_copy(update={"pairing": "published"}))
    assert with_image(layout) == truth(made)
    assert not layout.samples["background_mirrored"].any()


@pytest.mark.parametrize("name", ["numbered_per_background", "named_by_pair"])
def test_without_another_published_rule_there_is_none_to_repeat(tmp_path, name):
    source = lay_out(tmp_path, miniature(name))
    with pytest.raises(InputError, match=rf"pairing: {name} has no other published rule"):
        open_layouts(source.model_copy(update={"pairing": "published"}))


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        (
            "numbered_per_background",
            DepthCoding(near="low", colors="plasma", crop=(26, 28, 200, 203)),
        ),
        ("named_by_pair", DepthCoding(near="low", maximum=225)),
        ("numbered_parts", DepthCoding(near="low")),
        ("numbered_single_zip", DepthCoding(near="high")),
    ],
)
def test_depth_is_read_as_it_was_written_unless_the_source_says_how(tmp_path, name, coding):
    source = lay_out(tmp_path, miniature(name))
    assert open_one(source).depth_coding == coding
    own = DepthCoding(maximum=99)
    assert open_one(source.model_copy(update={"depth": own})).depth_coding == own


@pytest.mark.parametrize("root", ["data_1", "data_9"])
def test_two_different_images_of_one_key_are_an_error(tmp_path, root):
    made = miniature("numbered_parts")
    other = [(f"{root}/Fg-Bg/fg-bg1.jpg", image("composite", 99))]
    source = lay_out(tmp_path, made._replace(archives={**made.archives, "data_part9.zip": other}))
    with pytest.raises(InputError, match=r"fg-bg1\.jpg and .*fg-bg1\.jpg differ, but would be"):
        open_layouts(source)


def test_a_part_that_is_given_twice_counts_once(tmp_path):
    made = miniature("numbered_parts")
    again = {**made.archives, "data_part1 (1).zip": made.archives["data_part1.zip"]}
    layout = open_one(lay_out(tmp_path, made._replace(archives=again)))
    assert with_image(layout) == truth(made)
