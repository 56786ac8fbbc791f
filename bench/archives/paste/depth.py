"""Depth of real images, predicted by a network from transformers and coded for the archive."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from architectures import torchvision_ops
from bench.data.images import Depth, Pixels
from bench.errors import InputError, needs_extra

Near = Literal["low", "high"]

MAXIMUM = 65535
"""The largest 16-bit value: the far end, unless a metric model's range ends before."""
INVALID = 0
"""The value of pixels without a prediction; predictions begin at 1."""


class DepthModel:
    """A depth network of transformers, from a local folder or by its name on the hub.

    A metric model's metres are coded in millimetres, up to the range in its configuration and to
    65.535 m at most: one scale for all images. A relative model's values have no common scale, so
    each image's own least and greatest become the two ends. Most such models (Depth Anything,
    DPT, MiDaS) predict inverse depth: near is high, and is turned round here. What they give is
    then the order of things in depth, not their distance.

    Attributes:
        coding: the section ``depth`` of ``dataset.json``.
        batch_size: how many images go through the network at once.

    Args:
        name: the folder or the hub's name.
        near: which end of a relative model's values is near; None: high.
        batch_size: see the attribute.
        device: what the network runs on.

    Raises:
        InputError: transformers is missing, or the model cannot be had or predicts no depth.
    """

    def __init__(
        self, name: str, *, near: str | None, batch_size: int, device: torch.device
    ) -> None:
        if near not in {None, *get_args(Near)}:
            raise InputError(f"--depth-near: is high or low, not {near!r}")
        self.batch_size = batch_size
        self._name = name
        self._device = device
        self._processor, self._network = _load(name)
        self._network.eval().to(device)
        self._furthest_m = _furthest_m(self._network.config)
        if self._furthest_m is not None and near is not None:
            raise InputError(f"--depth-near: {name} predicts metres, of which the low are near")
        self._near: Near = "low" if near == "low" else "high"
        self.coding: dict[str, str | int] = {
            "kind": "predicted",
            "unit": "relative" if self._furthest_m is None else "mm",
            "maximum": MAXIMUM if self._furthest_m is None else round(1000 * self._furthest_m),
            "near": "low",
            "invalid": INVALID,
            "model": Path(name).name if Path(name).is_dir() else name,
            "batch_size": batch_size,
        }
        if self._furthest_m is None:
            self.coding |= {"range": "each image's own", "model_near": self._near}

    def coded(self, images: list[Pixels]) -> list[npt.NDArray[np.uint16]]:
        """The depth (H, W) of each image (H, W, 3), near low, 0 where it is not finite.

        Raises:
            InputError: the model cannot be run on images alone.
        """
        predictions = self._predict(images)
        if self._furthest_m is None:
            return [code_relative(prediction, near=self._near) for prediction in predictions]
        return [code_metric(prediction, furthest_m=self._furthest_m) for prediction in predictions]

    @torch.inference_mode()
    def _predict(self, images: list[Pixels]) -> list[Depth]:
        sizes = [image.shape[:2] for image in images]
        images = [np.ascontiguousarray(image) for image in images]
        try:
            inputs = self._processor(images=images, return_tensors="pt").to(self._device)
            # By position, as processors differ in whether these sizes are called source or target.
            outputs = self._processor.post_process_depth_estimation(self._network(**inputs), sizes)
        except (TypeError, ValueError, RuntimeError) as error:
            first = str(error).partition("\n")[0]
            raise InputError(f"--depth-model: {self._name} failed on an image: {first}") from None
        maps = [output["predicted_depth"].float() for output in outputs]
        return [
            np.asarray(
                F.interpolate(depth[None, None], size, mode="bilinear")[0, 0].cpu(), np.float32
            )
            for depth, size in zip(maps, sizes, strict=True)
        ]


def code_relative(prediction: Depth, *, near: Near) -> npt.NDArray[np.uint16]:
    """Stretch a prediction (H, W) from its nearest to its furthest over 1 to 65535.

    Pixels that are not finite become 0, and so does an image of one value, which tells no depth.
    """
    finite = np.isfinite(prediction)
    values = prediction[finite].astype(np.float64)
    coded = np.full(prediction.shape, INVALID, np.uint16)
    if values.size and values.min() < values.max():
        share = (values - values.min()) / (values.max() - values.min())
        far = share if near == "low" else 1 - share
        coded[finite] = 1 + np.round(far * (MAXIMUM - 1))
    return coded


def code_metric(prediction: Depth, *, furthest_m: float) -> npt.NDArray[np.uint16]:
    """Turn metres (H, W) into millimetres, from 1 to the furthest; not finite ones become 0."""
    finite = np.isfinite(prediction)
    coded = np.full(prediction.shape, INVALID, np.uint16)
    coded[finite] = np.clip(np.round(1000 * prediction[finite]), 1, round(1000 * furthest_m))
    return coded


def _load(name: str) -> tuple[Any, Any]:
    """The model's image processor and network."""
    torchvision_ops.define_missing()  # before transformers imports torchvision
    try:
        transformers: Any = importlib.import_module("transformers")  # an optional extra
    except ImportError:
        raise needs_extra("--depth-model", "transformers", "depth") from None
    transformers.logging.set_verbosity_error()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of every new try
    if not sys.stderr.isatty():
        transformers.logging.disable_progress_bar()
    try:
        config = transformers.AutoConfig.from_pretrained(name)
        network = transformers.AutoModelForDepthEstimation.from_pretrained(name, config=config)
        processor = transformers.AutoImageProcessor.from_pretrained(name)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        first = str(error).strip().partition("\n")[0]
        raise InputError(
            f"--depth-model: {name} is no folder with a depth model of transformers, nor can one "
            f"of that name be fetched ({first})"
        ) from None
    return processor, network


def _furthest_m(config: Any) -> float | None:
    """Where a metric model's range is cut off [m]; None for a model of relative depth."""
    if getattr(config, "depth_estimation_type", "metric") != "metric":
        return None
    if config.model_type == "depth_pro":  # metric, without an end
        return MAXIMUM / 1000
    if config.model_type == "zoedepth":
        furthest = max(bins["max_depth"] for bins in config.bin_configurations)
    else:
        furthest = getattr(config, "max_depth", None)
    return None if furthest is None else min(float(furthest), MAXIMUM / 1000)
