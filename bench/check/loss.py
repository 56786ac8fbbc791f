"""Whether a loss keeps the promises of all losses, and if not, why and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

import losses
from bench.check.finding import Fault, Finding, Status, examine_all
from bench.errors import InputError
from bench.randomness import generator
from losses.loss import Loss

SHAPE = (3, 1, 64, 64)
SCALES = (0.1, 1.0, 10.0, 100.0)  # of logits: from undecided to saturated
ROUNDING = 1e-5
FEW = 16  # columns of 64 whose pixels are valid
MASKED_MEAN = "average over the valid pixels: return masked_mean(values, valid)"


class LossUnderTest(NamedTuple):
    """A loss and what it is tried on.

    Attributes:
        loss: with its options, as it is called in training.
        bounds: that it promises.
        logits: of some prediction, (B, 1, H, W).
        targets: (B, 1, H, W) in [0, 1], by what they are.
    """

    loss: Callable[..., Tensor]
    bounds: tuple[float, float]
    logits: Tensor
    targets: dict[str, Tensor]


def check_loss(name: str, options: Mapping[str, Any] | None = None) -> list[Finding]:
    """Examine one loss on the CPU.

    Args:
        name: of this package, or `path/to/file.py:name`.
        options: its options.

    Returns:
        One finding a check, in the order of `CHECKS`.

    Raises:
        InputError: there is no such loss, it cannot be imported, or it takes no such option.
    """
    given = ", ".join(f"{option}={value!r}" for option, value in (options or {}).items())
    try:
        losses.parse(f"{name}({given})")
        loss = losses.load(name)
    except losses.LossError as error:
        raise InputError(str(error)) from None
    return examine_all(CHECKS, _under_test(loss, options or {}))


def _under_test(loss: Loss, options: Mapping[str, Any]) -> LossUnderTest:
    numbers = generator(0, "images to check a loss with")
    grey = torch.rand(SHAPE, generator=numbers)
    return LossUnderTest(
        loss=partial(loss, **options),
        bounds=loss.bounds,
        logits=torch.randn(SHAPE, generator=numbers),
        targets={
            "a grey target": grey,
            "a hard target": grey.round(),
            "an empty mask": torch.zeros(SHAPE),
            "a full mask": torch.ones(SHAPE),
        },
    )


def values(subject: LossUnderTest) -> str:
    """Each image has one finite value, however sure the prediction and whatever the target."""
    for what, target in subject.targets.items():
        for scale in SCALES:
            found = subject.loss(scale * subject.logits, target)
            if not isinstance(found, Tensor) or found.shape != SHAPE[:1]:
                shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
                raise Fault(f"returned {shape} for {SHAPE[0]} images", MASKED_MEAN)
            if not found.isfinite().all():
                raise Fault(
                    f"is not finite on {what} with logits of about {scale:g}",
                    "look for a division by zero, a logarithm or a root of 0, and for an overflow",
                )
    return "one finite value an image, on grey, hard, empty and full targets"


def minimum(subject: LossUnderTest) -> str:
    """A perfect prediction has the smallest value, which is that of the bounds."""
    grey, hard = subject.targets["a grey target"], subject.targets["a hard target"]
    if subject.loss(subject.logits, grey).equal(subject.loss(subject.logits, hard)):
        raise Fault(
            "does not depend on the target, as a regulariser",
            "give it a small weight beside a loss that does",
            status=Status.WARNING,
        )
    for what, target in subject.targets.items():
        found = subject.loss(_perfect(target), target)
        worst = found[(found - subject.bounds[0]).abs().argmax()].item()
        if not abs(worst - subject.bounds[0]) <= ROUNDING:  # which NaN is not either
            raise Fault(
                f"a perfect prediction of {what} has {worst:.6g}, and the smallest value of the "
                f"bounds is {subject.bounds[0]:g}",
                "subtract what a perfect prediction has, or mend bounds",
            )
    return f"{subject.bounds[0]:g} at a perfect prediction"


def bounds(subject: LossUnderTest) -> str:
    """No value is out of the bounds."""
    low, high = subject.bounds
    for what, target in subject.targets.items():
        for scale in SCALES:
            found = subject.loss(scale * subject.logits, target)
            for value in (found.min().item(), found.max().item()):
                if not low - ROUNDING <= value <= high + ROUNDING:
                    raise Fault(f"{value:.6g} on {what} is not in {subject.bounds}", "mend bounds")
    return f"no value out of {subject.bounds}"


def images(subject: LossUnderTest) -> str:
    """An image has the same value alone and in a batch."""
    target = subject.targets["a hard target"]
    together = subject.loss(subject.logits, target)
    alone = torch.cat(
        [subject.loss(subject.logits[i : i + 1], target[i : i + 1]) for i in range(len(target))]
    )
    if not torch.allclose(together, alone, rtol=1e-4, atol=ROUNDING):
        raise Fault(
            "an image has another value in a batch than alone",
            "sum over channels, rows and columns, (1, 2, 3), and never over the batch",
        )
    return "each image has a value of its own"


def invalid_pixels(subject: LossUnderTest) -> str:
    """Pixels that are not valid count for nothing, and an image without valid ones for 0."""
    target = subject.targets["a grey target"]
    valid = torch.ones(SHAPE)
    valid[0] = 0
    found, slope = _with_gradient(subject, subject.logits, target, valid)
    if found[0] != 0 or slope[0].any() or not slope.isfinite().all():
        raise Fault(
            f"an image without valid pixels has {found[0].item():.6g}, or a gradient",
            MASKED_MEAN + ", which divides by no less than 1",
        )
    # A constant error is the same on every part of an image.
    logits, target = torch.full(SHAPE, 1.0), torch.full(SHAPE, 0.25)
    valid = torch.zeros(SHAPE)
    valid[..., :FEW] = 1
    whole, part = (subject.loss(logits, target, v)[0].item() for v in (None, valid))
    if not 0.5 * abs(whole) <= abs(part) + ROUNDING <= 2 * abs(whole) + 2 * ROUNDING:
        raise Fault(
            f"a constant error has {whole:.6g} where every pixel is valid, and {part:.6g} where a "
            "quarter of them is",
            MASKED_MEAN,
        )
    return "invalid pixels count for nothing"


def gradient(subject: LossUnderTest) -> str:
    """The gradient is finite, and a small step against it lowers the loss."""
    for what, target in subject.targets.items():
        predictions = [scale * subject.logits for scale in SCALES]
        for logits in (*predictions, _perfect(target)):
            _, slope = _with_gradient(subject, logits, target)
            if not slope.isfinite().all():
                raise Fault(
                    f"the gradient is not finite on {what}",
                    "look for a root, a norm or a logarithm of 0: clamp what it is taken of",
                )
    target = subject.targets["a hard target"].double()
    before, slope = _with_gradient(subject, subject.logits.double(), target)
    if not slope.flatten(1).any(1).all():
        raise Fault("has no gradient", "remove detach(), no_grad(), rounding and comparisons")
    norm = slope.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    after = subject.loss(subject.logits.double() - 1e-3 * slope / norm, target)
    if not (after < before).all():
        raise Fault("a small step against the gradient does not lower it", "remove detach()")
    return "finite, and a step against it lowers the loss"


CHECKS: dict[str, Callable[[LossUnderTest], str]] = {
    "values": values,
    "minimum": minimum,
    "bounds": bounds,
    "images": images,
    "invalid pixels": invalid_pixels,
    "gradient": gradient,
}


def _perfect(target: Tensor) -> Tensor:
    return target.logit().clamp(-100, 100)


def _with_gradient(
    subject: LossUnderTest, logits: Tensor, target: Tensor, valid: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    logits = logits.clone().requires_grad_()
    found = subject.loss(logits, target, valid)
    (slope,) = torch.autograd.grad(found.sum(), logits)
    return found.detach(), slope
