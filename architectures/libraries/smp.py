"""Networks of segmentation-models-pytorch: `smp:DECODER/ENCODER`."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings

import segmentation_models_pytorch
import timm
import torch
from segmentation_models_pytorch.encoders import encoders

from architectures.contract import TASKS
from architectures.early_fusion import IMAGENET, EarlyFusion, image_channels
from architectures.encoders import weights
from architectures.errors import ArchitectureError, did_you_mean, in_one_line
from architectures.libraries import timm_encoder
from architectures.libraries.any_size import Sizes, at_any_size
from architectures.libraries.timm import TimmNetwork
from architectures.libraries.trial import check_runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

DECODERS = (
    "DPT",
    "DeepLabV3",
    "DeepLabV3Plus",
    "FPN",
    "Linknet",
    "MAnet",
    "PAN",
    "PSPNet",
    "Segformer",
    "UPerNet",
    "Unet",
    "UnetPlusPlus",
)
ENCODERS = tuple(encoders)

TIMM = "tu-"
"""How smp marks an encoder of timm."""

DILATING = ("DeepLabV3", "DeepLabV3Plus", "PAN")
"""Decoders that have the encoder's last stages dilated."""

COARSEST = 32
"""Encoders halve the size five times at most."""

PAN_POOLING = 8
"""PAN halves its encoder's output three times more."""


def create(
    name: str,
    /,
    *,
    inputs: str = "pair",
    tasks: tuple[str, ...] = TASKS,
    encoder_weights: str | None = None,
) -> nn.Module:
    """A decoder and an encoder of segmentation-models-pytorch, with one output channel per task.

    Library: https://github.com/qubvel-org/segmentation_models.pytorch, whose initialisation and
    settings are kept. Images are padded to the sizes the network takes and the logits cropped;
    for encoders that take one size only, and where PAN needs a larger one, both are resized.
    Colors are normalised as the encoder's weights expect it: by timm's settings for its encoders
    (`tu-...`), by ImageNet's for all others. PAN takes its encoder at output stride 32 where that
    cannot be dilated to 16.

    Args:
        name: "DECODER/ENCODER", such as "Unet/resnet34" or
            "DPT/tu-vit_small_patch16_224.augreg_in21k".
        inputs: "pair" or "composite".
        tasks: Those to predict.
        encoder_weights: None, "imagenet" (for timm's encoders: the weights of their tag) or the
            path of a file with the encoder's weights.

    Raises:
        ArchitectureError: If there is no such decoder or encoder, or no such weights; or smp cannot
            build or run the pair, and the line says what there is of its encoder.
    """
    check_name(name)
    decoder, encoder = name.split("/", 1)
    try:
        network = SmpNetwork(
            decoder, encoder, inputs=inputs, tasks=tasks, encoder_weights=encoder_weights
        )
        check_runs(network)
    except ArchitectureError:
        raise
    except Exception as error:
        advice = "" if encoder_weights else _instead_of(decoder, encoder)
        raise ArchitectureError(
            f"'smp:{name}' cannot be built: {in_one_line(error)}{advice}"
        ) from error
    return network


def _instead_of(decoder: str, encoder: str) -> str:
    """Return the end of a line about a pair that cannot be built: what can be, of this encoder.

    Networks of timm's encoders are tried out without memory or time for weights.
    """
    is_timms = encoder.startswith(TIMM)
    timm_name = encoder.removeprefix(TIMM)
    options: dict[str, Any] = {"inputs": "pair", "tasks": TASKS, "encoder_weights": None}
    tries: dict[str, Callable[[], nn.Module]] = {
        f"smp:{other}/{encoder}": partial(SmpNetwork, other, encoder, **options)
        for other in ("Unet", *(["DPT"] if is_timms else ["FPN"]))
        if other != decoder
    }
    if is_timms:
        tries[f"timm:{timm_name}"] = partial(TimmNetwork, timm_name, **options)
    working = []
    for spec, build in tries.items():
        with (
            suppress(Exception),
            catch_warnings(action="ignore"),
            torch.device("meta") if is_timms else nullcontext(),
        ):
            check_runs(build())
            working.append(spec)
    return f"; of this encoder there is {' or '.join(working)}" if working else ""


