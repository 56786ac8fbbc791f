"""What has to be known of an encoder of timm before it is built."""

from __future__ import annotations

from typing import Any

import timm
import torch

from architectures.early_fusion import IMAGENET, Normalization
from architectures.encoders import weights
from architectures.errors import ArchitectureError, did_you_mean


def check_name(spec: str, name: str) -> None:
    """Check that timm has a model, and the tag if the name has one.

    Raises:
        ArchitectureError: If not; `spec` is what the line is about.
    """
    model, _, tag = name.partition(".")
    if not timm.is_model(model):
        raise ArchitectureError(
            f"{spec!r}: timm has no model {model!r}{did_you_mean(model, timm.list_models())}"
        )
    if not tag:
        return
    tagged = timm.list_models(f"{model}.*", include_tags=True)
    if name not in tagged:
        raise ArchitectureError(
            f"{spec!r}: timm's {model} has no tag {tag!r} (choices: {', '.join(tagged)})"
        )


def normalization(name: str) -> Normalization:
    """Return the mean and standard deviation that the model's weights expect."""
    settings = timm.get_pretrained_cfg(name)
    return (settings.mean, settings.std) if settings else IMAGENET


def size_options(name: str) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """Find out how the model is made to take images of any size.

    Returns:
        The options to build it with, and the one size (height, width) that it takes even so, or
        None if it takes any.
    """
    settings = timm.get_pretrained_cfg(name)
    if not settings or not settings.fixed_input_size:
        return {}, None
    dynamic: dict[str, Any] = {"dynamic_img_size": True}
    try:
        with torch.device("meta"):
            timm.create_model(name, **dynamic)
    except TypeError:  # its family has no such option
        _, height, width = settings.input_size
        return {}, (height, width)
    return dynamic, None


def weight_options(name: str, encoder_weights: str | None) -> dict[str, Any]:
    """Return the options that make timm load weights when it builds the model.

    Args:
        name: The model, with the tag of the weights if it has more than one.
        encoder_weights: None, "imagenet" for the weights of the tag, or a file's path.

    Raises:
        ArchitectureError: If timm has no weights, they cannot be fetched or read, or do not fit.
    """
    if encoder_weights is None:
        return {}
    if encoder_weights == "imagenet":
        if not timm.models.is_model_pretrained(name):
            raise ArchitectureError(
                f"timm has no weights for {name}; set encoder_weights to 'none'"
            )
        weights.require_hub(name)
        return {"pretrained": True}
    # timm passes over what a file lacks, so the check is made here.
    with torch.device("meta"):
        needed = dict(timm.create_model(name, num_classes=0).named_parameters())
    missing = sorted(needed.keys() - weights.read(encoder_weights).keys())
    if missing:
        raise weights.do_not_fit(encoder_weights, f"{', '.join(missing)} missing")
    return {"pretrained": True, "pretrained_cfg_overlay": {"file": encoder_weights}}
