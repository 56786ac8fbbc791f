"""Whether the network can be captured as a graph. One that cannot trains all the same."""

from __future__ import annotations

import io
import re

import torch

from architectures import Prediction
from bench.check import scenes
from bench.check.finding import Fault, Status, in_one_line, innermost_place
from bench.check.network_under_test import NetworkUnderTest

SIZE = (64, 32)  # px


def compilation(subject: NetworkUnderTest) -> str:
    """`torch.compile` captures one whole graph that predicts the same; kernels are not made."""
    network = subject.network(training=False)
    images = scenes.render(2, *SIZE)[:2]
    torch._dynamo.reset()  # noqa: SLF001 - has no public name
    try:
        compiled = torch.compile(network, backend="eager", fullgraph=True)
        with torch.no_grad(), torch._dynamo.config.patch(guard_nn_modules=False):  # noqa: SLF001 - called once: no guards
            found = compiled(*images)
    except Exception as error:
        raise Fault(
            f"torch.compile cannot capture it whole: {_reason(error)}",
            _hint(error) or "keep Python away from the values of tensors in forward",
            status=Status.WARNING,
        ) from error
    finally:
        torch._dynamo.reset()  # noqa: SLF001
    with torch.no_grad():
        _require_same(found, network(*images), "torch.compile")
    return "one graph (torch.compile, fullgraph; captured, no kernels made)"


def export(subject: NetworkUnderTest) -> str:
    """`torch.export` gives a program that is saved, loaded again, and predicts the same."""
    network = subject.network(training=False)
    images = tuple(scenes.render(2, *SIZE)[:2])
    file = io.BytesIO()
    try:
        with torch.no_grad():
            program = torch.export.export(network, images)
        torch.export.save(program, file)
        file.seek(0)
        loaded = torch.export.load(file).module()
    except Exception as error:
        raise Fault(
            f"torch.export: {_reason(error)}",
            "let forward branch on shapes only, not on values; torch.export.draft_export lists "
            "every place",
            status=Status.WARNING,
        ) from error
    with torch.no_grad():
        _require_same(loaded(*images), network(*images), "torch.export")
    return (
        f"torch.export at {SIZE[0]} x {SIZE[1]} px, {len(program.graph.nodes)} nodes, saved and "
        "loaded"
    )


def _require_same(found: Prediction, expected: Prediction, what: str) -> None:
    """Make sure that what was captured predicts what the network predicts."""
    for name, logits in expected._asdict().items():
        if logits is not None and not torch.allclose(getattr(found, name), logits, atol=1e-4):
            raise Fault(
                f"{what} gives other {name}",
                "keep no state of Python's in forward: the graph is captured once",
                status=Status.WARNING,
            )


def _reason(error: Exception) -> str:
    """What torch says in many lines, in one, with the line of the network that it is about."""
    explained = re.search(r"Explanation: (.+)", str(error))
    text = explained[1].rstrip(".") if explained else in_one_line(error)
    where = innermost_place(str(error))
    return f"{text} ({where})" if where and where not in text else text


def _hint(error: Exception) -> str:
    """The last of torch's hints: they go from the special to the general."""
    hints: list[str] = re.findall(r"Hint: (.+)", str(error))
    return hints[-1].rstrip(".") if hints else ""
