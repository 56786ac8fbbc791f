"""Makes torchvision importable beside a torch its compiled operators were not built for.

timm and segmentation-models-pytorch import torchvision. The torchvision of PyPI is built for CUDA;
beside a CPU-only torch its compiled operators do not load, and the import itself then fails with
`operator torchvision::nms does not exist`, because torchvision describes `nms` and `qnms` to the
compiler without having them. Nothing here uses these operators, so declaring them is enough.
"""

from __future__ import annotations

import torch

_MISSING = "operator torchvision::nms does not exist"
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def define_missing() -> None:
    """Import torchvision, declaring its operators first if they are the reason that it cannot be.

    Does nothing but the import where the operators load. To be called before the first import of
    timm or segmentation-models-pytorch; later calls cost nothing.

    Raises:
        ImportError: If torchvision is not installed.
        RuntimeError: If torchvision cannot be imported for any other reason.
    """
    try:
        import torchvision  # noqa: PLC0415  whether it can be imported is the question
    except RuntimeError as error:
        if _MISSING not in str(error):
            raise
        for operator in ("nms", "qnms"):
            torch.library.define(f"torchvision::{operator}", _SCHEMA)
        import torchvision  # noqa: F401, PLC0415
