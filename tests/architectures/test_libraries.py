"""Networks of smp and timm by name: the contract, sizes, and a reason for what cannot be had."""

import pytest
import torch
from torch import nn

import architectures
from architectures.libraries import timm as timm_networks
from architectures.libraries.any_size import Sizes, at_any_size

SPREAD = [
    "smp:Unet/resnet18",
    "smp:UnetPlusPlus/mobilenet_v2",
    "smp:MAnet/tu-convnext_atto",
    "smp:Linknet/tu-regnety_002",
    "smp:FPN/mit_b0",
    "smp:PSPNet/efficientnet-b0",
    "smp:DeepLabV3Plus/tu-mobilenetv3_small_050",
    "smp:PAN/resnet18",
    "smp:UPerNet/tu-efficientvit_b0",
    "smp:Segformer/mobileone_s0",
    "smp:DPT/tu-vit_tiny_patch16_224.augreg_in21k",
    "timm:convnext_atto",
    "timm:resnet10t",
    "timm:vit_tiny_patch16_224",
]

SMP_DECODERS = [
    "Unet",
    "UnetPlusPlus",
    "MAnet",
    "Linknet",
    "FPN",
    "PSPNet",
    "DeepLabV3Plus",
    "PAN",
    "UPerNet",
    "Segformer",
]
ENCODERS = [
    "resnet18",
    "resnext50_32x4d",
    "dpn68",
    "vgg11_bn",
    "se_resnet50",
    "densenet121",
    "inceptionv4",
    "inceptionresnetv2",
    "efficientnet-b0",
    "mobilenet_v2",
    "xception",
    "timm-efficientnet-b0",
    "timm-skresnet18",
    "mit_b0",
    "mobileone_s0",
    "tu-convnext_atto",
    "tu-convnextv2_atto",
    "tu-mobilenetv3_small_050",
    "tu-mobilenetv4_conv_small",
    "tu-regnety_002",
    "tu-resnest14d",
    "tu-res2net50_14w_8s",
    "tu-hrnet_w18_small",
    "tu-dla34",
    "tu-repvgg_a0",
    "tu-gernet_s",
    "tu-cspdarknet53",
    "tu-nf_resnet50",
    "tu-lcnet_050",
    "tu-mixnet_s",
    "tu-rexnet_100",
    "tu-ghostnet_100",
    "tu-hardcorenas_a",
    "tu-swin_tiny_patch4_window7_224",
    "tu-pvt_v2_b0",
    "tu-maxvit_tiny_tf_224",
    "tu-edgenext_xx_small",
    "tu-fastvit_t8",
    "tu-poolformerv2_s12",
    "tu-tf_efficientnetv2_b0",
]


