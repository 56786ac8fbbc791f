"""Networks of which it is known beforehand which is better: they read the mask off the images."""

import torch
from torch import nn

from architectures import Prediction


class Difference(nn.Module):
    """The object is where the two images differ; or, if it is ``upside_down``, where they agree."""

    def __init__(self, *, upside_down, jitter, fails_below):
        super().__init__()
        self.sign = -1 if upside_down else 1
        self.threshold = nn.Parameter(0.1 + jitter * torch.randn(1))
        self.learns_nan = float(self.threshold.detach()) < fails_below

    def forward(self, background, composite):
        change = (composite - background).abs().mean(1, keepdim=True)
        logits = self.sign * 100 * (change - self.threshold)
        if self.learns_nan:
            logits = logits / logits.new_zeros(())
        return Prediction(mask_logits=logits, depth_logits=None)


def difference(*, label="", upside_down=False, jitter=0.01, fails_below=0.0):
    """A network; two of different labels are the same but for that."""
    return Difference(upside_down=upside_down, jitter=jitter, fails_below=fails_below)
