"""`bench list`."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import typer

WIDTH = 80  # columns


class Registry(StrEnum):
    """What can be listed."""

    architectures = "architectures"
    losses = "losses"
    metrics = "metrics"


class Entry(NamedTuple):
    """A name, or a way to write one; what it is; and what there is to know besides."""

    name: str
    text: str
    details: str = ""


WRITTEN = {
    Registry.architectures: (
        Entry("{name: unet, width: 0.25}", "An entry with options."),
        Entry(
            "smp:DECODER/ENCODER",
            "Segmentation-models-pytorch, as smp:Unet/resnet34. Encoders of timm are written "
            "tu-NAME, as smp:DPT/tu-vit_small_patch16_224.augreg_in21k. A decoder that there is "
            "not is answered with those that there are.",
        ),
        Entry(
            "timm:ENCODER",
            "An encoder of timm under the decoder of U-Net, as timm:convnext_tiny.",
        ),
        Entry(
            "smp:Unet/resnet*",
            "Every name that fits: * stands for any characters, ? for one. Also timm:convnext*, "
            "smp:*/resnet34, and * for all entries above.",
        ),
        Entry(
            "path/to/file.py:NAME",
            "A function or class of your own that returns a network; or package.module:NAME. "
            "`bench check path/to/file.py:NAME` examines it.",
        ),
    ),
    Registry.losses: (
        Entry("bce + 0.5*ssim(window=7)", "A weighted sum of them, with options in brackets."),
        Entry(
            "{mask: bce, depth: l1}",
            "One for each task; {mask: bce} trains the mask alone.",
        ),
        Entry(
            "bce + 0.5*path/to/file.py:NAME",
            "A loss of your own. `bench new loss NAME` begins one, and `bench check "
            "path/to/file.py:NAME` examines it.",
        ),
    ),
    Registry.metrics: (
        Entry("[dice, mae]", "In a grid's metrics: the first of each task sorts the leaderboard."),
        Entry(
            "path/to/file.py:NAME",
            "A metric of your own. `bench new metric NAME` begins one, and `bench check "
            "path/to/file.py:NAME` examines it.",
        ),
    ),
}


def list_names(
    what: Annotated[Registry, typer.Argument(help="Which registry.")],
) -> None:
    """List what a grid can name: each with a line about it, its options and their defaults."""
    found = {
        Registry.architectures: _architectures,
        Registry.losses: _losses,
        Registry.metrics: _metrics,
    }
    for entry in found[what]():
        _print(entry)
    typer.echo("\nHow they are written in a grid:\n")
    for entry in WRITTEN[what]:
        _print(entry)


def _architectures() -> Iterator[Entry]:
    import architectures

    for name in architectures.names():
        try:
            summary = architectures.summary(name)
            options = architectures.options(name)
        except architectures.ArchitectureError as error:  # of another package
            yield Entry(name, str(error))
        else:
            yield Entry(name, summary, _options(options))
    of_libraries = _options(architectures.options("smp:Unet/resnet34"))
    yield Entry(
        "smp:DECODER/ENCODER, timm:ENCODER", "Those of two libraries; see below.", of_libraries
    )


def _losses() -> Iterator[Entry]:
    import losses

    for name in losses.names():
        loss = losses.load(name)
        must_be = {option: loss.requirement(option) for option in loss.defaults}
        yield Entry(name, loss.summary, _options(loss.defaults, must_be))


def _metrics() -> Iterator[Entry]:
    from bench.evaluation import metrics

    for name in metrics.names():
        contract = metrics.load(name).contract
        better = "higher" if contract.higher_is_better else "lower"
        summary = contract.description.partition("\n")[0]
        yield Entry(name, summary, f"of the {contract.task}; {better} is better; {contract.label}")


def _options(options: Mapping[str, Any], must_be: Mapping[str, str] | None = None) -> str:
    """Options with their defaults, as a grid has them."""
    shown = []
    for option, default in options.items():
        value = "" if default is inspect.Parameter.empty else f"={_as_yaml(default)}"
        shown.append(f"{option}{value}" + (f" ({must_be[option]})" if must_be else ""))
    return f"options: {', '.join(shown)}" if shown else ""


def _as_yaml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_as_yaml, value))}]"
    return "none" if value is None else str(value)


def _print(entry: Entry) -> None:
    typer.secho(entry.name, bold=True)
    for text in filter(None, (entry.text, entry.details)):
        typer.echo(textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="    "))