def keeps_the_contract(spec, height, width):
    """Whether a network of a spec gives both heads at full size, finite, in training mode."""
    network = architectures.create(spec)
    prediction = network(*torch.rand(2, 2, 3, height, width).unbind())
    return network.training and all(
        logits.shape == (2, 1, height, width) and logits.isfinite().all()
        for logits in (prediction.mask_logits, prediction.depth_logits)
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("spec", SPREAD)
def test_a_spread_of_libraries_keeps_the_contract_at_an_odd_size(spec):
    assert keeps_the_contract(spec, 33, 47)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_at_least_95_percent_of_ten_decoders_by_forty_encoders_keep_the_contract_at_64_px():
    assert (len(SMP_DECODERS), len(ENCODERS)) == (10, 40)
    reasons = {}
    for encoder in ENCODERS:
        for decoder in SMP_DECODERS:
            spec = f"smp:{decoder}/{encoder}"
            try:
                assert keeps_the_contract(spec, 64, 64), spec
            except architectures.ArchitectureError as error:
                reasons[spec] = str(error)
    print(*reasons.values(), sep="\n")  # noqa: T201  the reasons are the other half of the result
    assert all("cannot be built: " in reason for reason in reasons.values())
    assert len(reasons) <= 400 * 0.05


@pytest.mark.parametrize("spec", ["smp:Unet/resnet18", "timm:resnet10t"])
def test_one_task_and_the_composite_alone(spec):
    network = architectures.create(spec, inputs="composite", tasks="depth").eval()
    background, composite = torch.rand(2, 1, 3, 64, 64).unbind()
    with torch.no_grad():
        prediction = network(background, composite)
        elsewhere = network(torch.zeros_like(background), composite)
    assert prediction.mask_logits is None
    assert torch.equal(prediction.depth_logits, elsewhere.depth_logits)


@pytest.mark.parametrize("spec", ["smp:FPN/resnet18", "timm:resnet10t"])
def test_gradients_reach_every_parameter(spec):
    network = architectures.create(spec)
    prediction = network(*torch.rand(2, 2, 3, 64, 64).unbind())
    (prediction.mask_logits.square().mean() + prediction.depth_logits.square().mean()).backward()
    assert not [n for n, p in network.named_parameters() if p.grad is None]


def test_the_tasks_have_channels_of_their_own():
    network = architectures.create("smp:Unet/resnet18").eval()
    with torch.no_grad():
        mask, depth, *_ = network(*torch.rand(2, 1, 3, 32, 32).unbind())
    assert not torch.allclose(mask, depth)


def test_the_same_seed_gives_the_same_library_network_and_the_trial_leaves_no_trace():
    before = torch.get_rng_state()
    first, same, other = (
        architectures.create("timm:resnet10t", seed=seed).state_dict() for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[n], same[n]) for n in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])
    assert first["encoder.bn1.running_mean"].eq(0).all()


def test_an_encoder_of_one_size_gets_the_image_at_that_size():
    network = architectures.create("timm:mixer_s32_224", tasks="mask").eval()
    seen = []
    network.encoder.register_forward_pre_hook(lambda _m, args: seen.append(args[0].shape[2:]))
    with torch.no_grad():
        logits = network(*torch.rand(2, 1, 3, 40, 56).unbind()).mask_logits
    assert seen == [(224, 224)]
    assert logits.shape == (1, 1, 40, 56)


@pytest.mark.parametrize(
    ("sizes", "given", "taken"),
    [
        (Sizes(multiple=32), (64, 96), (64, 96)),
        (Sizes(multiple=32), (33, 47), (64, 64)),
        (Sizes(multiple=14), (28, 30), (28, 42)),
        (Sizes(multiple=32, smallest=128), (64, 150), (128, 160)),
        (Sizes(multiple=1, only=(240, 224)), (64, 64), (240, 224)),
    ],
)
def test_a_image_is_brought_to_a_size_that_the_network_takes_and_back(sizes, given, taken):
    seen = []

    def network(image):
        seen.append(tuple(image.shape[2:]))
        return image

    image = torch.rand(1, 2, *given)
    found = at_any_size(network, image, sizes)
    assert seen == [taken]
    assert found.shape == image.shape
    if sizes.smallest == 1 and sizes.only is None:
        assert torch.equal(found, image)  # padding is cropped again, nothing is resampled


def test_padding_repeats_the_last_row_and_column():
    seen = []
    at_any_size(lambda x: seen.append(x) or x, torch.tensor([[[[1.0, 2.0]]]]), Sizes(multiple=3))
    assert seen[0].tolist() == [[[[1, 2, 2], [1, 2, 2], [1, 2, 2]]]]


def test_the_decoder_of_timms_encoders_has_a_step_for_every_doubling():
    def decoder(channels, stride):
        built = timm_networks.Decoder(channels, finest_stride=stride)
        return [step[0].in_channels for step in built.steps], built.out_channels

    # Features at 1/2 ... 1/32, as ResNets have them: every step has a skip, the last the image.
    assert decoder([6, 64, 256, 512, 1024, 2048], 2) == (
        [2048 + 1024, 256 + 512, 128 + 256, 64 + 64, 32 + 6],
        16,
    )
    # From 1/4 on, as ConvNeXts have them: one step without a skip.
    assert decoder([6, 96, 192, 384, 768], 4) == (
        [768 + 384, 256 + 192, 128 + 96, 64, 32 + 6],
        16,
    )
    # From the full size on, as VGGs have them: the image is a skip beside the finest features.
    assert decoder([6, 64, 128, 256], 1) == ([256 + 128, 256 + 64, 128 + 6], 64)
    # Three times at 1/16, as vision transformers have them: three steps without a skip.
    assert decoder([3, 192, 192, 192], 16) == ([384, 256 + 192, 128, 64, 32, 16 + 3], 16)


