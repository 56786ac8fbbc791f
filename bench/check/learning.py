"""Whether the network can be trained."""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from architectures import Prediction
from bench.check import scenes
from bench.check.finding import Fault, Status, in_one_line, innermost_place, listed
from bench.check.network_under_test import NetworkUnderTest
from bench.machine.precision import autocast, guard_narrow_convolutions

SIZE = (64, 32)  # px; at less, the coarsest features of many networks are a single pixel
STEPS_TO_REACH_ALL = 3  # what starts at zero hides what lies behind it for a step each
LEARNING_RATE = 3e-3
WARM_UP_STEPS = 10
MAX_STEPS = 200
FAIR_STEPS = 30  # with fewer, not to have learned is no fault
LEARNED = 0.7  # of the loss of a network that does not look at the images
FALLING = 0.9  # of the loss at the start: what is asked of a network with time for few steps
ALIKE = 1e-4  # of the largest logit


def backward(subject: NetworkUnderTest) -> str:
    """A loss goes back through the network and leaves finite gradients, which are kept."""
    network = subject.network(training=True)
    try:
        _backward(network, "float32")
    except RuntimeError as error:
        if "in-place" not in str(error) and "inplace" not in str(error):
            raise
        where = _overwritten(network)
        raise Fault(
            "an in-place operation changed what backward needs"
            + (f": the result computed at {where}" if where else f": {in_one_line(error)}"),
            "after that line, write x = x + y in place of x += y, and take ReLU without "
            "inplace=True",
        ) from error
    return "finite gradients"


def _backward(network: nn.Module, precision: str) -> None:
    batch = scenes.render(2, *SIZE)
    with autocast(torch.device("cpu"), precision):
        prediction = network(batch.background, batch.composite)
    losses = scenes.losses(prediction, batch)
    cut = [head for head, loss in losses.items() if not loss.requires_grad]
    if cut:
        raise Fault(
            f"the {' and '.join(cut)} head depends on no parameter that is trained",
            "look for detach(), no_grad(), .data or a rounding before it, and for "
            "requires_grad=False",
        )
    torch.autograd.backward(tuple(losses.values()))
    broken = [head for head, loss in losses.items() if not loss.isfinite()]
    broken += [n for n, p in network.named_parameters() if _is_not_finite(p.grad)]
    if broken:
        raise Fault(
            f"in training, not finite: {listed(broken)}",
            "look for a division by zero, the root or the logarithm of 0 and an exponential that "
            "overflows; add an epsilon or clamp",
        )


def _is_not_finite(gradient: Tensor | None) -> bool:
    return gradient is not None and not bool(gradient.isfinite().all())


