import pytest

from bench.settings import yaml_text


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("", None),
        ("[1, 2.5, true, null, a]", [1, 2.5, True, None, "a"]),
        ("a: &x {b: [1]}\nc: *x\n", {"a": {"b": [1]}, "c": {"b": [1]}}),
        ("- log(1, 2)\n- {rate: log(1e-4, 1e-2)}\n", ["log(1, 2)", {"rate": "log(1e-4, 1e-2)"}]),
        ("2026-13-45", "2026-13-45"),
        ("[1e-3, -2E4, +5.e+1, .5e0, 1.5e2]", [0.001, -20_000.0, 50.0, 0.5, 150.0]),
        ("[1e, e3, 1e-3x, 0x1e3, '1e3']", ["1e", "e3", "1e-3x", 0x1E3, "1e3"]),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        (
            "a: &x {b: 1}\nd: {<<: [*x, {e: f(1, 2)}]}",
            {"a": {"b": 1}, "d": {"b": 1, "e": "f(1, 2)"}},
        ),
        ("!!str 1", "1"),
        ("!!float 1", 1.0),
        ("a\nb", "a b"),
    ],
)
def test_a_text_says_what_json_could_say(text, content):
    found = yaml_text.parse(text)
    assert (found, type(found)) == (content, type(content))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("!!int ''", "'' is no int"),
        ("!!int x", "'x' is no int"),
        ("!!float ''", "'' is no float"),
        ("!!bool x", "'x' is no bool"),
        ("!!map [a]", "tagged as a mapping, and is none"),
        ("!!seq {a: b}", "expected a sequence node"),
        ("!!timestamp 2026-01-01", "could not determine a constructor for the tag"),
        ("!!binary eA==", "could not determine a constructor for the tag"),
        ("!!set {a}", "could not determine a constructor for the tag"),
        ("!!python/object/apply:os.getcwd []", "could not determine a constructor for the tag"),
        ("{[a]: b}", "a mapping or a list cannot be a key"),
        ("{{a: b}: c}", "a mapping or a list cannot be a key"),
        ("{a: b, a: c}", "the key 'a' is listed twice"),
        ("{<<: {a: b, a: c}}", "the key 'a' is listed twice"),
        ("a: &x {b: 1}\nc: {<<: *x, <<: *x}", "the key '<<' is listed twice"),
        ("{<<: a}", "expected a mapping or list of mappings for merging"),
        ("a: &x {<<: *x}", "more than 32 mappings and lists inside each other"),
        ('"a\\0b"', "holds a NUL"),
        ('"\\ud800"', "holds half a character"),
        ("[0", "expected ',' or ']'"),
        ("*x", "found undefined alias"),
        ("&x [*x]", "more than 32 mappings and lists inside each other"),
        ("a\n---\nb", "expected a single document"),
    ],
)
def test_what_json_could_not_say_is_told_with_its_place(text, problem):
    with pytest.raises(ValueError, match=r"line \d+, column \d+") as error:
        yaml_text.parse(text)
    assert problem in str(error.value)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("text", ['"\\UFFFFFFFF"', '"\\U00110000"', f"%YAML {'9' * 5000}.1\n--- a"])
def test_a_number_too_large_for_an_escape_or_a_directive_is_told(text):
    with pytest.raises(ValueError, match="has a number that is too large"):
        yaml_text.parse(text)


def laughs(levels):
    """Ten aliases of ten aliases of ...: few characters that stand for 10^levels texts."""
    lines = ["- &a0 ha"]
    lines += [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels + 1)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        ("[" * 32 + "]" * 32, "[" * 33 + "]" * 33),
        ("[" * 32 + "]" * 32, "[" * 20_000),
        (f"[{','.join('a' * 9_999)}]", f"[{','.join('a' * 10_000)}]"),
        (laughs(3), laughs(4)),
        ("a" * 1_000, "a" * 1_001),
        ("9" * 100, "9" * 101),
        ("0x" + "f" * 98, "0x" + "f" * 5_000),
        ("1:" * 49 + "1", "1:" * 5_000 + "1"),
        ("a #" + "b" * (2**18 - 3), "a #" + "b" * (2**18 - 2)),
    ],
)
def test_a_text_beyond_a_limit_is_refused(within, beyond):
    yaml_text.parse(within)
    with pytest.raises(ValueError, match=r"^more than|more than [\d,]+ "):
        yaml_text.parse(beyond)


def test_every_whole_number_fits_into_a_float():
    for text in ("9" * 100, "0x" + "f" * 98, "59:" * 32 + "59"):
        assert float(yaml_text.parse(text)) > 1e50


@pytest.mark.parametrize("text", ["1e3", "12e5", "2026-11-27", "yes", "null", "1.0", "a: b", ""])
def test_what_is_written_is_read_as_the_text_that_it_was(text):
    content = {"archive": [text], "epochs": 4, "rate": 1e-05, "on": True, "none": None}
    assert yaml_text.parse(yaml_text.write(content)) == content
