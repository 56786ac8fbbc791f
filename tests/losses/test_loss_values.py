"""Each loss at values worked out by hand or by an independent computation."""

from math import log

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import losses
from losses.gradients import sobel
from losses.target_entropy import target_entropy


def evaluate(expression, probabilities, target, valid=None):
    """The objective of one image, given as rows of probabilities and of targets."""
    to_batch = [
        None if rows is None else torch.tensor(rows, dtype=torch.float64)[None, None]
        for rows in (probabilities, target, valid)
    ]
    prediction, target, valid = to_batch
    logits = prediction.logit().clamp(-100, 100)
    return losses.parse(expression)(logits, target, valid).item()


# A bright pixel of 1/2 in the middle of a black image. Its Sobel gradients:
#   gx: corners 0.5, left and right 1, above, below and centre 0 (up to the sign);
#   gy: corners 0.5, above and below 1, left, right and centre 0.
BRIGHT = [[0, 0, 0], [0, 0.5, 0], [0, 0, 0]]
BLACK = [[0, 0, 0], [0, 0, 0], [0, 0, 0]]
# Without the top left pixel, five neighbourhoods are left: three corners, right and below.
CORNERLESS = [[0, 1, 1], [1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize(
    ("expression", "probabilities", "target", "valid", "expected"),
    [
        # A hard target has no entropy: ln 4 and -ln 0.9, which is the plain cross-entropy.
        ("bce", [[0.25, 0.1]], [[1, 0]], None, (1.386294 + 0.105361) / 2),
        # BCE(0.5, 0.25) = ln 2 = 0.693147, less H(0.25) = 0.25*1.386294 + 0.75*0.287682 = 0.562335.
        ("bce", [[0.5]], [[0.25]], None, 0.130812),
        ("bce", [[0.25, 0.1]], [[1, 0]], [[1, 0]], 1.386294),
        # p.t = 0.24, |p| = |t| = 0.5: 1 - 0.24/0.25.
        ("cosine", [[0.3, 0.4]], [[0.4, 0.3]], None, 0.04),
        # Of one pixel, all vectors have one direction.
        ("cosine", [[0.3, 0.4]], [[0.4, 0.3]], [[1, 0]], 0),
        # Orthogonal vectors.
        ("cosine", [[0.3, 0]], [[0, 0.3]], None, 1),
        # An empty target: the mean probability.
        ("cosine", [[0.3, 0.4]], [[0, 0]], None, 0.35),
        ("cosine", [[0.3, 0.4]], [[0, 1]], [[1, 0]], 0.3),
        # To the right 0.3 and 0.7, mean 0.5; downwards 0.1 and 0.5, mean 0.3.
        ("gradient_l1", [[0.1, 0.4], [0.2, 0.9]], [[0, 0], [0, 0]], None, 0.8),
        # Without the top left pixel: 0.7 to the right, 0.5 downwards.
        ("gradient_l1", [[0.1, 0.4], [0.2, 0.9]], [[0, 0], [0, 0]], [[0, 1], [1, 1]], 1.2),
        # Two diagonal pixels have no neighbours.
        ("gradient_l1", [[0.1, 0.4], [0.2, 0.9]], [[0, 0], [0, 0]], [[0, 1], [1, 0]], 0),
        ("l1", [[0.1, 0.7]], [[0.2, 0.4]], None, 0.2),
        ("l1", [[0.1, 0.7]], [[0.2, 0.4]], [[0, 1]], 0.3),
        ("mse", [[0.1, 0.7]], [[0.2, 0.4]], None, (0.01 + 0.09) / 2),
        # c = 0.9/5 = 0.18: 0.1 as it is; (0.25 + 0.0324)/0.36; (0.81 + 0.0324)/0.36 = 2.34.
        ("berhu", [[0.1, 0.5, 0.9]], [[0, 0, 0]], None, (0.1 + 0.784444 + 2.34) / 3),
        # Without the worst pixel c = 0.1: 0.1 as it is; (0.25 + 0.01)/0.2 = 1.3.
        ("berhu", [[0.1, 0.5, 0.9]], [[0, 0, 0]], [[1, 1, 0]], 0.7),
        # d = ln 2 and 0: mean d^2 = 0.240227, mean(d)^2 = 0.120113.
        ("silog", [[0.199, 0.5]], [[0.099, 0.5]], None, 0.240227 - 0.120113 / 2),
        ("silog(variance_focus=0)", [[0.199, 0.5]], [[0.099, 0.5]], None, 0.240227),
        ("silog(variance_focus=1)", [[0.199, 0.5]], [[0.099, 0.5]], None, 0.120113),
        # Twice as far everywhere: no error but that of the scale.
        ("silog(variance_focus=1)", [[0.199, 0.799]], [[0.099, 0.399]], None, 0),
        # 1 - (2*0.5 + 1) / (0.25 + 0.64 + 1 + 1).
        ("dice", [[0.5, 0.8]], [[1, 0]], None, 1 - 2 / 2.89),
        ("dice", [[0.5, 0.8]], [[1, 0]], [[1, 0]], 1 - 2 / 2.25),
        # Nothing is there: 1 - 1/(0.25 + 1).
        ("dice", [[0.5]], [[0]], None, 0.2),
        # 0.25 * 0.2^2 * -ln 0.8 for the foreground, 0.75 * 0.3^2 * -ln 0.7 for the background.
        ("focal", [[0.8]], [[1]], None, 0.01 * 0.223144),
        ("focal", [[0.3]], [[0]], None, 0.0675 * 0.356675),
        # Grey: (0.25 + 0.75)/2 * 0.3^2 * (-ln 0.8 - ln 0.2)/2.
        ("focal", [[0.8]], [[0.5]], None, 0.045 * 0.916291),
        ("focal(alpha=0.5, gamma=1)", [[0.8]], [[1]], None, 0.1 * 0.223144),
        # ln(0.5 + 0.5) = 0 and ln 0.5.
        ("log_l1", [[0.9, 0.3]], [[0.4, 0.3]], None, log(0.5) / 2),
        # Each of gx and gy: two of ln 1.5, four of ln 1, three of ln 0.5, over nine pixels.
        ("log_gradient", BRIGHT, BLACK, None, 2 * (2 * log(1.5) + 3 * log(0.5)) / 9),
        # Each of gx and gy: three of ln 1, one of ln 1.5, one of ln 0.5, over five pixels.
        ("log_gradient", BRIGHT, BLACK, CORNERLESS, 2 * (log(1.5) + log(0.5)) / 5),
        # The cosine with (0, 0, 1) is 1/sqrt(1 + gx^2 + gy^2): the four at the sides have
        # 1 - 1/sqrt(2) = 0.292893, the corners 1 - 1/sqrt(1.5) = 0.183503, the centre 0.
        ("normals_cosine", BRIGHT, BLACK, None, 4 * (0.292893 + 0.183503) / 9),
        ("normals_cosine", BRIGHT, BLACK, CORNERLESS, (2 * 0.292893 + 3 * 0.183503) / 5),
        ("sparsity", [[0.2, 0.6]], [[1, 0.5]], None, 0.4),
        ("sparsity", [[0.2, 0.6]], [[1, 0.5]], [[0, 1]], 0.6),
    ],
)
def test_value_worked_out_by_hand(expression, probabilities, target, valid, expected):
    value = evaluate(expression, probabilities, target, valid)
    assert value == pytest.approx(expected, abs=2e-6)


def test_every_loss_has_a_value_here():
    (parametrize,) = test_value_worked_out_by_hand.pytestmark
    by_hand = {losses.parse(case[0]).terms[0].name for case in parametrize.args[1]}
    assert by_hand | {"ssim"} == set(losses.names())


def ssim_by_definition(prediction, target, window):
    """The map of Wang et al. 2004, one pixel after the other."""
    radius = window // 2
    offset = np.arange(window) - radius
    gauss = np.exp(-(offset**2) / (2 * 1.5**2))
    weight = np.outer(gauss, gauss) / gauss.sum() ** 2
    padded_p, padded_t = (np.pad(image, radius, mode="reflect") for image in (prediction, target))
    similarity = np.empty_like(prediction)
    for y, x in np.ndindex(prediction.shape):
        p, t = (image[y : y + window, x : x + window] for image in (padded_p, padded_t))
        mean_p, mean_t = (weight * p).sum(), (weight * t).sum()
        variance_p = (weight * (p - mean_p) ** 2).sum()
        variance_t = (weight * (t - mean_t) ** 2).sum()
        covariance = (weight * (p - mean_p) * (t - mean_t)).sum()
        similarity[y, x] = ((2 * mean_p * mean_t + 0.01**2) * (2 * covariance + 0.03**2)) / (
            (mean_p**2 + mean_t**2 + 0.01**2) * (variance_p + variance_t + 0.03**2)
        )
    return similarity


@pytest.mark.parametrize(("expression", "window"), [("ssim", 11), ("ssim(window=5)", 5)])
def test_ssim_is_that_of_its_definition(expression, window):
    generator = np.random.default_rng(0)
    prediction, target = generator.random((2, 9, 13))
    dissimilarity = (1 - ssim_by_definition(prediction, target, window)) / 2
    assert evaluate(expression, prediction, target) == pytest.approx(dissimilarity.mean(), abs=1e-9)


def test_ssim_averages_over_valid_centres_with_filled_holes():
    generator = np.random.default_rng(0)
    prediction, target = generator.random((2, 9, 13))
    valid = generator.random((9, 13)) > 0.3
    filled = (np.where(valid, image, 0.5) for image in (prediction, target))
    dissimilarity = (1 - ssim_by_definition(*filled, window=11)) / 2
    value = evaluate("ssim", prediction, target, valid.astype(float))
    assert value == pytest.approx(dissimilarity[valid].mean(), abs=1e-9)


def test_ssim_of_a_image_smaller_than_its_window_is_refused():
    image = torch.zeros(1, 1, 5, 20)
    with pytest.raises(ValueError, match=r"window=11 needs images of at least 6 px, not \(5, 20\)"):
        losses.load("ssim")(image, image)


def test_bce_and_the_target_entropy_are_the_plain_cross_entropy():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 1, 6, 7, generator=generator)
    target = torch.rand(3, 1, 6, 7, generator=generator)
    total = losses.load("bce")(logits, target) + target_entropy(target)
    plain = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean((1, 2, 3))
    torch.testing.assert_close(total, plain)


def test_bce_has_the_gradient_of_the_plain_cross_entropy():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 1, 6, 7, generator=generator, requires_grad=True)
    target = torch.rand(1, 1, 6, 7, generator=generator)
    (ours,) = torch.autograd.grad(losses.load("bce")(logits, target).sum(), logits)
    plain = F.binary_cross_entropy_with_logits(logits, target)
    (theirs,) = torch.autograd.grad(plain, logits)
    torch.testing.assert_close(ours, theirs)


