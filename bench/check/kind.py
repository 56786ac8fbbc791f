"""Which kind of part a name is of: an architecture, a loss or a metric."""

from __future__ import annotations

import itertools
from difflib import get_close_matches
from typing import Literal

import architectures
import losses
from architectures import torchvision_ops
from bench.errors import InputError, suggestion
from bench.evaluation import metrics
from bench.evaluation.metric import Metric
from losses.loss import Loss
from user_code import find_file, importing, load_file

Kind = Literal["architecture", "loss", "metric"]


def kind_of(name: str) -> Kind:
    """Return which kind of part a name is of; an architecture where that cannot be told.

    Args:
        name: as a grid has it. A user's file `path/to/file.py:name` is run; one that cannot be is
            said to be an architecture, whose check says why. A name that the file does not have is
            of the kind of the nearest, or else of what the file has: that check says what it has.

    Raises:
        InputError: it is a plain word that nothing of this package is called by.
    """
    where, _, own = name.rpartition(":")
    path = find_file(where) if where.endswith(".py") else None
    if path is None:
        return _kind_of_ours(name)
    torchvision_ops.define_missing()
    try:
        with importing():
            there = vars(load_file(path))
    except ImportError:
        return "architecture"
    meant = [own] if own in there else get_close_matches(own, there, n=1) or list(there)
    if any(isinstance(there[one], Loss) for one in meant):
        return "loss"
    return "metric" if any(isinstance(there[one], Metric) for one in meant) else "architecture"


def _kind_of_ours(name: str) -> Kind:
    """The kind of a part of this package; of a loss and a metric of one name the loss."""
    by_kind: dict[Kind, list[str]] = {
        "architecture": architectures.names(),
        "loss": losses.names(),
        "metric": metrics.names(),
    }
    for kind, names in by_kind.items():
        if name in names:
            return kind
    if not name.isidentifier():
        return "architecture"  # as smp:Unet/resnet34, or a mistake that its check explains
    every_name = dict.fromkeys(itertools.chain(*by_kind.values()))
    choices = suggestion(name, [*every_name, "path/to/file.py:NAME"])
    raise InputError(f"unknown architecture, loss or metric {name!r}{choices}")
