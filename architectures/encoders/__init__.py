"""Encoders of the published networks, built from timm's parts where it has them."""

from architectures import torchvision_ops

torchvision_ops.define_missing()  # before any module of this package imports timm
