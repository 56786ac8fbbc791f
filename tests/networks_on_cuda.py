"""Networks that a CUDA device refuses: by an assertion, and for the memory that they may take."""

import torch
from tiny_network import TinyNetwork

import architectures
from architectures import Prediction


class Asserting(TinyNetwork):
    """Reads beyond a tensor's end, which no later call in its process survives."""

    def forward(self, background, composite):
        found = super().forward(background, composite)
        beyond = torch.tensor([5], device=composite.device)
        return Prediction(
            found.mask_logits + torch.zeros(3, device=beyond.device)[beyond], found[1]
        )


def asserting():
    return Asserting()


def limited(mib=None):
    """U-Net in a process that may take so much of the device's memory."""
    if mib is not None:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(mib * 2**20 / total)
    return architectures.create("unet", seed=0)
