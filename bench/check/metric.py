"""Whether a metric keeps the promises of all metrics, and if not, why and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench.check import scenes
from bench.check.finding import Fault, Finding, examine_all
from bench.errors import InputError, TrainingError
from bench.evaluation import metrics, sums
from bench.evaluation.metric import Metric
from bench.randomness import generator

IMAGES, SIDE = 6, 32
PERFECT = "a perfect prediction"


class MetricUnderTest(NamedTuple):
    """A metric and the tables of sums that it is tried on, by what was predicted.

    The last image has neither an object nor a reading of depth.
    """

    metric: Metric
    tables: dict[str, pd.DataFrame]


def check_metric(spec: str) -> list[Finding]:
    """Examine one metric.

    Args:
        spec: a metric of this package, or `path/to/file.py:name`.

    Returns:
        One finding a check, in the order of `CHECKS`.

    Raises:
        InputError: there is no such metric, or its file cannot be imported.
    """
    return examine_all(CHECKS, MetricUnderTest(metrics.load(spec), _tables()))


def columns(subject: MetricUnderTest) -> str:
    """It reads columns that there are, and returns what its kind has to."""
    try:
        sums.check_metric(subject.metric)
    except InputError as error:
        raise Fault(str(error), "the columns are listed in bench/evaluation/sums.py") from None
    kind = "one number" if subject.metric.contract.pooled else "one value an image"
    return f"reads {', '.join(subject.metric.reads)}; {kind}"


def bounds(subject: MetricUnderTest) -> str:
    """No figure is out of its contract, also where an image has no object or no reading."""
    contract = subject.metric.contract
    for what, table in subject.tables.items():
        try:
            subject.metric.value(table)
        except TrainingError as error:
            raise Fault(
                f"{what}: {error}",
                "mend minimum or maximum; where an image may have nothing to divide by, divide by "
                "sums[...].replace(0, np.nan), so that it counts nowhere",
            ) from None
    return contract.limits


def best(subject: MetricUnderTest) -> str:
    """No prediction is better than a perfect one."""
    sign = 1 if subject.metric.contract.higher_is_better else -1
    figures = {what: subject.metric.value(table) for what, table in subject.tables.items()}
    perfect = figures.pop(PERFECT)
    for what, figure in figures.items():
        if perfect is None or (figure is not None and sign * figure > sign * perfect + 1e-9):
            raise Fault(
                f"{what} has {figure}, which is better than the {perfect} of {PERFECT}",
                "turn higher_is_better round, or mend the formula",
            )
    return f"{perfect:.6g} for {PERFECT}, and no other is better"


def order(subject: MetricUnderTest) -> str:
    """What an image is worth does not depend on the order of the images."""
    table = subject.tables["a random prediction"]
    turned = table.iloc[::-1].reset_index(drop=True)
    if subject.metric.contract.pooled:
        found, again = subject.metric.value(table), subject.metric.value(turned)
        same = math.isclose(found or 0, again or 0, rel_tol=1e-9)
    else:
        forward, backward = (np.asarray(subject.metric.per_image(t)) for t in (table, turned))
        same = np.allclose(forward, backward[::-1], equal_nan=True)
    if not same:
        raise Fault("depends on the order of the images", "compute each row from that row alone")
    return "does not depend on the order of the images"


CHECKS: dict[str, Callable[[MetricUnderTest], str]] = {
    "columns": columns,
    "bounds": bounds,
    "best": best,
    "order": order,
}


def _tables() -> dict[str, pd.DataFrame]:
    images = scenes.render(IMAGES, SIDE, SIDE)
    images.mask[-1] = 0
    numbers = generator(0, "predictions to check a metric with")
    random = torch.randn(images.mask.shape, generator=numbers)
    logits = {
        PERFECT: (images.mask.logit(), images.depth.logit()),
        "a random prediction": (random, random),
        "an empty mask and the nearest depth": (torch.full_like(random, -20.0),) * 2,
        "a full mask and the farthest depth": (torch.full_like(random, 20.0),) * 2,
    }
    return {
        what: _table(mask.clamp(-20, 20), depth, images) for what, (mask, depth) in logits.items()
    }


def _table(mask_logits: Tensor, depth_logits: Tensor, images: scenes.Scenes) -> pd.DataFrame:
    """The table of sums of the scenes, as `bench.evaluation.score` makes it."""
    every = sums.EVERY_COLUMN
    readings = torch.ones_like(images.depth)
    readings[-1] = 0
    mask, depth = mask_logits > 0, depth_logits.sigmoid()
    found = (
        sums.mask_sums(mask, images.mask > 0)
        | sums.mask_change(mask, mask[:1], None, every)
        | sums.mask_means(mask_logits, images.mask, None, every)
        | sums.depth_sums(depth, images.depth, readings)
        | sums.depth_change(depth, depth[:1], readings, every)
        | sums.depth_means(depth_logits, images.depth, readings, every)
    )
    return pd.DataFrame({column: values.numpy() for column, values in found.items()})
