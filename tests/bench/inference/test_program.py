"""Programs of a network run without it, and predict what it predicts."""

import sys

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

import architectures
from architectures import Prediction
from bench.errors import InputError
from bench.inference import program
from bench.inference.description import Description
from bench.inference.program import capture

QUICK = {"unet"}


def described(name, size=(64, 64), tasks=("mask", "depth"), **options):
    return Description(
        architecture={"name": name, "options": options},
        image_size=size,
        tasks=tasks,
        precision="float32",
    )


def captured(name, size=(64, 64), **options):
    network = architectures.create(name, **options).eval()
    return network, capture(network, described(name, size, **options))


class Own(nn.Module):
    """Two linear heads on the brightness of both images."""

    def forward(self, background, composite):
        brightness = composite.mean(1, keepdim=True) - background.mean(1, keepdim=True)
        return Prediction(brightness, 3 * brightness)


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in architectures.names()
    ],
)
def test_every_registered_network_runs_as_onnx_at_sizes_that_it_never_saw(name, tmp_path):
    network, found = captured(name, width=0.0625)
    assert found.save_onnx(tmp_path / "model.onnx") <= 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    images = torch.rand(2, 3, 3, 160, 96, generator=torch.Generator().manual_seed(1))
    given = dict(zip(("background", "composite"), images.numpy(), strict=True))
    mask, depth = session.run(["mask", "depth"], given)
    with torch.no_grad():
        expected = network(*images)
    assert np.abs(mask - expected.mask_logits.sigmoid().numpy()).max() <= 1e-4
    assert np.abs(depth - expected.depth_logits.sigmoid().numpy()).max() <= 1e-4


def test_a_torch_program_is_called_by_name_and_says_how(tmp_path):
    found = capture(Own().eval(), described("own"))
    assert found.save(tmp_path / "model.pt2") == 0
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    dark, bright = torch.zeros(1, 3, 96, 64), torch.ones(1, 3, 96, 64)
    maps = loaded(background=dark, composite=bright)
    assert maps["mask"][0, 0, 0, 0].item() == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)
    assert maps["depth"][0, 0, 0, 0].item() == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-6)
    assert found.usage.startswith(
        "float32 images `background`, `composite` in, by name, of (B, 3, H, W) in [0, 1], sides "
        "that are multiples of 32 from 64 to 4096 px; `mask`, `depth` out"
    )


def test_a_network_of_the_composite_alone_has_one_image_and_its_own_tasks(tmp_path):
    found = capture(Own().eval(), described("own", tasks=("depth",), inputs="composite"))
    assert found.save_onnx(tmp_path / "model.onnx") <= 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert [image.name for image in session.get_inputs()] == ["composite"]
    assert [image.name for image in session.get_outputs()] == ["depth"]


class OfOneSize(nn.Module):
    """Its weights belong to the 64 x 96 pixels."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 64 * 96).view(1, 1, 64, 96))

    def forward(self, background, composite):
        logits = self.weight * composite.mean(1, keepdim=True)
        return Prediction(logits, logits)


def test_a_network_of_one_size_is_captured_for_batches_of_any_length(tmp_path):
    found = capture(OfOneSize().eval(), described("own", size=(64, 96)))
    assert found.takes == "64x96 px only"
    found.save(tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    images = torch.rand(5, 3, 64, 96)
    assert loaded(background=images, composite=images)["mask"].shape == (5, 1, 64, 96)


def test_images_of_another_size_than_multiples_of_32_px_are_taken_at_that_size(tmp_path):
    found = capture(Own().eval(), described("own", size=(40, 72)))
    assert found.takes == "40x72 px only"
    assert found.save(tmp_path / "model.pt2") == 0


class Branching(nn.Module):
    def forward(self, background, composite):
        if composite.mean() > background.mean():
            return Prediction(composite[:, :1], composite[:, 1:2])
        return Prediction(background[:, :1], background[:, 1:2])


def test_a_network_that_cannot_be_captured_is_one_line():
    with pytest.raises(InputError, match=r"torch\.export cannot capture the network: ") as caught:
        capture(Branching().eval(), described("own"))
    assert "\n" not in str(caught.value)


def test_a_program_that_predicts_otherwise_is_refused(tmp_path, monkeypatch):
    found = capture(Own().eval(), described("own"))
    monkeypatch.setattr(Own, "forward", lambda self, b, c: Prediction(c[:, :1], c[:, 1:2]))
    for save in (found.save, found.save_onnx):
        with pytest.raises(InputError, match="predicts another mask than the network, by 0"):
            save(tmp_path / "model")


def test_what_is_not_a_number_is_refused(tmp_path, monkeypatch):
    found = capture(Own().eval(), described("own"))
    nothing = torch.full((2, 1, 64, 64), torch.nan)
    monkeypatch.setattr(Own, "forward", lambda self, b, c: Prediction(nothing, nothing))
    with pytest.raises(InputError, match="by nan"):
        found.save(tmp_path / "model")


def test_without_its_libraries_onnx_says_how_to_have_them(tmp_path, monkeypatch):
    found = capture(Own().eval(), described("own"))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"needs onnxruntime: pip install -e '\.\[export\]'"):
        found.save_onnx(tmp_path / "model.onnx")
    assert program.TOLERANCE == 1e-4  # as the README states it
