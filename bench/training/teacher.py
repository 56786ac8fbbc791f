"""A frozen depth network that judges masks (after Hu et al. 2019).

"Visualization of Convolutional Neural Networks for Monocular Depth Estimation",
https://arxiv.org/abs/1904.03380: a mask is good if the depth network sees the same through it.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from architectures import Prediction
from bench.data.batches import Batch
from bench.errors import TrainingError
from bench.settings.recipe import LossSize
from bench.study.record import Training
from bench.training.multitask_loss import logits_of

MEAN_COLOR = (0.485, 0.456, 0.406)  # of ImageNet: what a hidden pixel shows, 0 once normalised


class TrainedTeacher(NamedTuple):
    """A teacher as all cells of one seed share it.

    Attributes:
        network: with its weights.
        training: that it has them from; None where they come from a file.
        peak_memory_mib: while it trained.
    """

    network: nn.Module
    training: Training | None = None
    peak_memory_mib: float | None = None


class StudentTeacher(nn.Module):
    """A mask network whose depth is what a frozen teacher makes of the masked composite.

    Args:
        student: predicts the mask.
        teacher: predicts depth; it is frozen from here on, its BatchNorms too.
    """

    mean_color: Tensor

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher.requires_grad_(requires_grad=False).eval()
        color = torch.tensor(MEAN_COLOR).view(1, 3, 1, 1)
        self.register_buffer("mean_color", color, persistent=False)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - the overridden signature
        """Set the mode of the student alone."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, background: Tensor, composite: Tensor) -> Prediction:
        """Return the student's mask, and the teacher's depth of what the mask shows.

        The native size of each is that of its own network.

        Raises:
            TrainingError: the student predicts no mask.
        """
        student = self.student(background, composite)
        if student.mask_logits is None:
            raise TrainingError("the network predicts no mask for the teacher to look through")
        visible = student.mask_logits.sigmoid()
        masked = visible * composite + (1 - visible) * self.mean_color
        teacher = self.teacher(background, masked)
        native_mask = student.native_mask_logits
        return Prediction(
            student.mask_logits,
            teacher.depth_logits,
            student.mask_logits if native_mask is None else native_mask,
            teacher.native_depth_logits,
        )

    def pseudo_label(self, batch: Batch, size: LossSize = "full") -> Batch:
        """Return the batch with the teacher's depth of the whole composite as the depth.

        Args:
            batch: whose true depth is replaced.
            size: of the new depth: that of the images, or that of the teacher's last layer.

        Raises:
            TrainingError: the teacher predicts no depth, or not at this size.
        """
        with torch.no_grad():
            prediction = self.teacher(batch.background, batch.composite)
        logits = logits_of(prediction, "depth", size)
        if logits is None:
            raise TrainingError("the teacher predicts no depth")
        depth = logits.float().sigmoid()
        return batch._replace(depth=depth, depth_valid=None)
