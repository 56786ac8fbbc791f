import pytest

from bench.text import markdown, printable, shortened


def test_what_cannot_be_printed_is_spelled_out():
    assert printable("a\x1b[0m\n\ud800é") == r"a\x1b[0m\n\ud800é"


@pytest.mark.parametrize(
    ("length", "shown"), [(9, "abcdefgh"), (8, "abcdefgh"), (7, "abc…fgh"), (4, "ab…h"), (1, "…")]
)
def test_a_text_that_is_too_long_keeps_its_beginning_and_its_end(length, shown):
    assert shortened("abcdefgh", length) == shown


def test_nothing_in_a_name_is_markup_of_a_code_host():
    assert markdown("~~old~~ $x$ a_b *b*") == r"\~\~old\~\~ \$x\$ a_b \*b\*"
