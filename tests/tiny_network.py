"""The smallest network that fulfils the contract: two convolutions."""

import os
import time

import torch
from torch import nn

from architectures import Prediction


class TinyNetwork(nn.Module):
    def __init__(
        self,
        *,
        channels=8,
        learns_nan=False,
        crashes=False,
        dies=False,
        hangs=False,
        pause_s=0.0,
    ):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(6, channels, 5, padding=2),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Dropout2d(0.1),
            nn.Conv2d(channels, 2, 5, padding=2),
        )
        self.learns_nan = learns_nan
        self.crashes = crashes
        self.dies = dies
        self.hangs = hangs
        self.pause_s = pause_s

    def forward(self, background, composite):
        if self.dies:
            os._exit(9)
        if self.hangs:
            time.sleep(600)
        if self.pause_s:
            time.sleep(self.pause_s)
        if self.crashes:
            raise torch.OutOfMemoryError("tried to allocate\n  20.00 GiB")
        logits = self.layers(torch.cat([composite, background], 1))
        if self.learns_nan:
            logits = logits / logits.new_zeros(())
        return Prediction(mask_logits=logits[:, :1], depth_logits=logits[:, 1:])


def tiny_network(**options):
    return TinyNetwork(**options)


not_a_network = "a text"
