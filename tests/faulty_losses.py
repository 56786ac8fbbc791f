"""Losses with one planted fault each, and one that is sound."""

import torch

from losses.loss import Requirement, loss
from losses.masked_mean import masked_mean


@loss(
    takes="probabilities",
    bounds=(0, 2),
    requires={"factor": Requirement(lambda value: value > 0, "a number above 0")},
)
def sound(probabilities, target, valid, *, factor: float = 1.0):
    """A squared error."""
    return factor * masked_mean((probabilities - target).square(), valid)


@loss(takes="probabilities", bounds=(0, 1))
def one_for_the_batch(probabilities, target, valid):
    """One number for all images."""
    return masked_mean((probabilities - target).abs(), valid).mean()


@loss(takes="probabilities", bounds=(0, float("inf")))
def empty_mask(probabilities, target, valid):
    """Divides by the size of the object."""
    return masked_mean((probabilities - target).abs(), valid) / target.mean((1, 2, 3))


@loss(takes="probabilities", bounds=(0, float("inf")))
def plain_entropy(probabilities, target, valid):
    """The cross-entropy with the entropy of grey targets, below which no prediction gets."""
    p = probabilities.clamp(1e-7, 1 - 1e-7)
    return masked_mean(-(target * p.log() + (1 - target) * (1 - p).log()), valid)


@loss(takes="probabilities", bounds=(0, 0.1))
def out_of_bounds(probabilities, target, valid):
    """An absolute error, of which its author thought that it stays small."""
    return masked_mean((probabilities - target).abs(), valid)


@loss(takes="probabilities", bounds=(0, 1))
def of_the_batch(probabilities, target, valid):
    """Each image is compared by the mean of all."""
    values = masked_mean((probabilities - target).abs(), valid)
    return 0.5 * values + 0.5 * values.mean()


@loss(takes="probabilities", bounds=(0, 1))
def ignores_valid(probabilities, target, valid):
    """The mean over all pixels."""
    return (probabilities - target).abs().mean((1, 2, 3))


@loss(takes="probabilities", bounds=(0, 1))
def no_valid_pixel(probabilities, target, valid):
    """Divides by the number of valid pixels, which may be 0."""
    values = (probabilities - target).abs()
    if valid is None:
        return values.mean((1, 2, 3))
    return (values * valid).sum((1, 2, 3)) / valid.sum((1, 2, 3))


@loss(takes="probabilities", bounds=(0, 1))
def root_of_zero(probabilities, target, valid):
    """The gradient of a root is not finite at 0."""
    return masked_mean((probabilities - target).square(), valid).sqrt()


@loss(takes="probabilities", bounds=(0, 1))
def detached(probabilities, target, valid):
    """The target is pulled to the prediction, and not the other way round."""
    away = 2 * probabilities.detach() - probabilities
    return masked_mean((away - target).abs(), valid)


@loss(takes="probabilities", bounds=(0, 1))
def regulariser(probabilities, target, valid):
    """It asks for a small object."""
    return masked_mean(probabilities, valid)


@loss(takes="probabilities", bounds=(0, 1))
def crashes(probabilities, target, valid):
    """It takes images of another size."""
    return torch.ones(7) @ probabilities.flatten(1).T
