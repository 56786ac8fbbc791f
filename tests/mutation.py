"""The contents of files as a slip of the hand, a bad disk or a hostile author would leave them."""

import copy
import json
import re
import time
from contextlib import contextmanager

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# In a text that is no valid JSON yet: a fragment by its number, and the end of a key given twice.
FRAGMENT = re.compile(r'"@(\d+)"')
TWIN = "@twin"
# How often a test mutates: briefly, and where it is marked as slow.
BRIEF = settings(
    max_examples=150,
    deadline=None,  # see `promptly`
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LONG = settings(BRIEF, max_examples=10_000)
LONGEST_S = 5  # of a processor, that a file may keep its reader at work
# Texts that stand for a value or a key, whatever they are.
FRAGMENTS = [
    *["null", "true", "0", "-1", "0.5", '""', "[]", "{}", '"x"', "[[]]", '{"x": 1}', "x", ","],
    *["NaN", "-Infinity", "1e999", "1e-999", "9" * 30, "9" * 400, "9" * 5000, "0" * 64],
    *[f'"{"0" * 64}"', '"0"', f'"{"n" * 3000}"', '"a\\u0000b"'],
    *['"a\\nb"', '"\\ud800"', '"\\u001b"'],
    *["[" * 150 + "]" * 150, "[" * 100_000, '{"a":' * 150 + "1" + "}" * 150],
    *['"2026-01-01T00:00:00"', '"2026-13-45T00:00:00Z"', '"0001-01-01T00:00:00+14:00"', "1e11"],
    *['"../../x"', '"~nosuchuser/x.py:f"', '"cells"', '"iou"', '"unet"', '"bce"'],
]


@contextmanager
def promptly():
    """Fail if the block takes longer than `LONGEST_S`, however busy the machine is."""
    before = time.process_time()
    yield
    assert time.process_time() - before < LONGEST_S


@st.composite
def restructured(draw, contents, fragments):
    """The JSON text of a content with one to three of its values or keys changed.

    Args:
        draw: of hypothesis.
        contents: mappings to start from.
        fragments: texts that stand for a value or a key, whatever they are.
    """
    root = [copy.deepcopy(draw(st.sampled_from(contents)))]
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(root))
        if places:
            holder, key = draw(st.sampled_from(places))
            _change(draw, holder, key, places, len(fragments))
    text = json.dumps(root)[1:-1].replace(f'{TWIN}"', '"')
    return FRAGMENT.sub(lambda found: fragments[int(found[1])], text).encode()


@st.composite
def edited(draw, contents):
    """One of some contents with up to four of its places overwritten by other bytes."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(content)


def _places(node):
    """Every value below a node, as what holds it and its key in there."""
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def _change(draw, holder, key, places, fragments):
    kinds = ["fragment", "fragment", "delete", "wrap", "repeat", "graft"]
    kinds += ["rename", "double"] if isinstance(holder, dict) else []
    fragment = f"@{draw(st.integers(0, fragments - 1))}"
    match draw(st.sampled_from(kinds)):
        case "fragment":
            holder[key] = fragment
        case "delete":
            del holder[key]
        case "wrap":
            for _ in range(draw(st.sampled_from([1, 2, 40]))):
                holder[key] = [holder[key]]
        case "repeat":
            times = [0, 2] if isinstance(holder[key], dict | list) else [0, 2, 3000]
            holder[key] = [holder[key]] * draw(st.sampled_from(times))
        case "graft":
            other, its_key = draw(st.sampled_from(places))
            holder[key] = copy.deepcopy(other[its_key])
        case "rename":
            holder[fragment] = holder.pop(key)
        case "double":
            holder[f"{key}{TWIN}"] = holder[key]
