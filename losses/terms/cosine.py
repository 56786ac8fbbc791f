"""One minus cosine similarity."""

import torch.nn.functional as F
from torch import Tensor

from losses.loss import loss
from losses.masked_mean import counted, masked_mean


@loss(takes="probabilities", bounds=(0, 1))
def cosine(probabilities: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """One minus the cosine similarity of the images as vectors, `1 - p.t / (|p| |t|)`.

    The vectors hold the valid pixels. An empty target (an empty mask) has no direction; its loss is
    the mean probability, which has the same range and is 0 for an empty prediction too.

    Returns:
        (B,), in [0, 1].
    """
    prediction_vector = counted(probabilities, valid).flatten(1)
    target_vector = counted(target, valid).flatten(1)
    similarity = F.cosine_similarity(prediction_vector, target_vector)
    # Rounding takes the similarity of equal vectors slightly above 1.
    dissimilarity = (1 - similarity).clamp_min(0)
    return dissimilarity.where(target_vector.any(1), masked_mean(probabilities, valid))