def _overwritten(network: nn.Module) -> str:
    """File and line of the result that was overwritten; torch tells it in a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with torch.autograd.set_detect_anomaly(True, check_nan=False):
                _backward(network, "float32")
        except RuntimeError:
            pass
    traces = [str(warning.message) for warning in caught]
    return innermost_place("".join(trace for trace in traces if "forward call" in trace))


def gradients(subject: NetworkUnderTest) -> str:
    """A gradient that is not zero reaches every parameter that is to be trained.

    It goes on from the gradients that `backward` left.
    """
    network = subject.as_left()
    trained = [p for p in network.parameters() if p.requires_grad]
    dead = _without_gradient(set(trained))
    optimizer = torch.optim.SGD(trained, lr=0.01)
    for _ in range(STEPS_TO_REACH_ALL - 1):
        if not dead:
            break
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        _backward(network, "float32")
        dead = _without_gradient(dead)
    if dead:
        raise Fault(
            f"no gradient reaches {listed(list(_parts(network, dead)))}",
            "look for detach(), no_grad(), .data or a rounding on the way from there to the "
            "heads; remove what forward does not use",
        )
    frozen = {p for p in network.parameters() if not p.requires_grad}
    if frozen:
        raise Fault(
            f"requires_grad is off, so that it is never trained: "
            f"{listed(list(_parts(network, frozen)))}",
            "leave requires_grad on, unless that is meant",
            status=Status.WARNING,
        )
    return f"reach all {sum(p.numel() for p in trained):,} parameters"


def _without_gradient(parameters: set[nn.Parameter]) -> set[nn.Parameter]:
    return {p for p in parameters if p.grad is None or not p.grad.any()}


def _parts(module: nn.Module, chosen: set[nn.Parameter], name: str = "") -> Iterator[str]:
    """Names for a set of parameters: whole modules where all of theirs are in the set."""
    parameters = list(module.parameters())
    if parameters and chosen.issuperset(parameters):
        yield f"{name or 'the network'} ({sum(p.numel() for p in parameters):,} parameters)"
        return
    prefix = f"{name}." if name else ""
    for key, parameter in module.named_parameters(recurse=False):
        if parameter in chosen:
            yield prefix + key
    for key, child in module.named_children():
        yield from _parts(child, chosen, prefix + key)


def bf16(subject: NetworkUnderTest) -> str:
    """Forward and backward under bf16 autocast run and stay finite."""
    network = subject.network(training=True)
    try:
        guard_narrow_convolutions(network, [SIZE])  # as a training does
        _backward(network, "bf16")
    except Fault as fault:
        raise Fault(
            f"under bf16 autocast, {fault.text}",
            "compute what overflows or cancels inside "
            "`with torch.autocast(x.device.type, enabled=False)`, on x.float()",
        ) from fault
    except Exception as error:
        raise Fault(
            f"under bf16 autocast, {in_one_line(error)}",
            "make new tensors of the type of those they meet (x.new_zeros(...), y.to(x.dtype)); "
            "or set `precision: float32` in the grid",
        ) from error
    return "forward and backward under autocast"


def overfitting(subject: NetworkUnderTest) -> str:
    """Trained on eight images of 32 px, every head learns what only looking can tell.

    Its loss is set beside what it would lose without looking, so that a network of few parameters,
    which cannot know where in the image it is, is asked for no more than it can see. A network too
    slow to get well below that in time only has to fall well below where it started.
    """
    network = subject.network(training=True)
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE, fused=True)
    batch = scenes.render(8, 32, 32)
    at_start: dict[str, float] = {}
    totals: list[float] = []  # of the start's
    step_s = 0.0
    while True:
        started = time.monotonic()
        prediction = network(batch.background, batch.composite)
        losses = scenes.losses(prediction, batch)
        values = {head: loss.item() for head, loss in losses.items()}
        at_start = at_start or values
        totals.append(statistics.fmean(values[head] / at_start[head] for head in values))
        if not math.isfinite(totals[-1]):
            raise Fault(
                f"the loss became {totals[-1]} at step {len(totals)}",
                "look for a division by zero, and normalise what grows without bound",
            )
        blind = scenes.losses_without_looking(prediction, batch)
        shares = {head: value / blind[head] for head, value in values.items()}
        slow = [head for head, share in shares.items() if share >= LEARNED]
        if not slow or len(totals) > MAX_STEPS or subject.seconds_left() < step_s:
            break
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(tuple(losses.values()))
        nn.utils.clip_grad_norm_(trained, 1.0)
        warmth = min(1.0, len(totals) / WARM_UP_STEPS)
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * warmth
        optimizer.step()
        step_s = time.monotonic() - started
    steps, fallen_to = len(totals) - 1, min(totals)
    if steps:
        _check_alive(prediction)
    if not slow:
        return (
            f"below {LEARNED:.0%} of the loss without looking after {steps} of {MAX_STEPS} steps, "
            f"where the check ends: {_percentages(shares)}"
        )
    if steps < MAX_STEPS and fallen_to < FALLING:
        return f"the loss fell to {fallen_to:.0%} in {steps} steps; there was no time for more"
    if steps < FAIR_STEPS:
        raise Fault(
            f"not judged: there was time for {steps} steps only",
            "check it narrower (--option width=0.25) or on a faster machine",
            status=Status.WARNING,
        )
    raise Fault(
        f"eight images were not learned in {steps} steps: {' and '.join(slow)} "
        f"({_percentages(shares)} of the loss without looking)",
        "return logits, not probabilities; look for a ReLU after the last layer, weights that "
        "start too small or too large, and a missing normalisation",
    )


def _check_alive(prediction: Prediction) -> None:
    for name, logits in prediction._asdict().items():
        if logits is None:
            continue
        if (logits - logits[:1]).abs().max() <= ALIKE * logits.abs().max():
            raise Fault(
                f"dead head: {name} is the same whatever the network sees",
                "connect the head to the features; if it is connected, look for a ReLU that has "
                "died before it",
            )


def _percentages(shares: dict[str, float]) -> str:
    return ", ".join(f"{head} {share:.0%}" for head, share in shares.items())
