"""Cosine distance of the surface normals."""

from torch import Tensor

from losses.gradients import sobel, valid_neighbourhoods
from losses.loss import loss
from losses.masked_mean import masked_mean


@loss(takes="probabilities", bounds=(0, 2))
def normals_cosine(probabilities: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Cosine distance of the surface normals, `mean|1 - cos(n(p), n(t))|`, `n = (-gx, -gy, 1)`.

    Hu et al. 2019 (https://arxiv.org/abs/1803.08673), gx and gy by Sobel. A normal counts where
    all the pixels it is made of are valid.

    Returns:
        (B,), in [0, 2].
    """
    gradient_x, gradient_y = sobel(probabilities)
    target_x, target_y = sobel(target)
    product = gradient_x * target_x + gradient_y * target_y + 1
    squared_length = gradient_x.square() + gradient_y.square() + 1
    squared_target_length = target_x.square() + target_y.square() + 1
    similarity = product / (squared_length * squared_target_length).sqrt()
    return masked_mean((1 - similarity).abs(), valid_neighbourhoods(valid))
