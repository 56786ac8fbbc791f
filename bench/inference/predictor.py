"""Masks and depth of pictures of any size, by a network that was trained."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bench.data import images
from bench.data.images import Pixels
from bench.errors import InputError
from bench.inference.description import Description
from bench.inference.pictures import Picture, open_picture
from bench.machine.precision import autocast, number_format
from bench.settings.base import Size

Map = npt.NDArray[np.float32]


class PredictedMaps(NamedTuple):
    """What a network sees in a picture, at the picture's own size.

    Attributes:
        mask: (H, W) float32, the probability that a pixel shows the object; None of a network that
            was not trained for it.
        depth: (H, W) float32 in [0, 1], 0 near; None likewise.
    """

    mask: Map | None
    depth: Map | None


class Predictor:
    """A trained network on a device.

    Args:
        network: takes background and composite, (B, 3, H, W) in [0, 1] each, and returns an
            `architectures.Prediction`.
        description: what it sees, and what it was trained for.
        device: where to compute.

    Attributes:
        network: in evaluation mode, on the device.
    """

    def __init__(self, network: nn.Module, description: Description, device: torch.device) -> None:
        self.network = network.eval().to(device)
        self.description = description
        self.device = device

    def __call__(
        self,
        composite: str | Path | Pixels | Picture,
        background: str | Path | Pixels | Picture | None = None,
    ) -> PredictedMaps:
        """Predict the mask and depth of one picture.

        It is brought to the size of the training images as those were, predicted in the format of
        numbers of the training, and what comes out is brought back.

        Args:
            composite: the scene with the object: a file, or an array (H, W, 3) uint8, RGB.
            background: the scene without it; None if the network does not look at it.

        Raises:
            InputError: a picture cannot be read, or the background is missing.
        """
        if background is None and self.description.needs_background:
            raise InputError(
                f"has no background: {self.description.architecture.label} compares two images, of "
                "one scene with and without the object; in folders they have the same name, and a "
                "dataset's zip tells which belong together"
            )
        picture = _as_picture(composite)
        with_object = self._image(picture)
        # A network that needs none was trained beside zeros where the archive had none.
        without = torch.zeros_like(with_object)
        if background is not None:
            without = self._image(_as_picture(background))
        precision = self.description.precision
        with torch.inference_mode(), number_format(precision), autocast(self.device, precision):
            prediction = self.network(without, with_object)
        size = picture.size if isinstance(picture, Picture) else picture.shape[:2]
        return PredictedMaps(
            mask=self._map("mask", prediction.mask_logits, size),
            depth=self._map("depth", prediction.depth_logits, size),
        )

    def _image(self, picture: Picture | Pixels) -> Tensor:
        """A picture at the network's size, (1, 3, H, W) float32 in [0, 1]."""
        size = self.description.image_size
        small = picture.at(size) if isinstance(picture, Picture) else images.resize(picture, size)
        pixels = torch.from_numpy(np.require(small, requirements=["C", "W"])).to(self.device)
        return pixels.permute(2, 0, 1)[None] / 255  # as `bench.data.stored_images` has it

    def _map(self, task: str, logits: Tensor | None, size: Size) -> Map | None:
        if task not in self.description.tasks or logits is None:
            return None
        if not logits.isfinite().all():
            raise InputError(f"the {task} that the network predicts is not finite")
        predicted: Map = logits[0, 0].float().sigmoid().cpu().numpy()
        return images.resize(predicted, size)


def _as_picture(picture: str | Path | Pixels | Picture) -> Picture | Pixels:
    if isinstance(picture, str | Path):
        return open_picture(Path(picture))
    if isinstance(picture, Picture):
        return picture
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:  # noqa: PLR2004
        raise InputError(
            f"a picture is an array (H, W, 3) uint8, not {picture.shape} {picture.dtype}"
        )
    return picture
