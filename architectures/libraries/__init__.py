"""Networks of other libraries, by name: decoders and encoders of smp, encoders of timm."""

from architectures import torchvision_ops

torchvision_ops.define_missing()  # before any module of this package imports timm or smp
