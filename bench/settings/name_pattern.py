r"""Patterns of entries' names, as a user writes them, made into regular expressions (RE2).

``*`` stands for anything but a slash, ``**/`` for any folders or none, ``{name}`` for a part that
is kept under that name, and ``{name:regex}`` for one of a certain shape, as in ``{number:\d+}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"\{(?P<part>[A-Za-z_]\w*)(?::(?P<shape>[^{}]+))?\}"
    r"|(?P<folders>\*\*/)|(?P<any>\*)|(?P<slash>/)|(?P<text>[^{}*/]+)"
)
_ROOT = "(?:.*/)?"  # datasets are zipped with and without the folders that they lie in
_COPY = "(?:Copy of )*"  # before a file's name, where an online drive has copied it


def entry_regex(pattern: str) -> str:
    """What matches the whole name of an entry, in whatever folders the layout lies.

    Raises:
        ValueError: the pattern is malformed.
    """
    pieces = list(_pieces(pattern))
    slashes = [at for at, (kind, _) in enumerate(pieces) if kind in {"slash", "folders"}]
    file_at = slashes[-1] + 1 if slashes else 0
    texts = [text for _, text in pieces]
    return f"^{_ROOT}{''.join(texts[:file_at])}{_COPY}{''.join(texts[file_at:])}$"


def key_regex(pattern: str) -> str:
    """What matches a whole key.

    Raises:
        ValueError: the pattern is malformed.
    """
    return f"^{''.join(text for _, text in _pieces(pattern))}$"


def parts(pattern: str) -> tuple[str, ...]:
    """The names of the parts that a pattern keeps, in their order.

    Raises:
        ValueError: the pattern is malformed.
    """
    return tuple(re.compile(key_regex(pattern)).groupindex)


def file_name(pattern: str) -> str:
    """The pattern less its folders, if no part is lost with them."""
    last = re.split(r"/(?![^{]*\})", pattern)[-1]
    return last if parts(last) == parts(pattern) else pattern


def _pieces(pattern: str) -> Iterator[tuple[str, str]]:
    """The kind of each piece of a pattern, and the regular expression that it becomes."""
    place, seen = 0, set()
    while place < len(pattern):
        match = _TOKEN.match(pattern, place)
        if match is None:
            raise ValueError(
                f"{pattern!r}: a brace has no partner or no name in it; write a part as {{key}}"
            )
        place, kind = match.end(), str(match.lastgroup)
        part, shape = match["part"], match["shape"]
        if part is None:
            yield kind, {"folders": "(?:.*/)?", "any": "[^/]*"}.get(kind, re.escape(match[0]))
            continue
        if part in seen:
            raise ValueError(f"{pattern!r}: the part {part} stands there twice")
        seen.add(part)
        yield "part", f"(?P<{part}>{_checked(shape or '[^/]+', pattern)})"


def _checked(shape: str, pattern: str) -> str:
    try:
        groups = re.compile(shape).groups
        re.compile(f"(?:{shape})")  # (?i) may stand at the very beginning alone
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r}: {shape!r} is no regular expression ({error})") from None
    if groups:
        raise ValueError(f"{pattern!r}: write a group within a part as (?:...), in {shape!r}")
    return shape