def names() -> list[str]:
    """Return every "DECODER/ENCODER" by name; some pairs cannot be built."""
    timms = [TIMM + encoder for encoder in timm.list_models()]
    return [
        f"{decoder}/{encoder}"
        for decoder in DECODERS
        for encoder in (timms if decoder == "DPT" else [*ENCODERS, *timms])
    ]


def check_name(name: str) -> None:
    """Check that there are such a decoder and such an encoder.

    Raises:
        ArchitectureError: If not.
    """
    decoder, slash, encoder = name.partition("/")
    if not slash or not encoder:
        raise ArchitectureError(
            f"'smp:{name}' names no encoder; write smp:DECODER/ENCODER, such as smp:Unet/resnet34"
        )
    if decoder not in DECODERS:
        raise ArchitectureError(
            f"'smp:{name}': smp has no decoder {decoder!r}{did_you_mean(decoder, DECODERS)} "
            f"(choices: {', '.join(DECODERS)})"
        )
    if encoder.startswith(TIMM):
        timm_encoder.check_name(f"smp:{name}", encoder.removeprefix(TIMM))
    elif encoder not in ENCODERS:
        raise ArchitectureError(
            f"'smp:{name}': smp has no encoder {encoder!r}"
            f"{did_you_mean(encoder, ENCODERS)} (timm's are written {TIMM}NAME)"
        )


class SmpNetwork(EarlyFusion):
    """One smp model whose output channels are the tasks, in the order of `tasks`."""

    def __init__(
        self,
        decoder: str,
        encoder: str,
        *,
        inputs: str,
        tasks: tuple[str, ...],
        encoder_weights: str | None,
    ) -> None:
        is_timms = encoder.startswith(TIMM)
        timm_name = encoder.removeprefix(TIMM)
        super().__init__(
            inputs=inputs,
            normalization=timm_encoder.normalization(timm_name) if is_timms else IMAGENET,
        )
        self.tasks = tasks
        options: dict[str, Any] = {
            "encoder_name": encoder,
            "encoder_weights": None,
            "in_channels": image_channels(inputs),
            "classes": len(tasks),
        }
        only = None
        if is_timms:
            size_options, only = timm_encoder.size_options(timm_name)
            source = timm_encoder.weight_options(timm_name, encoder_weights)
            options["encoder_weights"] = source.pop("pretrained", None)
            options |= size_options | source
        elif encoder_weights == "imagenet":
            weights.require_hub(encoder)
            options["encoder_weights"] = "imagenet"
        self.network = _built(decoder, options)
        if decoder == "DPT":  # its transformer comes with a last normalisation and a classifier
            self.network.encoder.model.prune_intermediate_layers(1, prune_norm=True)
        if encoder_weights is not None and encoder_weights != "imagenet" and not is_timms:
            state = weights.read(encoder_weights)
            weights.load_state(self.network.encoder, state, source=encoder_weights)
        self.sizes = _sizes(decoder, self.network.encoder.output_stride, only)

    def predict(self, image: Tensor) -> dict[str, Tensor]:
        """Run the one model and split its output by task."""
        logits = at_any_size(self.network, image, self.sizes)
        return {task: logits[:, i : i + 1] for i, task in enumerate(self.tasks)}


def _built(decoder: str, options: dict[str, Any]) -> Any:
    build = partial(getattr(segmentation_models_pytorch, decoder), **options)
    if decoder not in DILATING:
        return build()
    try:
        return build()
    except Exception as error:  # each family of encoders has its own way to say that it cannot
        if decoder == "PAN":
            return build(encoder_output_stride=32)
        reason = f"{decoder} needs an encoder that can be dilated ({in_one_line(error)})"
        raise RuntimeError(reason) from error


def _sizes(decoder: str, output_stride: int, only: tuple[int, int] | None) -> Sizes:
    if only is not None:
        return Sizes(multiple=1, only=only)
    if decoder == "PAN":
        return Sizes(multiple=COARSEST, smallest=PAN_POOLING * output_stride)
    return Sizes(multiple=2 * output_stride if decoder == "DPT" else COARSEST)