def test_target_entropy_of_known_targets():
    # ln 2 for 1/2, 0 for hard targets, 0.562335 for a quarter; a hole counts for nothing.
    target = torch.tensor([[[[0.5, 0.0]]], [[[0.25, torch.nan]]], [[[0.5, 0.5]]]])
    valid = torch.tensor([[[[1, 1]]], [[[1, 0]]], [[[0, 0]]]])
    entropy = target_entropy(target, valid)
    assert entropy.tolist() == pytest.approx([log(2) / 2, 0.562335, 0], abs=1e-6)


def test_empty_target_still_pulls_the_prediction_down():
    for name in ("cosine", "dice"):
        logits = torch.zeros(1, 1, 16, 16, requires_grad=True)
        losses.load(name)(logits, torch.zeros(1, 1, 16, 16)).sum().backward()
        assert (logits.grad > 0).all()


def test_berhu_takes_its_threshold_as_a_constant():
    # c = 0.18; the derivative of (e^2 + c^2)/(2c) by e is e/c, by p - t = 0.9 and 0.5; of the mean
    # of three pixels a third; by the logit times p(1-p).
    probabilities = torch.tensor([[[[0.1, 0.5, 0.9]]]], dtype=torch.float64)
    logits = probabilities.logit().requires_grad_()
    losses.load("berhu")(logits, torch.zeros_like(logits)).sum().backward()
    expected = [1 * 0.09 / 3, (0.5 / 0.18) * 0.25 / 3, (0.9 / 0.18) * 0.09 / 3]
    assert logits.grad.flatten().tolist() == pytest.approx(expected, abs=1e-9)


def test_sobel_is_the_convolution_of_the_paper():
    image = torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    kernel_x = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    kernel_y = torch.tensor([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]])
    for ours, kernel in zip(sobel(image), (kernel_x, kernel_y), strict=True):
        kernels = kernel.expand(3, 1, 3, 3)
        torch.testing.assert_close(ours, F.conv2d(image, kernels, padding=1, groups=3))
