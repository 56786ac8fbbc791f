"""Networks that predict a foreground mask and a depth map, by name.

>>> import architectures
>>> "unet" in architectures.names()
True
>>> network = architectures.create("unet", width=0.25)

Importing this package, and listing its names, does not import torch.
"""

from architectures.contract import INPUTS, TASKS, Prediction
from architectures.errors import ArchitectureError
from architectures.lookup import is_own_code, names, register, source_of
from architectures.registry import check_options, create, expand, options, preload, summary

__all__ = [
    "INPUTS",
    "TASKS",
    "ArchitectureError",
    "Prediction",
    "check_options",
    "create",
    "expand",
    "is_own_code",
    "names",
    "options",
    "preload",
    "register",
    "source_of",
    "summary",
]
