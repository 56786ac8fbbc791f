"""The registered networks are the published ones: sizes in parameters and in pixels."""

import pytest
import torch
from torch import nn

import architectures
from architectures.encoders.densenet import densenet161, densenet169
from architectures.encoders.drn import DRND22
from architectures.encoders.resnet import ResNet50
from architectures.networks.autoencoder import Autoencoder
from architectures.networks.dilated_twin import DilatedTwin
from architectures.networks.unet import UNet
from architectures.networks.unet_additive import AdditiveUNet


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def created(name, **options):
    with torch.device("meta"):
        return architectures.create(name, **options)


DEPTH_OF_ONE_PICTURE = {"inputs": "composite", "tasks": ["depth"]}
MASK_OF_ONE_PICTURE = {"inputs": "composite", "tasks": ["mask"]}


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("unet", {}, 33_389_314),  # published: both branches
        ("unet", {"tasks": ["mask"]}, 17_269_121),  # one branch
        ("unet_additive", {}, 11_275_457),  # published less what is dead; see below
        ("resnet50_upproj", DEPTH_OF_ONE_PICTURE, 67_569_473),  # published depth network
        ("densenet161_upproj", DEPTH_OF_ONE_PICTURE, 77_101_151),  # published depth network
        ("autoencoder", MASK_OF_ONE_PICTURE, 25_259_761),  # the mask network that was trained
        ("dilated_twin", {}, 1_340_224),  # published: both twins
        ("dilated_twin", {"tasks": ["mask"]}, 670_112),  # one twin
        ("densenet", DEPTH_OF_ONE_PICTURE, 42_657_689),  # published less the unused classifier
    ],
)
def test_parameters_of_the_published_network(name, options, count):
    assert parameters(created(name, **options)) == count


def test_what_the_published_count_of_unet_additive_holds_beyond_ours():
    never_called = 623_104 + 155_904 + 119_040 + 39_040  # the depth path's own later blocks
    without_gradient = 8_192 + 32_768 + 131_072  # discarded 1x1 convolutions
    three_channel_depth_head = 2 * (32 + 1)
    ours = parameters(created("unet_additive"))
    assert never_called == 937_088
    assert without_gradient == 172_032
    assert ours + never_called + without_gradient == 12_384_577
    assert ours + never_called + without_gradient + three_channel_depth_head == 12_384_643


def test_what_the_published_count_of_densenet_holds_beyond_ours():
    unused_classifier = 1664 * 1000 + 1000
    assert parameters(created("densenet", **DEPTH_OF_ONE_PICTURE)) + unused_classifier == 44_322_689


def test_the_autoencoders_other_published_size_is_its_encoder_as_a_classifier():
    with torch.device("meta"):
        encoder, classifier = DRND22(3), nn.Linear(512, 1000)
    assert parameters(encoder) == 15_880_752
    assert parameters(encoder) + parameters(classifier) == 16_393_752


def test_parameters_of_the_parts_of_the_up_projection_networks():
    resnet = created("resnet50_upproj", **DEPTH_OF_ONE_PICTURE)
    densenet = created("densenet161_upproj", **DEPTH_OF_ONE_PICTURE)
    for network, counts in (
        (resnet, (23_508_032, 40_054_400, 3_184_128, 822_913)),
        (densenet, (26_472_000, 46_556_715, 3_184_128, 888_308)),
    ):
        decoder = network.decoders["depth"]
        parts = (network.encoder, decoder.up, decoder.fusion, decoder.refinement)
        assert tuple(parameters(part) for part in parts) == counts


def test_parameters_of_the_parts_of_unet():
    network = created("unet")
    assert parameters(network.trunk) == 40_704 + 221_952 + 886_272
    assert parameters(network.branches["depth"]) == 16_120_193
    branch = network.branches["mask"]
    stages = ("to_eighth", "to_sixteenth", "back_to_eighth", "back_to_quarter", "back_to_half")
    assert [parameters(getattr(branch, stage)) for stage in stages] == [
        3_542_016,
        4_721_664,
        5_900_544,
        1_475_712,
        369_216,
    ]


