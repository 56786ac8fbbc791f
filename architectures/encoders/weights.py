"""Trained weights for an encoder: those of ImageNet, or a file's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import timm
from huggingface_hub import constants, get_session
from timm.models import adapt_input_conv, load_state_dict

from architectures.errors import ArchitectureError, in_one_line

if TYPE_CHECKING:
    from torch import Tensor, nn

COLORS = 3


def load(encoder: nn.Module, weights: str | None, *, timm_name: str, classifier: str) -> None:
    """Load weights into an encoder whose parameters have the names of timm's model.

    Args:
        encoder: To be changed in place.
        weights: "imagenet", the path of a .safetensors or .pth file, or None to change nothing.
        timm_name: The timm model and tag whose ImageNet weights are meant.
        classifier: Name of the model's classifier, whose weights are left out.

    Raises:
        ArchitectureError: If the weights cannot be fetched or read, or do not fit.
    """
    if weights is None:
        return
    if weights == "imagenet":
        require_hub(timm_name)
        state = timm.create_model(timm_name, pretrained=True).state_dict()
    else:
        state = read(weights)
    state = {name: x for name, x in state.items() if not name.startswith(f"{classifier}.")}
    load_state(encoder, state, source=weights)


def read(path: str) -> dict[str, Tensor]:
    """Return the weights in a .safetensors or .pth file.

    Raises:
        ArchitectureError: If the file is neither.
    """
    try:
        state: dict[str, Tensor] = load_state_dict(path)
    except Exception as error:
        raise ArchitectureError(
            f"encoder_weights={path!r} cannot be read as .safetensors or .pth: {in_one_line(error)}"
        ) from error
    return state


def load_state(encoder: nn.Module, state: dict[str, Tensor], *, source: str) -> None:
    """Load all of an encoder's weights.

    A first convolution that sees more than three channels gets the weights of three repeated and
    scaled down, so that its output stays in range.

    Args:
        encoder: To be changed in place.
        state: Its weights; none may be missing and none left over.
        source: Where they come from, for the error.

    Raises:
        ArchitectureError: If they do not fit.
    """
    shapes = {name: x.shape for name, x in encoder.state_dict().items()}
    fitted = {}
    for name, x in state.items():
        sees_colors = x.ndim == 4 and x.shape[1] == COLORS  # noqa: PLR2004  a convolution's
        fitted[name] = x
        if sees_colors and name in shapes:
            fitted[name] = adapt_input_conv(shapes[name][1], x)
    try:
        encoder.load_state_dict(fitted)
    except RuntimeError as error:
        raise do_not_fit(source, " ".join(str(error).split())) from error


def do_not_fit(source: str, reason: str) -> ArchitectureError:
    """Return the error for weights of another encoder."""
    return ArchitectureError(
        f"encoder_weights={source!r} are not those of this encoder: {reason[:200]}"
    )


def require_hub(name: str) -> None:
    """Check that the hub with the ImageNet weights can be reached, before retrying for a minute.

    With HF_HUB_OFFLINE=1 there is nothing to reach: the weights come from the cache or not at all.

    Raises:
        ArchitectureError: If it cannot be reached.
    """
    if constants.HF_HUB_OFFLINE:
        return
    try:
        get_session().head(constants.ENDPOINT, timeout=10)
    except Exception as error:
        raise ArchitectureError(
            f"cannot reach {constants.ENDPOINT} for the ImageNet weights of {name}; give "
            "encoder_weights a file's path or 'none', or set HF_HUB_OFFLINE=1 to use cached ones "
            f"({in_one_line(error)})"
        ) from error
