"""Which kind of part a name is of: an architecture, a loss or a metric."""

from __future__ import annotations

from typing import Literal

import architectures
import losses
from architectures import torchvision_ops
from bench.evaluation import metrics
from bench.evaluation.metric import Metric
from losses.loss import Loss
from user_code import find_file, importing, load_file

Kind = Literal["architecture", "loss", "metric"]


def kind_of(name: str) -> Kind:
    """Return which kind of part a name is of; an architecture where that cannot be told.

    Args:
        name: as a grid has it. A user's file `path/to/file.py:name` is run; one that cannot be is
            said to be an architecture, whose check says why.
    """
    where, _, own = name.rpartition(":")
    path = find_file(where) if where.endswith(".py") else None
    if path is None:
        return _kind_of_ours(name)
    torchvision_ops.define_missing()
    try:
        with importing():
            found = getattr(load_file(path), own, None)
    except ImportError:
        return "architecture"
    if isinstance(found, Loss):
        return "loss"
    return "metric" if isinstance(found, Metric) else "architecture"


def _kind_of_ours(name: str) -> Kind:
    """The kind of a part of this package; of a loss and a metric of one name the loss."""
    if name in architectures.names():
        return "architecture"
    if name in losses.names():
        return "loss"
    return "metric" if name in metrics.names() else "architecture"
