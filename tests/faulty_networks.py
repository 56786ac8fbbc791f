"""A sound network, and networks with one planted fault each."""

import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from architectures import Prediction


class Sound(nn.Module):
    """An encoder and a convolution for each head."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(6, 8, 5, padding=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(0.1)
        )
        self.mask_head = nn.Conv2d(8, 1, 5, padding=2)
        self.depth_head = nn.Conv2d(8, 1, 5, padding=2)

    def encode(self, images):
        return self.encoder(images)

    def predict(self, features):
        return Prediction(self.mask_head(features), self.depth_head(features))

    def forward(self, background, composite):
        return self.predict(self.encode(torch.cat([composite, background], 1)))


class DeadHead(Sound):
    def __init__(self):
        super().__init__()
        self.depth_head = nn.Conv2d(1, 1, 1)

    def predict(self, features):
        return Prediction(
            self.mask_head(features), self.depth_head(torch.ones_like(features[:, :1]))
        )


class Slow(Sound):
    def encode(self, images):
        time.sleep(0.2)
        return super().encode(images)


class SlowDeadHead(Slow, DeadHead):
    pass


class WrongSize(Sound):
    def predict(self, features):
        return super().predict(F.avg_pool2d(features, 2))


class WrongOddSize(Sound):
    def predict(self, features):
        return super().predict(F.interpolate(F.avg_pool2d(features, 2), scale_factor=2))


class CrashesAtOddSizes(Sound):
    def predict(self, features):
        return super().predict(features + F.interpolate(F.avg_pool2d(features, 2), scale_factor=2))


class InPlace(Sound):
    def predict(self, features):
        gate = features.sigmoid()
        gate += 1
        return super().predict(features * gate)


class RandomInEvaluation(Sound):
    def predict(self, features):
        found = super().predict(features)
        noise = 0.01 * torch.randn_like(found.depth_logits)
        return found._replace(depth_logits=found.depth_logits + noise)


class UnseededWeights(Sound):
    def __init__(self):
        super().__init__()
        noise = np.random.default_rng().normal(size=(1, 8, 5, 5)).astype(np.float32)
        self.mask_head.weight.data = 0.01 * torch.from_numpy(noise)


class UnseededDropout(Sound):
    def predict(self, features):
        keep = np.random.default_rng().uniform() if self.training else 1.0
        return super().predict(features * keep)


class NeedsFloat32(Sound):
    def predict(self, features):
        order = torch.arange(features.shape[1])
        return super().predict(torch.zeros(features.shape).index_add(1, order, features))


class DetachedEncoder(Sound):
    def encode(self, images):
        return super().encode(images).detach()


class DetachedHead(Sound):
    def predict(self, features):
        found = super().predict(features)
        return found._replace(mask_logits=found.mask_logits.detach())


class UnusedLayers(Sound):
    def __init__(self):
        super().__init__()
        self.classifier = nn.Linear(8, 1000)
        self.scale = nn.Parameter(torch.ones(3))


class ZeroAtTheStart(Sound):
    """No fault: gradients reach the encoder once the heads have moved."""

    def __init__(self):
        super().__init__()
        nn.init.zeros_(self.mask_head.weight)
        nn.init.zeros_(self.depth_head.weight)


class FrozenEncoder(Sound):
    def __init__(self):
        super().__init__()
        self.encoder[0].requires_grad_(False)  # noqa: FBT003 - the only spelling


class BranchesOnValues(Sound):
    def predict(self, features):
        if features.mean() > 0:
            features = features + 1
        return super().predict(features)


class NoDepth(Sound):
    def predict(self, features):
        return Prediction(self.mask_head(features), None)


class Pair(Sound):
    def predict(self, features):
        return tuple(super().predict(features))


class NotANumber(Sound):
    def predict(self, features):
        return super().predict(features / torch.zeros(()))


class CannotLearn(Sound):
    """Sees the images, but shuffles the places of what it saw."""

    def predict(self, features):
        generator = torch.Generator().manual_seed(0)
        order = torch.randperm(features[0, 0].numel(), generator=generator)
        return super().predict(features.flatten(2)[:, :, order].view_as(features))


class OfFewParameters(nn.Module):
    """No fault: 586 parameters, which see five pixels of 32 and cannot know where these are."""

    def __init__(self, channels=8):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(6, channels, 3, padding=1), nn.ReLU())
        self.mask_head = nn.Conv2d(channels, 1, 3, padding=1)
        self.depth_head = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, background, composite):
        features = self.body(torch.cat([background, composite], 1))
        return Prediction(self.mask_head(features), self.depth_head(features))


class OfTwoChannels(OfFewParameters):
    """No fault: 148 parameters."""

    def __init__(self):
        super().__init__(channels=2)


class ReturnsProbabilities(OfFewParameters):
    def forward(self, background, composite):
        found = super().forward(background, composite)
        return Prediction(found.mask_logits.sigmoid(), found.depth_logits.sigmoid())


class LearnsPlacesOnly(nn.Module):
    """Learns what is likely where; of the images it sees how bright they are, and no more."""

    def __init__(self):
        super().__init__()
        self.places = nn.Parameter(torch.zeros(2, 1, 1, 32, 32))

    def forward(self, background, composite):
        light = 0.1 * composite.mean((1, 2, 3), keepdim=True)
        mask, depth = 20 * self.places + light
        return Prediction(mask, depth)
