"""A loss of one's own; `bench check FILE:NAME` examines it, a grid names it `FILE:NAME`.

Modules beside this file can be imported, at its top. When one of them or this file changes, the
cells that were trained with it are run again.
"""

from torch import Tensor

from losses.loss import Requirement, loss
from losses.masked_mean import masked_mean


# takes: what the formula gets of the prediction, "probabilities" in [0, 1] or "logits".
# bounds: the smallest value, which is that of a perfect prediction, and the largest.
# requires: what the value of an option has to be; leave it out where any number is right.
@loss(
    takes="probabilities",
    bounds=(0, 1),
    requires={"softness": Requirement(lambda value: value > 0, "a number above 0")},
)
def my_part(
    probabilities: Tensor, target: Tensor, valid: Tensor | None, *, softness: float = 0.01
) -> Tensor:
    """Return the Charbonnier loss, `mean(sqrt((p - t)^2 + s^2) - s)`: an L1 without a corner.

    Charbonnier et al. 1994, https://doi.org/10.1109/ICIP.1994.413553.

    Args:
        probabilities: (B, 1, H, W), in [0, 1]: the sigmoid of what the network predicts.
        target: (B, 1, H, W), in [0, 1]: the mask, or depth with 0 near.
        valid: (B, 1, H, W), 1 where a pixel counts and 0 elsewhere; None where every pixel counts.
        softness: below about this difference the loss is quadratic; an option, which a grid sets
            by `FILE:NAME(softness=0.1)`.

    Returns:
        (B,): one value an image, in [0, 1].
    """
    difference = probabilities - target
    values = (difference.square() + softness**2).sqrt() - softness
    return masked_mean(values, valid)  # pixels that do not count are left out
