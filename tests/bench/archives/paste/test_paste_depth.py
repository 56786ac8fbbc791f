"""Depth by a model: its coding by hand, and small random models saved on the spot."""

import io
import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from architectures import torchvision_ops
from bench.archives.paste import Settings, make
from bench.archives.paste.depth import DepthModel, code_metric, code_relative
from bench.errors import InputError

CPU = torch.device("cpu")


def test_relative_depth_runs_from_the_nearest_to_the_furthest():
    inverse = np.array([[4.0, 2.0], [2.0, np.nan], [np.inf, 0.0]], np.float32)
    # the middle: 1 + 65534 / 2
    assert code_relative(inverse, near="high").tolist() == [[1, 32768], [32768, 0], [0, 65535]]
    assert code_relative(inverse, near="low").tolist() == [[65535, 32768], [32768, 0], [0, 1]]


def test_a_image_of_one_value_or_of_none_has_no_reading():
    assert not code_relative(np.full((2, 2), 3, np.float32), near="high").any()
    assert not code_relative(np.full((2, 2), np.nan, np.float32), near="high").any()


def test_metric_depth_is_in_millimetres_on_one_scale():
    metres = np.array([[0.0, 1.2344], [10.0, 11.0], [np.nan, -np.inf]], np.float32)
    assert code_metric(metres, furthest_m=10.0).tolist() == [[1, 1234], [10000, 10000], [0, 0]]


@pytest.fixture(scope="module")
def transformers():
    torchvision_ops.define_missing()
    return pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def relative(transformers, tmp_path_factory):
    """A DPT of 4 narrow layers: inverse depth, without a scale."""
    folder = tmp_path_factory.mktemp("models") / "relative"
    config = transformers.DPTConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        is_hybrid=False,
        use_auxiliary_head=False,
        initializer_range=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.DPTForDepthEstimation(config).save_pretrained(folder)
    processor = transformers.DPTImageProcessor(
        size={"height": 32, "width": 32}, keep_aspect_ratio=False
    )
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def metric(transformers, tmp_path_factory):
    """A narrow GLPN: metres, up to 10."""
    folder = tmp_path_factory.mktemp("models") / "metric"
    config = transformers.GLPNConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 8, 8],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8,
        max_depth=10,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.GLPNForDepthEstimation(config).save_pretrained(folder)
    transformers.GLPNImageProcessor().save_pretrained(folder)
    return folder


def open_model(folder, near=None, batch_size=2):
    return DepthModel(str(folder), near=near, batch_size=batch_size, device=CPU)


@pytest.fixture
def scenes():
    random = np.random.default_rng(0)
    return [random.integers(0, 255, (40, 48, 3), np.uint8) for _ in range(2)]


def test_a_relative_model_is_turned_so_that_near_is_low(relative, scenes):
    model = open_model(relative)
    assert model.coding == {
        "kind": "predicted",
        "unit": "relative",
        "maximum": 65535,
        "near": "low",
        "invalid": 0,
        "model": "relative",
        "batch_size": 2,
        "range": "each image's own",
        "model_near": "high",
    }
    coded = model.coded(scenes)
    for depth in coded:
        assert depth.shape == (40, 48)
        assert depth.dtype == np.uint16
        assert (depth.min(), depth.max()) == (1, 65535)
    turned = open_model(relative, near="low").coded(scenes)
    for one, other in zip(coded, turned, strict=True):
        assert np.abs(one.astype(int) + other - 65536).max() <= 1


def test_a_relative_model_codes_what_the_network_says(relative, transformers, scenes):
    pipe = transformers.pipeline("depth-estimation", model=str(relative), device="cpu")
    prediction = pipe(Image.fromarray(scenes[0]))["predicted_depth"].numpy()
    coded = open_model(relative).coded(scenes)[0]
    near, far = prediction.argmax(), prediction.argmin()
    assert coded.ravel()[near] < 100
    assert coded.ravel()[far] > 65435
    assert np.corrcoef(prediction.ravel(), coded.ravel())[0, 1] < -0.9999


def test_a_metric_model_keeps_its_scale(metric, transformers, scenes):
    model = open_model(metric)
    assert (model.coding["unit"], model.coding["maximum"]) == ("mm", 10000)
    assert "range" not in model.coding
    pipe = transformers.pipeline("depth-estimation", model=str(metric), device="cpu")
    for scene, coded in zip(scenes, model.coded(scenes), strict=True):
        metres = pipe(Image.fromarray(scene))["predicted_depth"].numpy()
        np.testing.assert_allclose(coded / 1000, metres, atol=0.002)
    with pytest.raises(InputError, match=r"^--depth-near: .* predicts metres"):
        open_model(metric, near="high")


def test_the_archive_holds_a_depth_for_every_sample(relative, images, tmp_path, read, rows):
    settings = Settings(placements=2, size=40)
    make(tmp_path / "a.zip", *images, settings, depth=open_model(relative, batch_size=3))
    data = read(tmp_path / "a.zip")
    assert json.loads(data["dataset.json"])["depth"]["invalid"] == 0
    for row in rows(tmp_path / "a.zip"):
        depth = Image.open(io.BytesIO(data[f"depth/{row['key']}.png"]))
        assert (depth.mode, depth.size) == ("I;16", (40, 40))


def test_the_same_model_gives_the_same_bytes(relative, images, tmp_path):
    for name in "ab":
        make(
            tmp_path / f"{name}.zip",
            *images,
            Settings(placements=2, size=40),
            depth=open_model(relative, batch_size=3),
        )
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_folder_without_a_model(transformers, tmp_path):
    with pytest.raises(InputError) as told:
        open_model(tmp_path)
    assert str(told.value).startswith(
        f"--depth-model: {tmp_path} is no folder with a depth model of transformers, nor can one "
        "of that name be fetched ("
    )
    assert "\n" not in str(told.value)


def test_a_folder_with_some_other_model(transformers, tmp_path):
    transformers.ViTConfig().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="is no folder with a depth model") as told:
        open_model(tmp_path)
    assert "\n" not in str(told.value)


def test_an_end_that_is_neither_high_nor_low():
    with pytest.raises(InputError, match="--depth-near: is high or low, not 'far'"):
        open_model("anything", near="far")


def test_without_transformers_the_way_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"needs transformers: pip install -e '\.\[depth\]'"):
        open_model("anything")
