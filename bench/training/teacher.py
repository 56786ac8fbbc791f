"""A frozen depth network as the judge of masks (after Hu et al. 2019).

"Visualization of Convolutional Neural Networks for Monocular Depth Estimation",
https://arxiv.org/abs/1904.03380: a mask is good if the depth network sees the same through it.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from architectures import Prediction
from bench.data.batches import Batch

MEAN_COLOR = (0.485, 0.456, 0.406)  # of ImageNet: what a hidden pixel shows, 0 once normalised


class StudentTeacher(nn.Module):
    """A mask network whose depth is what a frozen teacher makes of the masked composite.

    Args:
        student: predicts the mask.
        teacher: predicts depth; it rests from here on, its BatchNorms too.
    """

    mean_color: Tensor

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher.requires_grad_(requires_grad=False).eval()
        color = torch.tensor(MEAN_COLOR).view(1, 3, 1, 1)
        self.register_buffer("mean_color", color, persistent=False)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - the overridden signature
        """Switch the student alone."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, background: Tensor, composite: Tensor) -> Prediction:
        """The student's mask, and the teacher's depth of what that lets through, (B, 1, H, W)."""
        mask_logits = self.student(background, composite).mask_logits
        visible = mask_logits.sigmoid()
        masked = visible * composite + (1 - visible) * self.mean_color
        return Prediction(mask_logits, self.teacher(background, masked).depth_logits)

    def pseudo_label(self, batch: Batch) -> Batch:
        """The batch with the teacher's depth of the whole composite in place of the true one."""
        with torch.no_grad():
            depth = self.teacher(batch.background, batch.composite).depth_logits.float().sigmoid()
        return batch._replace(depth=depth, depth_valid=torch.ones_like(depth))
