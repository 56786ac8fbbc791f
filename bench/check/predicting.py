"""Whether the network predicts what the contract promises, and the same again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.check.finding import Fault, in_one_line, listed
from bench.check.network_under_test import NetworkUnderTest
from bench.randomness import seeded_globals

SIZES = ((32, 32), (33, 47), (64, 48))  # px; the least, an odd one, one that is not square
CPU = torch.device("cpu")


def heads(subject: NetworkUnderTest) -> str:
    """Two images of 64 px give full-size finite logits for every task, and nothing else."""
    network = subject.network(training=False)
    try:
        found = subject.predict(network, 2, 64, 64)
    except Fault:
        raise
    except Exception as error:
        raise Fault(
            f"forward crashed at 64 x 64 px: {in_one_line(error)}",
            "forward takes (background, composite), (B, 3, H, W) each, whatever the inputs it uses",
        ) from error
    return f"{' and '.join(found)}: full size, finite"


def sizes(subject: NetworkUnderTest) -> str:
    """So does one image of any other size."""
    network = subject.network(training=False)
    for height, width in SIZES:
        try:
            subject.predict(network, 1, height, width)
        except Fault:
            raise
        except Exception as error:
            raise Fault(
                f"forward crashed for one image of {height} x {width} px: {in_one_line(error)}",
                "pad to a multiple and crop, or F.interpolate(x, size=skip.shape[2:]) before a "
                "skip is joined; squeeze no dimension of the batch",
            ) from error
    return "one image of " + ", ".join(f"{h} x {w}" for h, w in SIZES) + " px"


def determinism(subject: NetworkUnderTest) -> str:
    """One seed gives the same weights and the same predictions, dropout included."""
    network, twin = subject.network(training=False), subject.another()
    differing = _differing(network.state_dict(), twin.state_dict())
    if differing:
        raise Fault(
            f"built twice from seed {subject.seed}, these differ: {listed(differing)}",
            "draw initial weights with torch's own functions (nn.init, torch.randn), or from the "
            "global generators of numpy or random: the seed governs no generator of your own",
        )
    first, second = (subject.predict(network, 2, 32, 32) for _ in range(2))
    differing = _differing(first, second)
    if differing:
        raise Fault(
            f"in evaluation mode, the same images twice give another {' and '.join(differing)}",
            "draw random numbers in training only (F.dropout takes training=self.training), and "
            "keep nothing from one call to the next",
        )
    first, second = (_predict_in_training(subject, one) for one in (network, twin))
    differing = _differing(first, second)
    if differing:
        raise Fault(
            f"in training mode, the same images give another {' and '.join(differing)} after "
            f"the same seed",
            "draw random numbers from torch's global generator, or from those of numpy or random: "
            "the seed governs no generator of your own",
        )
    return "the same weights and predictions from one seed"


def _predict_in_training(subject: NetworkUnderTest, network: nn.Module) -> dict[str, Tensor]:
    with seeded_globals(subject.seed, "dropout", CPU):
        return subject.predict(network.train(), 2, 32, 32)


def _differing(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    return [name for name in one if not torch.equal(one[name], other[name])]
