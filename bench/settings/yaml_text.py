"""What a YAML text says, read under limits: whatever a text holds, reading it is quick and safe.

Of YAML's types there are those of JSON: mappings, lists, texts, numbers, true, false and null, and
the merge key ``<<``. What looks like a date is a text, and a text with any other tag is an error.
As in YAML 1.2, ``1e-3`` is a number, for which YAML 1.1 wants ``1.0e-3``.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from bench.text import shortened

MAX_LENGTH = 2**18  # characters of a whole text
MAX_NODES = 10_000  # values and keys; an alias counts as all that it stands for
MAX_DEPTH = 32  # of mappings and lists inside each other
MAX_STRING = 1000  # characters of one value or key
MAX_NUMBER = 100  # characters of one that is no text: any whole number then fits into a float

_PREFIX = "tag:yaml.org,2002:"
_STRING = f"{_PREFIX}str"
_TYPES = {f"{_PREFIX}{name}" for name in ("bool", "float", "int", "map", "null", "seq", "str")}
_MERGE = f"{_PREFIX}merge"
_TOO_DEEP = f"more than {MAX_DEPTH} mappings and lists inside each other"
_TOO_MANY = f"more than {MAX_NODES:,} values, an alias counted as all that it stands for"


def parse(text: str) -> Any:
    """Return what a YAML text says; None if it says nothing.

    Raises:
        ValueError: it is no YAML, or beyond a limit: one line that says where.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"more than {MAX_LENGTH:,} characters")
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except (OverflowError, ValueError):  # as "\UFFFFFFFF"
        raise ValueError("an escape or a directive has a number that is too large") from None


def write(content: Any) -> str:
    """Return a YAML text that says this to `parse`: of mappings, lists, texts and numbers."""
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False)
    return text


class _StrictLoader(yaml.SafeLoader):
    r"""YAML in which a key given twice is an error, where plain YAML drops the first in silence.

    So is half a character, as ``"\ud800"``, which no file can keep. Brackets keep their commas: in
    ``{rate: log(1, 2)}`` plain YAML has a value ``log(1`` and a key ``2)``.
    """

    # Anything else is then an unknown tag.
    yaml_constructors = {  # noqa: RUF012 - so declared in the library
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag in _TYPES or tag is None
    }
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, shape) for tag, shape in resolvers if tag in {*_TYPES, _MERGE}]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._composed = 0

    def get_single_node(self) -> yaml.Node | None:
        root: yaml.Node | None = super().get_single_node()
        if root is not None:
            _check_extent(root)
        return root

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        # Of the text alone: what its aliases stand for is counted when they are all known.
        self._composed += 1
        if self._composed > MAX_NODES:
            raise _problem(_TOO_MANY)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - the overridden signature
        try:
            return super().construct_object(node, deep=deep)
        except (ArithmeticError, LookupError, ValueError):  # each type has its own way to fail
            what = f"{node.value!r} is no {node.tag.removeprefix(_PREFIX)}"
            raise _problem(what, node.start_mark) from None

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> str:
        value: str = super().construct_scalar(node)
        shown = repr(shortened(value, 40))
        limit = MAX_STRING if node.tag == _STRING else MAX_NUMBER
        if len(value) > limit:
            raise _problem(f"{shown} has more than {limit:,} characters", node.start_mark)
        if "\0" in value:
            raise _problem(f"{shown} holds a NUL, which no name can", node.start_mark)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _problem(f"{shown} holds half a character", node.start_mark) from None
        return value

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the overridden signature
        if not isinstance(node, yaml.MappingNode):
            raise _problem("tagged as a mapping, and is none", node.start_mark)
        seen = set()
        node.value = _with_whole_brackets(node.value)
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                self.construct_object(value_node, deep=True)  # so that it is checked as well
                key = "<<"
            else:
                key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise _problem("a mapping or a list cannot be a key", key_node.start_mark)
            if key in seen:
                raise _problem(f"the key {key!r} is listed twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_StrictLoader.add_implicit_resolver(
    f"{_PREFIX}float",
    re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


class _Dumper(yaml.SafeDumper):
    """Puts a text into quotes that the loader would take for something else."""

    yaml_implicit_resolvers = _StrictLoader.yaml_implicit_resolvers


def _problem(what: str, where: yaml.Mark | None = None) -> ConstructorError:
    return ConstructorError(None, None, what, where)


def _check_extent(root: yaml.Node) -> None:
    """Make sure that a tree is small where each alias is taken as all that it stands for."""
    pending = [(root, 1)]
    for _ in range(MAX_NODES):
        if not pending:
            return
        node, depth = pending.pop()
        if depth > MAX_DEPTH and isinstance(node, yaml.CollectionNode):
            raise _problem(_TOO_DEEP, node.start_mark)
        pending += [(child, depth + 1) for child in _children(node)]
    if pending:
        raise _problem(_TOO_MANY, root.start_mark)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for entry in node.value for part in entry]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _with_whole_brackets(entries: list[tuple[yaml.Node, yaml.Node]]) -> list[Any]:
    """Join the keys without a value to the value before them if a bracket is open there."""
    whole: list[tuple[yaml.Node, yaml.Node]] = []
    for key, value in entries:
        before = whole[-1][1] if whole else None
        if (
            isinstance(before, yaml.ScalarNode)
            and before.value.count("(") > before.value.count(")")
            and isinstance(key, yaml.ScalarNode)
            and isinstance(value, yaml.ScalarNode)
            and not value.value
        ):
            before.value += f", {key.value}"
        else:
            whole.append((key, value))
    return whole
