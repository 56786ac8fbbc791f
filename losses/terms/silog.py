"""Scale-invariant logarithmic error."""

from math import inf

from torch import Tensor

from losses.loss import Requirement, loss
from losses.masked_mean import masked_mean

NEAREST = 1e-3


@loss(
    takes="probabilities",
    bounds=(0, inf),
    requires={
        "variance_focus": Requirement(lambda share: 0 <= share <= 1, "a number from 0 to 1"),
    },
)
def silog(
    probabilities: Tensor, target: Tensor, valid: Tensor | None, *, variance_focus: float = 0.5
) -> Tensor:
    """Scale-invariant error, `mean(d^2) - v mean(d)^2` with `d = ln(p + 0.001) - ln(t + 0.001)`.

    Eigen et al. 2014 (https://arxiv.org/abs/1406.2283), whose lambda is `variance_focus` (the name
    of Lee et al. 2019, https://arxiv.org/abs/1907.10326; `lambda` is a word of Python's own). The
    shift keeps the logarithm finite at 0, a thousandth of the depth range from the nearest point.

    Args:
        probabilities: (B, C, H, W), in [0, 1].
        target: (B, C, H, W), in [0, 1].
        valid: (B, C, H, W), in {0, 1}; None where every pixel counts.
        variance_focus: How much of the common scale error is forgiven: 0 gives the mean squared
            logarithmic error, 1 the variance of the logarithmic error.

    Returns:
        (B,), from 0.
    """
    error = (probabilities + NEAREST).log() - (target + NEAREST).log()
    mean = masked_mean(error, valid)
    # The same as in the first line, as a sum of two squares, which rounding cannot make negative.
    variance = masked_mean((error - mean.view(-1, 1, 1, 1)).square(), valid)
    return variance + (1 - variance_focus) * mean.square()
