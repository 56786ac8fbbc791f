"""A trained network as a program that runs without this project: of torch.export, or ONNX."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

from bench.errors import InputError, needs_extra
from bench.inference.description import Description
from bench.settings.base import Size

STEP = 32  # px: sides of any multiple are taken, as most encoders halve an image five times
FEWEST_STEPS, MOST_STEPS = 2, 128  # a side has; with one, some networks end in a single row
TRACED_SIZE = (3 * STEP, 5 * STEP)  # px; two lengths that no network could mistake for fixed ones
ORIGINS = ("stack_trace", "nn_module_stack", "source_fn_stack")  # name files of this machine
TOLERANCE = 1e-4  # of a probability or a depth, between a program and the network

Images = dict[str, Tensor]
Maps = dict[str, Tensor]
Run = Callable[[Images], Mapping[str, Tensor]]


class InUnitRange(nn.Module):
    """A network by plain names, with images and predictions in [0, 1].

    Args:
        network: as `architectures` has it.
        tasks: that it was trained for.
    """

    def __init__(self, network: nn.Module, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self.tasks = tasks

    def forward(self, composite: Tensor, background: Tensor | None = None) -> Maps:
        """Return ``mask``, the probability of the object, and ``depth``, (B, 1, H, W) each.

        Args:
            composite: (B, 3, H, W).
            background: the same; None of a network that does not look at it.
        """
        behind = torch.zeros_like(composite) if background is None else background
        prediction = self.network(behind, composite)
        logits = {"mask": prediction.mask_logits, "depth": prediction.depth_logits}
        return {task: logits[task].float().sigmoid() for task in self.tasks}


@dataclass(frozen=True)
class Program:
    """A network, captured.

    Attributes:
        module: what was captured.
        exported: the program.
        inputs: the names of its images.
        sizes: (batch, height, width) of images that it takes, at which it is checked.
        takes: in words, of which size the images may be.
    """

    module: InUnitRange
    exported: ExportedProgram
    inputs: tuple[str, ...]
    sizes: tuple[tuple[int, int, int], ...]
    takes: str

    @property
    def usage(self) -> str:
        """How it is called, for whoever has only its file."""
        inputs, outputs = (
            ", ".join(f"`{name}`" for name in names) for names in (self.inputs, self.module.tasks)
        )
        return (
            f"float32 images {inputs} in, by name, of (B, 3, H, W) in [0, 1], {self.takes}; "
            f"{outputs} out, (B, 1, H, W) in [0, 1]."
        )

    def save(self, path: Path) -> float:
        """Write it for `torch.export.load`, load it again and compare.

        Returns:
            The largest difference of a probability or a depth from the network's.

        Raises:
            InputError: it is more than `TOLERANCE`.
        """
        torch.export.save(self.exported, path)
        loaded = torch.export.load(path).module()
        return self._largest_difference("torch.export", lambda images: loaded(**images))

    def save_onnx(self, path: Path) -> float:
        """Write it as ONNX, run it in onnxruntime and compare; the rest is as `save` has it.

        Raises:
            InputError: it differs, cannot be expressed in ONNX, or a library is missing.
        """
        try:
            import onnxruntime  # noqa: PLC0415 - an extra
            import onnxscript  # noqa: F401, PLC0415 - torch needs it
        except ImportError as error:
            raise needs_extra("--format onnx", str(error.name), "export") from None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of torch about its own code
                made = torch.onnx.export(
                    self.exported,
                    input_names=self.inputs,
                    output_names=self.module.tasks,
                    dynamo=True,
                    verbose=False,
                )
        except torch.onnx.errors.OnnxExporterError as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"--format onnx: cannot be expressed in ONNX: {reason}") from None
        assert made is not None  # as it is with dynamo  # noqa: S101
        made.save(path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

        def run(images: Images) -> Maps:
            arrays = {name: image.numpy() for name, image in images.items()}
            found = session.run(list(self.module.tasks), arrays)
            return dict(zip(self.module.tasks, map(torch.from_numpy, found), strict=True))

        return self._largest_difference("ONNX", run)

    def _largest_difference(self, what: str, run: Run) -> float:
        random = torch.Generator().manual_seed(0)
        largest = 0.0
        for batch, height, width in self.sizes:
            images = _images(self.inputs, (batch, height, width), random)
            with torch.no_grad():
                expected, found = self.module(**images), run(images)
            for task, values in expected.items():
                difference = (found[task] - values).abs().max().item()
                if not difference <= TOLERANCE:  # one that is not a number is none
                    raise InputError(
                        f"the {what} program predicts another {task} than the network, by "
                        f"{difference:.2g} at {height}x{width} px, and {TOLERANCE:g} is allowed"
                    )
                largest = max(largest, difference)
        return largest


def capture(network: nn.Module, description: Description) -> Program:
    """Capture a network for batches of any length and, if it can be, images of many sizes.

    It computes in float32, whatever it was trained in.

    Args:
        network: on the CPU, in evaluation mode.
        description: of it.

    Raises:
        InputError: `torch.export` cannot capture it.
    """
    module = InUnitRange(network, description.tasks).eval()
    inputs = ("background", "composite") if description.needs_background else ("composite",)
    height, width = description.image_size
    batch = Dim("batch")
    fewest, most = FEWEST_STEPS * STEP, MOST_STEPS * STEP
    if all(side % STEP == 0 and side >= fewest for side in (height, width)):
        rows, columns = (
            STEP * Dim(side, min=FEWEST_STEPS, max=MOST_STEPS) for side in ("rows", "columns")
        )
        try:
            return Program(
                module,
                _export(module, inputs, TRACED_SIZE, {0: batch, 2: rows, 3: columns}),
                inputs,
                ((2, height, width), (1, height + STEP, width + 2 * STEP)),
                f"sides that are multiples of {STEP} from {fewest} to {most} px",
            )
        except Exception:  # noqa: BLE001 - whatever torch raises: it may work at one size
            torch._dynamo.reset()  # noqa: SLF001 - has no public name
    try:
        exported = _export(module, inputs, description.image_size, {0: batch})
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"torch.export cannot capture the network: {reason}") from error
    sizes = ((2, height, width), (3, height, width))
    return Program(module, exported, inputs, sizes, f"{height}x{width} px only")


def _export(
    module: nn.Module, inputs: tuple[str, ...], size: Size, free: dict[int, Any]
) -> ExportedProgram:
    """Capture a module; ``free`` are the dimensions of its images that may have other lengths."""
    images = _images(inputs, (2, *size), torch.Generator().manual_seed(0))
    with torch.no_grad():
        exported = torch.export.export(
            module, (), kwargs=images, dynamic_shapes=dict.fromkeys(inputs, free)
        )
    for part in exported.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, GraphModule) else ():
            for origin in ORIGINS:
                node.meta.pop(origin, None)
    return exported


def _images(
    names: tuple[str, ...], shape: tuple[int, int, int], random: torch.Generator
) -> dict[str, Tensor]:
    batch, *size = shape
    return {name: torch.rand(batch, 3, *size, generator=random) for name in names}