def test_the_decoder_of_timms_encoders_joins_the_skip_to_the_enlarged_features():
    decoder = timm_networks.Decoder([1, 1, 1], finest_stride=2)
    decoder.steps = nn.ModuleList([nn.Identity(), nn.Identity()])
    image = torch.zeros(1, 1, 4, 4)
    features = [torch.full((1, 1, 2, 2), 7.0), torch.full((1, 1, 1, 1), 5.0)]
    found = decoder(image, features)
    assert found.mean(dim=(2, 3)).tolist() == [[0, 7, 5]]
    assert found.shape == (1, 3, 4, 4)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("smp:Unet", "'smp:Unet' names no encoder; write smp:DECODER/ENCODER"),
        ("smp:Unett/resnet34", "smp has no decoder 'Unett'; did you mean 'Unet'? (choices: DPT,"),
        ("smp:Unet/resnet344", "smp has no encoder 'resnet344'; did you mean 'resnet34'?"),
        ("smp:Unet/tu-resnet344", "timm has no model 'resnet344'; did you mean 'resnet34'?"),
        (
            "timm:convnext_tinny",
            "timm has no model 'convnext_tinny'; did you mean 'convnext_tiny'?",
        ),
        ("timm:resnet18.bogus", "timm's resnet18 has no tag 'bogus' (choices: resnet18."),
    ],
)
def test_a_decoder_or_encoder_that_a_library_does_not_have(spec, line):
    with pytest.raises(architectures.ArchitectureError) as caught:
        architectures.check_options(spec, {})
    assert line in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (
            "smp:Linknet/mit_b0",
            "'smp:Linknet/mit_b0' cannot be built: ValueError: Encoder `mit_b0`",
        ),
        (
            "smp:DeepLabV3Plus/tu-dla34",
            "cannot be built: RuntimeError: DeepLabV3Plus needs an encoder that can be dilated",
        ),
        ("smp:Unet/tu-vit_tiny_patch16_224", "ValueError: Unsupported model downsampling pattern."),
        (
            "smp:Unet/tu-vit_tiny_patch16_224",
            (
                "; of this encoder there is smp:DPT/tu-vit_tiny_patch16_224 or "
                "timm:vit_tiny_patch16_224"
            ),
        ),
        ("smp:DPT/resnet18", "ValueError: Only Timm encoders are supported for DPT."),
        (
            "smp:DPT/resnet18",
            "; of this encoder there is smp:Unet/resnet18 or smp:FPN/resnet18",
        ),
        ("timm:inception_v4", "'timm:inception_v4' cannot be built: RuntimeError: "),
    ],
)
def test_a_network_that_cannot_be_built_has_a_reason_in_one_line(spec, line):
    with pytest.raises(architectures.ArchitectureError) as caught:
        architectures.create(spec)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spec", ["smp:Unet/tu-vit_tiny_patch16_224", "smp:Linknet/mit_b0"])
def test_what_is_named_in_place_of_a_network_can_be_built(spec):
    with pytest.raises(architectures.ArchitectureError) as caught:
        architectures.create(spec)
    _, named = str(caught.value).split("; of this encoder there is ")
    image = torch.zeros(1, 3, 64, 64)
    for instead in named.split(" or "):
        prediction = architectures.create(instead).eval()(image, image)
        assert prediction.mask_logits.shape == (1, 1, 64, 64)


def test_networks_of_libraries_have_no_width():
    with pytest.raises(architectures.ArchitectureError, match="takes no option 'width'"):
        architectures.check_options("timm:resnet18", {"width": 0.5})
