"""Trained weights get into the encoder they are for; what does not fit is told."""

import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import save_file

import architectures
from architectures.encoders import weights

OWN = [
    ("resnet50_upproj", "resnet50", "encoder"),
    ("densenet", "densenet169", "encoder"),
    ("densenet161_upproj", "densenet161", "encoder.densenet"),
]


def trained(timm_name, seed=7):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        state = timm.create_model(timm_name).state_dict()
    return {name: x.clone() for name, x in state.items()}


@pytest.mark.parametrize(("name", "timm_name", "part"), OWN)
def test_a_files_weights_replace_all_of_the_encoders(tmp_path, name, timm_name, part):
    state = trained(timm_name)
    path = tmp_path / "encoder.safetensors"
    save_file(state, path)
    network = architectures.create(
        name, inputs="composite", tasks="mask", encoder_weights=str(path)
    )
    encoder = network.get_submodule(part).state_dict()
    assert all(torch.equal(x, state[n]) for n, x in encoder.items())
    assert any(n.endswith("running_var") for n in encoder)


def test_a_files_weights_leave_the_decoders_as_the_seed_has_them(tmp_path):
    path = tmp_path / "encoder.safetensors"
    save_file(trained("densenet169"), path)
    plain = architectures.create("densenet", tasks="mask")
    loaded = architectures.create("densenet", tasks="mask", encoder_weights=str(path))
    pairs = zip(plain.decoders.parameters(), loaded.decoders.parameters(), strict=True)
    assert all(torch.equal(x, y) for x, y in pairs)


def test_a_pair_gets_the_first_weights_twice_and_halved_so_that_equal_images_give_the_same(
    tmp_path,
):
    state = trained("resnet50")
    path = tmp_path / "encoder.pth"
    torch.save({"state_dict": state}, path)
    network = architectures.create("resnet50_upproj", tasks="mask", encoder_weights=str(path))
    expected = torch.cat((state["conv1.weight"], state["conv1.weight"]), dim=1) / 2
    assert torch.allclose(network.encoder.conv1.weight, expected)


def test_imagenet_is_timms_published_model(monkeypatch):
    state = trained("resnet50")
    asked = []

    def create_model(name, *, pretrained):
        asked.append((name, pretrained))
        model = torch.nn.Module()
        model.state_dict = lambda: state
        return model

    monkeypatch.setattr(weights.timm, "create_model", create_model)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    network = architectures.create(
        "resnet50_upproj", inputs="composite", tasks="mask", encoder_weights="imagenet"
    )
    assert asked == [("resnet50.tv_in1k", True)]
    assert torch.equal(network.encoder.conv1.weight, state["conv1.weight"])


@pytest.mark.parametrize("spec", ["timm:resnet10t", "smp:FPN/tu-resnet10t"])
@pytest.mark.parametrize("inputs", ["composite", "pair"])
def test_a_file_for_an_encoder_of_timm(tmp_path, spec, inputs):
    state = trained("resnet10t")
    path = tmp_path / "encoder.safetensors"
    save_file(state, path)
    network = architectures.create(spec, inputs=inputs, encoder_weights=str(path))
    loaded = {n.rpartition("resnet10t")[-1]: x for n, x in network.state_dict().items()}
    inner = [x for n, x in loaded.items() if n.endswith("layer2.0.conv1.weight")]
    assert len(inner) == 1
    assert torch.equal(inner[0], state["layer2.0.conv1.weight"])


def test_a_file_for_an_encoder_of_smp(tmp_path):
    encoder = architectures.create("smp:Unet/resnet18", inputs="composite", seed=5).network.encoder
    path = tmp_path / "encoder.safetensors"
    save_file(encoder.state_dict(), path)
    network = architectures.create("smp:FPN/resnet18", encoder_weights=str(path))
    loaded = network.network.encoder
    assert torch.equal(loaded.layer1[0].conv1.weight, encoder.layer1[0].conv1.weight)
    halved = torch.cat((encoder.conv1.weight, encoder.conv1.weight), dim=1) / 2
    assert torch.allclose(loaded.conv1.weight, halved)


def error_of(spec, **options):
    with pytest.raises(architectures.ArchitectureError) as caught:
        architectures.create(spec, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "spec", ["resnet50_upproj", "timm:resnet10t", "smp:FPN/tu-resnet10t", "smp:FPN/resnet18"]
)
def test_weights_of_another_encoder_are_refused(tmp_path, spec):
    path = tmp_path / "other.safetensors"
    save_file(trained("mobilenetv3_small_050"), path)
    assert f"encoder_weights='{path}' are not those of this encoder: " in error_of(
        spec, encoder_weights=str(path)
    )


def test_a_file_that_holds_no_weights(tmp_path):
    path = tmp_path / "notes.safetensors"
    path.write_text("not weights")
    for spec in ("densenet", "timm:resnet10t"):
        assert f"encoder_weights='{path}' cannot be read as .safetensors or .pth: " in error_of(
            spec, encoder_weights=str(path)
        )


@pytest.mark.parametrize("spec", ["densenet", "timm:resnet10t.c3_in1k", "smp:FPN/resnet18"])
def test_an_unreachable_hub_gives_one_line_at_once(monkeypatch, spec):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    message = error_of(spec, encoder_weights="imagenet")
    assert message.startswith("cannot reach http://127.0.0.1:9 for the ImageNet weights of ")
    assert "give encoder_weights a file's path or 'none', or set HF_HUB_OFFLINE=1" in message


def test_weights_that_are_neither_reachable_nor_cached(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert "'densenet' cannot be built: " in error_of("densenet", encoder_weights="imagenet")


def test_a_model_that_timm_has_no_weights_for():
    assert error_of("timm:convnextv2_small", encoder_weights="imagenet") == (
        "timm has no weights for convnextv2_small; set encoder_weights to 'none'"
    )
