"""What README and docs show: their pages, the blocks of code in them, and the command lines."""

import itertools
import re
import shlex

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from typer.main import get_command

from bench.cli import app

NAMED = re.compile(r"# ([\w.]+)\n")  # the first line of a block that is a file


def pages(repository):
    """README and the pages of docs/, in a fixed order."""
    return [repository / "README.md", *sorted(repository.glob("docs/**/*.md"))]


def blocks(page, language):
    """The blocks of a page in one language, in their order."""
    parser = CodeBlockParser(language=language, evaluator=lambda example: None)
    return [str(example.parsed) for example in Sybil([parser]).parse(page).examples()]


def python_examples(page):
    """The blocks in Python: evaluated one after the other they share their names."""
    document = Sybil([PythonCodeBlockParser()]).parse(page)
    document.namespace["__name__"] = "__main__"
    return document.examples()


def files(repository):
    """The text of every file that a page shows: a block whose first line is its name."""
    found = {}
    for page in pages(repository):
        for block in [*blocks(page, "python"), *blocks(page, "yaml")]:
            if named := NAMED.match(block):
                found[named[1]] = block
    return found


def command_lines(page):
    """The words of every command line in a page's shell blocks, without what the shell takes."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            words = list(itertools.takewhile(lambda word: word not in {">", ">>", "|"}, words))
            if words:
                yield words


def commands():
    """Every command by its words up to its first argument: ("bench", "data", "make")."""
    for name, command in get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        if inner is None:
            yield ("bench", name), command
        for second in inner or ():
            yield ("bench", name, second), inner[second]


def find_command(words):
    """The command that a line calls, and the rest of its words."""
    for called, command in commands():
        if tuple(words[: len(called)]) == called:
            return command, words[len(called) :]
    raise LookupError(f"there is no command {' '.join(words[:3])}")
