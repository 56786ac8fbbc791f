"""The parts of the reference that are made from the program: commands, settings, names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from typer.main import get_command

import architectures
import losses
from bench.cli import app
from bench.evaluation import metrics, sums
from bench.report import board_frame, frames
from bench.settings import explanation


def commands() -> str:
    """Return every command: how it is called, what it does, its arguments and options."""
    return "\n\n".join(_command(name, found) for name, found in _each(get_command(app), "bench"))


def _each(group: Any, called: str) -> Iterator[tuple[str, Any]]:
    """Give each command of a group, and of the groups in it, with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _each(command, f"{called} {name}")
        else:
            yield f"{called} {name}", command


def _command(name: str, command: Any) -> str:
    context = command.context_class(command, info_name=name)
    records = [parameter.get_help_record(context) for parameter in command.params]
    parts = (
        f"## {name}",
        f"```text\n{context.get_usage().removeprefix('Usage: ')}\n```",
        inspect.cleandoc(command.help),
        table(
            ("argument or option", "what"),
            ((f"`{how}`", what.replace("<", "\\<")) for how, what in records),
        ),
    )
    return "\n\n".join(parts)


def settings() -> str:
    """Return every key of a grid: what it means, its type, its default, and an example."""
    return "\n\n".join(
        _setting(explanation.explain(key), "###" if "." in key else "##")
        for key in explanation.overview()
    )


def _setting(found: explanation.Explanation, heading: str) -> str:
    default = "has to be given" if found.default is None else f"by default `{found.default}`"
    return (
        f"{heading} {found.key}\n\n{found.description}\n\n"
        f"*{found.type}*; {default}; for example `{found.yaml}`"
    )


def names() -> str:
    """Return the registered architectures, losses and metrics, and the sums that these read."""
    networks = (
        (name, _options(architectures.options(name)), architectures.summary(name))
        for name in architectures.names()
    )
    terms = (
        (one.name, _options(one.defaults), one.summary) for one in map(losses.load, losses.names())
    )
    figures = ((name, metrics.load(name).contract) for name in metrics.names())
    parts = (
        "## Architectures",
        table(("name", "options", "what"), networks),
        "## Losses",
        table(("name", "options", "what"), terms),
        "## Metrics",
        table(
            ("name", "label", "task", "better is", "what"),
            (
                (
                    name,
                    contract.label,
                    contract.task,
                    "higher" if contract.higher_is_better else "lower",
                    contract.description.partition("\n\n")[0],
                )
                for name, contract in figures
            ),
        ),
        "## Sums",
        _after_its_first_line(sums),
    )
    return "\n\n".join(parts)


def tables() -> str:
    """Return the tables that `bench.load` gives, with their columns."""
    board = _after_its_first_line(board_frame)
    return f"{_after_its_first_line(frames)}\n\n### The columns of the leaderboard\n\n{board}"


def _after_its_first_line(module: ModuleType) -> str:
    return inspect.cleandoc(module.__doc__ or "").partition("\n\n")[2]


def _options(options: dict[str, Any]) -> str:
    return ", ".join(f"`{name}: {explanation.as_yaml(value)}`" for name, value in options.items())


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown, of cells that hold a line each."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGES: dict[str, Callable[[], str]] = {
    "reference/commands": commands,
    "reference/settings": settings,
    "reference/names": names,
    "reference/python": tables,
}
