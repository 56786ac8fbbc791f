"""From a study back to the network that was trained."""

from __future__ import annotations

from torch import nn

from bench.errors import InputError
from bench.inference.description import Description
from bench.study.record import Record
from bench.study.results import Results


def network(results: Results, record: Record) -> nn.Module:
    """Return the network of a cell with the weights that were kept of it, on the CPU.

    It is in evaluation mode: called with background and composite, (B, 3, H, W) in [0, 1] each, it
    returns an `architectures.Prediction`.

    Raises:
        InputError: no weights were kept, they are damaged, or they do not fit the network's code.
    """
    try:
        return Description.of(record.cell).build(weights(results, record))
    except InputError as error:
        raise InputError(f"{record.cell.label}: {error}") from None


def weights(results: Results, record: Record) -> bytes:
    """Return the weights that were kept of a cell, the content of a file of safetensors.

    Raises:
        InputError: there are none, or they are damaged.
    """
    if record.cell.loss is None:
        raise InputError("is a trivial baseline and has no weights")
    if record.failure is not None:
        raise InputError(f"failed, so that there are no weights: {record.failure}")
    if record.cell.trial is not None:
        raise InputError("is a trial of a search, of which no weights are kept")
    content = results.weights(record)
    if content is None:
        raise InputError(f"its weights were not kept{_why_not(results)}")
    return content


def _why_not(results: Results) -> str:
    """The end of a line about weights that a study does not have."""
    unkept = any(stored.grid.keep.weights == "none" for stored in results.grids)
    if unkept:
        return (
            ", as a grid of the study says `keep: {weights: none}`; run it without that into "
            "another folder (--out)"
        )
    return (
        ": it was trained before weights were, or they have been left out since; run its grid "
        "again into another folder (--out), which trains it anew and keeps them"
    )
