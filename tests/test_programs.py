"""Programs that no test runs name what there is: benchmarks, simulations, the check on a GPU, docs.

What they import of this project, take from its modules or replace there has to exist.
"""

import ast
import pkgutil
from types import ModuleType

import pytest

OURS = {"architectures", "bench", "losses", "user_code"}
FOLDERS = ["docs", "tests/benchmarks", "tests/benchmarks/peers", "tests/gpu_check"]
FOLDERS += ["tests/simulations"]


def programs_in(text):
    """A program, and those that it holds as texts."""
    yield (tree := ast.parse(text))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and "\nfrom bench" in str(node.value):
            yield from programs_in(node.value)


def imported(tree):
    """What a program imports of this project: its place, by the name that it has here."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.asname or a.name: a.name for a in node.names}
    return {name: place for name, place in found.items() if place.partition(".")[0] in OURS}


def named(tree):
    """Give each place in this project that a program names."""
    places = imported(tree)
    yield from places.values()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in places:
                if isinstance(resolved(places[name]), ModuleType):
                    yield f"{places[name]}.{attribute}"
            case ast.Call(func=ast.Attribute(attr="setattr"), args=[ast.Constant(value=place), *_]):
                yield place


def resolved(place):
    """What lies at ``bench.files.write``; None where there is nothing."""
    try:
        return pkgutil.resolve_name(place)
    except (ImportError, AttributeError):
        return None


def missing(text):
    places = {place for tree in programs_in(text) for place in named(tree)}
    return sorted(place for place in places if resolved(place) is None)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_program_names_nothing_of_this_project_that_is_not_there(repository, folder):
    texts = {path: path.read_text() for path in (repository / folder).glob("*.py")}
    assert texts
    assert {path.name: lost for path, text in texts.items() if (lost := missing(text))} == {}


def test_what_has_moved_is_missed_wherever_it_is_named():
    text = '''
import architectures
from bench.execution import run
from bench.nowhere import a
from bench.files import nothing as b
monkeypatch.setattr("bench.execution.cell.score", None)
run.measured = architectures.created
CODE = """
from bench.cli import mian
"""
'''
    assert missing(text) == [
        "architectures.created",
        "bench.cli.mian",
        "bench.execution.cell.score",
        "bench.execution.run.measured",
        "bench.files.nothing",
        "bench.nowhere.a",
    ]
