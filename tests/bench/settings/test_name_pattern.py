import re

import pytest

from bench.settings.name_pattern import entry_regex, file_name, key_regex, parts


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("rgb/{key}.jpg", "rgb/a.b.jpg", {"key": "a.b"}),
        ("rgb/{key}.jpg", "any/root/rgb/a.jpg", {"key": "a"}),
        ("rgb/{key}.jpg", "rgb/Copy of a.jpg", {"key": "a"}),
        ("rgb/{key}.jpg", "rgb/Copy of Copy of a.jpg", {"key": "a"}),
        ("rgb/{key}.jpg", "not_rgb/a.jpg", None),
        ("rgb/{key}.jpg", "rgb/deeper/a.jpg", None),
        ("rgb/{key}.jpg", "rgb/a_jpg", None),
        ("rgb/{key}.jpg", "rgb/a.jpg.part", None),
        ("rgb/{key}.*", "rgb/a.png", {"key": "a"}),
        ("rgb/**/{key}.jpg", "rgb/a.jpg", {"key": "a"}),
        ("rgb/**/{key}.jpg", "rgb/x/y/a.jpg", {"key": "a"}),
        ("*/{key}_*.jpg", "x/a_b_c.jpg", {"key": "a_b"}),
        ("{room}/rgb/{key}.jpg", "root/hall/rgb/Copy of 1.jpg", {"room": "hall", "key": "1"}),
        (r"bg{n:\d+}.jpg", "bg12.jpg", {"n": "12"}),
        (r"bg{n:\d+}.jpg", "bg1x.jpg", None),
        (r"{n:\d+}{flip:(?:_flip)?}.jpg", "3_flip.jpg", {"n": "3", "flip": "_flip"}),
        ("(a)+[b]/{key}.jpg", "(a)+[b]/c.jpg", {"key": "c"}),
    ],
)
def test_a_pattern_takes_a_name_apart(pattern, name, expected):
    match = re.search(entry_regex(pattern), name)
    assert (match and match.groupdict()) == expected


def test_a_pattern_of_a_key_matches_all_of_it():
    regex = key_regex("bg_{background}_fg_*")
    assert re.search(regex, "bg_1_fg_2")["background"] == "1"
    assert re.search(regex, "root/bg_1_fg_2") is None


def test_the_parts_stand_in_their_order():
    assert parts(r"{room}/{b:\d+}_{a}.*") == ("room", "b", "a")
    assert parts("*.jpg") == ()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("bg/{background}.jpg", "{background}.jpg"),
        ("{background}.jpg", "{background}.jpg"),
        ("bg/**/{background:[^/]+}.jpg", "{background:[^/]+}.jpg"),
        ("{room}/empty.jpg", "{room}/empty.jpg"),
    ],
)
def test_folders_are_left_out_unless_they_tell_a_part(pattern, expected):
    assert file_name(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("{key", "a brace has no partner"),
        ("key}", "a brace has no partner"),
        ("{}", "a brace has no partner or no name"),
        ("{a b}", "a brace has no partner or no name"),
        ("{key}/{key}", "the part key stands there twice"),
        ("{key:[}", r"'\[' is no regular expression"),
        ("{key:(a)}", r"write a group within a part as \(\?:\.\.\.\)"),
    ],
)
def test_a_malformed_pattern_is_refused(pattern, fault):
    with pytest.raises(ValueError, match=fault):
        parts(pattern)
