"""What has to be known of a trained network, besides its weights, to use it."""

from __future__ import annotations

from typing import Any, Literal, Self

import safetensors.torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from torch import nn

import architectures
from architectures import ArchitectureError
from bench.errors import InputError
from bench.settings import Architecture, identity
from bench.settings.cell import Cell
from bench.settings.data import ImageSize
from bench.training.teacher import StudentTeacher

STARTING_WEIGHTS = "encoder_weights"  # an option for what trained weights replace


class Description(BaseModel):
    """A network, what it sees and what it was trained for; the ``config.json`` of an exported one.

    Attributes:
        architecture: by name and options, as `architectures.create` takes them.
        teacher: the network that makes depth of what the mask shows, where there is one.
        image_size: (height, width) of the images that it was trained and scored on.
        tasks: of mask and depth, those that it was trained for.
        precision: that it was trained and scored in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    architecture: Architecture
    teacher: Architecture | None = None
    image_size: ImageSize
    tasks: tuple[Literal["mask", "depth"], ...]
    precision: Literal["bf16", "tf32", "float32"]

    @classmethod
    def of(cls, cell: Cell) -> Self:
        """Return the description of a trained cell's network."""
        teacher = cell.train.teacher
        return cls(
            architecture=_without_weights(cell.architecture),
            teacher=None if teacher is None else _without_weights(teacher.architecture),
            image_size=cell.data.image_size,
            tasks=cell.tasks,
            precision=cell.train.recipes()[-1].precision,
        )

    def without_folders(self) -> Self:
        """Return the description with each file's name in place of its path on this machine."""
        named = {
            what: None if one is None else Architecture(**identity.of_architecture(one))
            for what, one in (("architecture", self.architecture), ("teacher", self.teacher))
        }
        return self.model_copy(update=named)

    @property
    def networks(self) -> tuple[Architecture, ...]:
        """The network, and its teacher."""
        return (self.architecture, *([self.teacher] if self.teacher else []))

    @property
    def needs_background(self) -> bool:
        """Whether a network looks at the image without the object."""
        return any(one.options.get("inputs") != "composite" for one in self.networks)

    def build(self, weights: bytes) -> nn.Module:
        """Return the network on the CPU, in evaluation mode.

        Args:
            weights: the content of a file of safetensors.

        Raises:
            InputError: its code is not there, or the weights are damaged or do not fit it.
        """
        try:
            created = [_create(one) for one in self.networks]
        except ArchitectureError as error:
            raise InputError(str(error)) from None
        network = created[0] if self.teacher is None else StudentTeacher(*created)
        try:
            network.load_state_dict(safetensors.torch.load(weights))
        except SafetensorError as error:
            raise InputError(f"the weights cannot be read: {error}") from None
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"the weights do not fit the code as it is now: {reason}") from None
        return network.eval()


def _create(architecture: Architecture) -> nn.Module:
    options: dict[str, Any] = dict(architecture.options)
    return architectures.create(architecture.name, **options)


def _without_weights(architecture: Architecture) -> Architecture:
    options = {k: v for k, v in architecture.options.items() if k != STARTING_WEIGHTS}
    return architecture.model_copy(update={"options": options})