def test_a_second_task_shares_the_encoder_and_has_a_decoder_of_its_own():
    for name in ("resnet50_upproj", "densenet161_upproj", "autoencoder", "densenet"):
        one, two = created(name, tasks=["mask"]), created(name)
        assert parameters(one.encoder) == parameters(two.encoder)
        assert parameters(two.decoders) == 2 * parameters(one.decoders)


@pytest.mark.parametrize(
    ("name", "size", "published"),
    [
        ("unet", 224, 224),
        ("unet_additive", 224, 224),
        ("resnet50_upproj", 38, 20),  # half size, of which there is one more at 38 px
        ("resnet50_upproj", 224, 112),
        ("densenet161_upproj", 64, 32),
        ("autoencoder", 32, 32),
        ("dilated_twin", 100, 100),
        ("densenet", 224, 112),
    ],
)
def test_output_sizes_at_the_networks_own_input_size(name, size, published):
    """The size of the last layer's output is the published one; it is returned with the full."""
    network = created(name)
    sizes = []
    last = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.out_channels == 1]
    for convolution in last:
        convolution.register_forward_hook(lambda _m, _i, output: sizes.append(output.shape))
    background, composite = torch.empty(2, 2, 3, size, size, device="meta").unbind()
    prediction = network(background, composite)
    assert sizes == [(2, 1, published, published)] * 2
    full, native = prediction[:2], prediction[2:]
    assert [logits.shape for logits in full] == [(2, 1, size, size)] * 2
    if published == size:
        assert native == (None, None)
    else:
        assert [logits.shape for logits in native] == sizes


def test_the_sizes_inside_unet_additive_at_224_px_are_those_of_the_fixed_factors():
    network = created("unet_additive")
    skips = network.encoder(torch.empty(2, 6, 224, 224, device="meta"))
    assert [tuple(x.shape[1:]) for x in skips] == [
        (64, 112, 112),
        (64, 56, 56),
        (128, 28, 28),  # 14 px, twice enlarged
        (256, 4, 4),
        (512, 4, 4),  # 1 px, four times enlarged
    ]
    inputs = []
    for up in network.shared_ups:
        up.register_forward_pre_hook(lambda _m, args: inputs.append(tuple(args[0].shape[1:])))
    network.predict(torch.empty(2, 6, 224, 224, device="meta"))
    one_task = [(256, 28, 28), (128, 56, 56), (64, 112, 112), (64, 224, 224)]
    assert inputs == one_task * 2  # the blocks are shared, so each task passes through them


def test_the_features_of_the_encoders():
    image = torch.empty(2, 3, 64, 64, device="meta")
    with torch.device("meta"):
        resnet, dense161, dense169, drn = ResNet50(3), densenet161(3), densenet169(3), DRND22(3)
    scales = [(256, 16, 16), (512, 8, 8), (1024, 4, 4), (2048, 2, 2)]
    assert [tuple(x.shape[1:]) for x in resnet(image)] == scales
    features = dense161(image)
    assert [tuple(x.shape[1:]) for x in (*features.reduced, features.last)] == [
        (192, 16, 16),
        (384, 8, 8),
        (1056, 4, 4),
        (2208, 2, 2),
    ]
    features = dense169(image)
    skips = (features.stem, features.pooled, *features.transitions[:2], features.last)
    assert [tuple(x.shape[1:]) for x in skips] == [
        (64, 32, 32),
        (64, 16, 16),
        (128, 8, 8),
        (256, 4, 4),
        (1664, 2, 2),
    ]
    x, sizes = drn(image)
    assert tuple(x.shape[1:]) == (512, 8, 8)
    assert [tuple(size) for size in sizes] == [(16, 16), (32, 32), (64, 64)]


@pytest.mark.parametrize("network", [UNet, AdditiveUNet, Autoencoder, DilatedTwin])
def test_width_one_has_the_published_channels_and_others_multiples_of_four(network):
    for width in (0.25, 0.3, 1.5):
        with torch.device("meta"):
            built = network(inputs="pair", tasks=("mask",), width=width)
        channels = {m.out_channels for m in built.modules() if isinstance(m, nn.Conv2d)} - {1}
        assert all(c % 4 == 0 for c in channels)
        assert max(channels) == 4 * round(width * {DilatedTwin: 128}.get(network, 512) / 4)
