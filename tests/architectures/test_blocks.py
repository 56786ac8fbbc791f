"""Each block against values worked out by hand or by an independent library.

A number of parameters cannot tell a right wiring from a wrong one; these can. Batch normalisation
is in evaluation mode with its initial statistics, where it divides by sqrt(1 + 1e-5): the
tolerance covers it.
"""

import pytest
import timm
import torch
import torchvision
from torch import nn

from architectures.early_fusion import IMAGENET, EarlyFusion, image_channels
from architectures.encoders import densenet as densenet_encoders
from architectures.encoders.drn import DRND22
from architectures.encoders.resnet import ResNet50
from architectures.networks import autoencoder, densenet, dilated_twin, unet, unet_additive
from architectures.networks.densenet161_upproj import FourScales
from architectures.up_projection import UpProjection
from architectures.up_projection_network import UpProjectionDecoder
from architectures.width import scaled


def kernel(convolution, *, centre):
    """Make a convolution of one output channel multiply each input channel by one number."""
    with torch.no_grad():
        convolution.weight.zero_()
        if convolution.bias is not None:
            convolution.bias.zero_()
        middle = convolution.kernel_size[0] // 2
        convolution.weight[0, :, middle, middle] = torch.tensor(centre, dtype=torch.float)


class Returning(nn.Module):
    """In the place of a layer, returns what it was given."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, _image):
        return self.output


def image(rows):
    return torch.tensor(rows, dtype=torch.float)[None, None]


def close(found, expected):
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=4e-5, atol=1e-5)


def test_up_projection_adds_its_branch_and_its_shortcut_on_the_resized_input():
    block = UpProjection(1, 1).eval()
    with torch.no_grad():
        block.branch[1].weight.fill_(1)
        block.both[0].weight[0] = 1  # of the branch
        block.both[0].weight[1] = 2  # of the shortcut
    # One pixel of 1 becomes 2x2 ones; every 5x5 window holds all four: 4 in the branch. Every 3x3
    # window holds all four of those: 16. The shortcut has 2 * 4. Together 24.
    assert close(block(image([[1]]), (2, 2)), image([[24, 24], [24, 24]]))
    # At -1 the branch's first sum is -4, which its ReLU makes 0; the shortcut has -8, and the last
    # ReLU leaves nothing. With a shortcut of -2 it has 8.
    assert close(block(image([[-1]]), (2, 2)), image([[0, 0], [0, 0]]))
    with torch.no_grad():
        block.both[0].weight[1] = -2
    assert close(block(image([[-1]]), (2, 2)), image([[8, 8], [8, 8]]))


def test_up_projection_resizes_bilinearly_without_aligned_corners():
    block = UpProjection(1, 1).eval()
    kernel(block.branch[1], centre=[1])
    with torch.no_grad():
        block.both[0].weight.zero_()
        block.both[0].weight[:, 0, 2, 2] = 1
    # Between 0 and 4, the pixel centres at a quarter and three quarters are 1 and 3; both branches
    # pass them on, so the sum is twice that.
    assert close(block(image([[0, 4]]), (1, 4)), image([[0, 2, 6, 8]]))


def test_the_up_projection_decoder_sees_only_the_coarsest_features():
    decoder = UpProjectionDecoder([4, 8, 16, 64]).eval()
    features = [torch.rand(1, c, s, s) for c, s in ((4, 9), (8, 5), (16, 3), (64, 2))]
    others = [torch.rand_like(x) for x in features[:3]]
    reached = []
    for up in decoder.ups:
        up.register_forward_hook(lambda _m, _i, output: reached.append(output.shape[2:]))
    expected = decoder(features)
    assert reached == [(3, 3), (5, 5), (9, 9), (18, 18)]
    assert expected.shape == (1, 2, 18, 18)
    assert torch.equal(decoder([*others, features[3]]), expected)
    assert not torch.equal(decoder([*features[:3], torch.rand(1, 64, 2, 2)]), expected)


def test_unet_additive_adds_its_skips_where_the_published_network_does():
    network = unet_additive.AdditiveUNet(inputs="pair", tasks=("mask", "depth"), width=0.1)
    values = {"half": 1, "quarter": 10, "eighth": 100, "sixty_fourth": 1000, "coarsest": 10000}
    sizes = (112, 56, 28, 4, 4)
    skips = unet_additive.Skips(
        *(torch.full((1, 1, s, s), float(v)) for s, v in zip(sizes, values.values(), strict=True))
    )
    network.encoder = Returning(skips)
    for task in ("mask", "depth"):
        network.first_ups[task] = nn.Identity()
        network.heads[task] = nn.Identity()
    network.shared_ups = nn.ModuleList(nn.Identity() for _ in range(4))
    logits = network.predict(torch.empty(1, 6, 224, 224))
    assert close(logits["mask"], torch.full((1, 1, 224, 224), 11111.0))
    # The depth path goes without the skip at a quarter.
    assert close(logits["depth"], torch.full((1, 1, 224, 224), 11101.0))


def test_unet_additive_changes_no_skip_in_place():
    network = unet_additive.AdditiveUNet(inputs="pair", tasks=("mask", "depth"), width=0.125)
    skips = network.encoder(torch.rand(2, 6, 32, 32))
    before = [x.clone() for x in skips]
    network.encoder = Returning(skips)
    network.predict(torch.rand(2, 6, 32, 32))
    assert all(torch.equal(x, y) for x, y in zip(skips, before, strict=True))


def test_unet_joins_the_skip_first_and_pads_what_an_odd_size_lost():
    up = unet.Up(1, 1, 1).eval()
    kernel(up.convolutions[0], centre=[100, 1])  # 100 times the skip plus the enlarged input
    kernel(up.convolutions[3], centre=[1])
    x, skip = image([[0, 3], [0, 3]]), torch.ones(1, 1, 5, 4)
    # With aligned corners 0..3 over four pixels is 0, 1, 2, 3; the fifth row is padding.
    row = [100, 101, 102, 103]
    assert close(up(x, skip), image([row, row, row, row, [100, 100, 100, 100]]))


def test_a_circular_dilated_convolution_sees_the_opposite_edge():
    block = dilated_twin.CircularConvolution(1, 1, dilation=2).eval()
    with torch.no_grad():
        block[0].weight.zero_()
        block[0].weight[0, 0, 0, 0] = 1  # the tap two rows up and two columns to the left
    found = block(image([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]))
    expected = image([[10, 11, 8, 9], [14, 15, 12, 13], [2, 3, 0, 1], [6, 7, 4, 5]])
    assert close(found, expected)


def test_the_dilated_twins_share_nothing_and_see_the_images_through_paths_of_their_own():
    network = dilated_twin.DilatedTwin(inputs="pair", tasks=("mask", "depth"), width=0.25)
    assert not {*network.twins["mask"].parameters()} & {*network.twins["depth"].parameters()}
    twin = network.twins["mask"]
    dilations = [m.dilation[0] for m in twin.modules() if isinstance(m, nn.Conv2d)]
    assert dilations == [1] * 8 + [2, 4, 8, 1] + [1, 1, 2, 4, 8, 16, 16, 16, 1] + [1, 1]
    background, composite = torch.rand(2, 2, 3, 32, 32).unbind()
    twin.eval()
    with torch.no_grad():
        assert not torch.allclose(twin(background, composite), twin(composite, background))


def test_the_bilinear_decoder_aligns_corners_and_has_one_leaky_relu_for_two_convolutions():
    up = densenet.BilinearUp(1, 1, 1)
    kernel(up.convolutions[0], centre=[-3, -10])  # the enlarged input, then the skip
    kernel(up.convolutions[1], centre=[-1])
    skip = image([[0, 0, 1, 0]])
    # 0..4 over four pixels is 0, 4/3, 8/3, 4. Two minus signs cancel, which an activation between
    # them would prevent.
    assert close(up(image([[0, 4]]), skip), image([[0, 4, 18, 12]]))
    kernel(up.convolutions[1], centre=[1])
    assert close(up(image([[0, 4]]), skip), image([[0, -0.8, -3.6, -2.4]]))


def test_the_autoencoders_decoder_reaches_the_sizes_in_their_order():
    decoder = autoencoder.Decoder(8, width=0.0625)
    reached = []
    for up in decoder.ups:
        up.register_forward_hook(lambda _m, _i, output: reached.append(tuple(output.shape[1:])))
    logits = decoder(torch.rand(2, 8, 5, 6), [(9, 12), (17, 24), (33, 47)])
    assert reached == [(16, 9, 12), (8, 17, 24), (4, 33, 47)]
    assert logits.shape == (2, 1, 33, 47)


def test_resnet50_is_timms():
    ours = ResNet50(3, width=1).eval()
    theirs = timm.create_model("resnet50", features_only=True, out_indices=(1, 2, 3, 4)).eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert all(map(torch.equal, ours(x), theirs(x)))


@pytest.mark.parametrize("name", ["densenet161", "densenet169"])
def test_the_densenets_are_torchvisions(name):
    ours = getattr(densenet_encoders, name)(3).eval()
    theirs = getattr(torchvision.models, name)(weights=None).features.eval()
    theirs.load_state_dict(
        {n.removeprefix("features."): x for n, x in ours.state_dict().items()}, strict=True
    )
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found = ours(x)
        assert torch.allclose(found.last, theirs(x).relu(), atol=1e-5)
        stem = theirs.relu0(theirs.norm0(theirs.conv0(x)))
        block = theirs.denseblock1(theirs.pool0(stem))
        assert torch.allclose(found.stem, stem, atol=1e-5)
        assert torch.allclose(found.pooled, theirs.pool0(stem), atol=1e-5)
        assert torch.allclose(found.transitions[0], theirs.transition1(block), atol=1e-5)
        theirs.transition1.pool = nn.Identity()
        assert torch.allclose(found.reduced[0], theirs.transition1(block), atol=1e-5)


def test_densenet161_gives_the_up_projections_its_transitions_before_their_pooling():
    encoder = FourScales(3, width=0.125).eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        features, scales = encoder.densenet(x), encoder(x)
    assert all(map(torch.equal, scales, [*features.reduced, features.last]))


def test_drn_d_22_has_its_published_strides_and_dilations():
    with torch.device("meta"):
        encoder = DRND22(3)
    layers = [getattr(encoder, f"layer{i}") for i in range(9)]
    convolutions = [[m for m in layer.modules() if isinstance(m, nn.Conv2d)] for layer in layers]
    strides = [[c.stride[0] for c in layer].count(2) for layer in convolutions]
    three_by_three = [[c for c in layer if c.kernel_size != (1, 1)] for layer in convolutions]
    assert [{c.dilation[0] for c in layer} for layer in three_by_three] == [
        {1}, {1}, {1}, {1}, {1}, {2}, {4}, {2}, {1}
    ]  # fmt: skip
    assert [len(layer) for layer in three_by_three] == [1, 1, 1, 4, 4, 4, 4, 1, 1]
    assert strides == [0, 0, 1, 2, 2, 0, 0, 0, 0]  # of a residual stage, also its shortcut's


def test_resnets_start_with_a_variance_of_two_over_kernel_area_times_output_channels():
    encoder = ResNet50(3)
    assert encoder.layer4[0].conv2.weight.std().item() == pytest.approx(
        (2 / (9 * 512)) ** 0.5, rel=0.01
    )
    assert encoder.layer4[0].conv3.weight.std().item() == pytest.approx((2 / 2048) ** 0.5, rel=0.01)


class FirstPixel(EarlyFusion):
    def predict(self, image):
        return {"mask": image[:, :, :1, :1]}


def test_early_fusion_stacks_the_composite_before_the_background():
    background, composite = torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 1, 1)
    pair = FirstPixel(inputs="pair")(background, composite)
    assert pair.mask_logits.flatten().tolist() == [1, 1, 1, 0, 0, 0]
    assert pair.depth_logits is None
    one = FirstPixel(inputs="composite")(background, composite)
    assert one.mask_logits.flatten().tolist() == [1, 1, 1]
    assert (image_channels("pair"), image_channels("composite")) == (6, 3)


def test_early_fusion_normalises_both_images_by_the_color():
    network = FirstPixel(inputs="pair", normalization=IMAGENET)
    assert not network.state_dict()  # constants are no weights
    zeros = torch.zeros(1, 3, 1, 1)
    found = network(zeros, zeros).mask_logits.flatten().tolist()
    red_green_blue = [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225]
    assert found == pytest.approx(red_green_blue * 2)


class HalfSize(EarlyFusion):
    def predict(self, image):
        return {"depth": image[:, :1, :1, ::2]}


def test_early_fusion_gives_logits_of_another_size_as_they_are_and_resized():
    image = torch.tensor([[[[0.0, 9.0, 1.0, 9.0]]]]).expand(1, 3, 1, 4)
    centers = HalfSize(inputs="composite")(image, image)
    corners = HalfSize(inputs="composite", align_corners=True)(image, image)
    assert centers.depth_logits.flatten().tolist() == pytest.approx([0, 0.25, 0.75, 1])
    assert corners.depth_logits.flatten().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    for prediction in (centers, corners):
        assert prediction.native_depth_logits.tolist() == [[[[0, 1]]]]
        assert prediction.mask_logits is prediction.native_mask_logits is None
    whole = FirstPixel(inputs="composite")(image[..., :1], image[..., :1])
    assert whole.native_mask_logits is None


@pytest.mark.parametrize(
    ("channels", "width", "expected"),
    [(69, 1, 69), (64, 0.25, 16), (48, 0.25, 12), (16, 0.1, 4), (64, 2, 128), (6, 1.0, 6)],
)
def test_channels_scale_to_the_nearest_multiple_of_four(channels, width, expected):
    assert scaled(channels, width) == expected
