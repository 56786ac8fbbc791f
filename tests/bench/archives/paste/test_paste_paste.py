"""The blend, against values worked out by hand."""

import numpy as np

from bench.archives.paste.paste import paste, scaled
from bench.archives.paste.placement import Placement


def cutout(alpha, color):
    pixels = np.zeros((*np.shape(alpha), 4), np.uint8)
    pixels[..., :3] = color
    pixels[..., 3] = alpha
    return pixels


def test_a_blend_on_four_by_four_pixels():
    background = np.full((4, 4, 3), 100, np.uint8)
    composite, mask = paste(background, cutout([[255, 128], [127, 0]], 200), left=1, top=2)
    # 200 * 128/255 + 100 * 127/255 = 150.2; with 127 it is 149.8; both round to 150.
    expected = np.full((4, 4), 100)
    expected[2, 1], expected[2, 2], expected[3, 1] = 200, 150, 150
    assert (composite == expected[..., None]).all()
    assert mask.tolist() == [
        [False, False, False, False],
        [False, False, False, False],
        [False, True, True, False],
        [False, False, False, False],
    ]
    assert (background == 100).all()


def test_the_extremes_do_not_overflow():
    background = np.full((1, 2, 3), 255, np.uint8)
    composite, _ = paste(background, cutout([[255, 1]], 255), left=0, top=0)
    assert (composite == 255).all()
    composite, _ = paste(background, cutout([[255, 1]], 0), left=0, top=0)
    assert composite[..., 0].tolist() == [[0, 254]]


def test_what_lies_outside_of_the_frame_is_cut_off():
    background = np.zeros((3, 3, 3), np.uint8)
    numbered = cutout(np.full((2, 2), 255), 0)
    numbered[..., 0] = [[1, 2], [3, 4]]
    composite, mask = paste(background, numbered, left=-1, top=-1)
    assert composite[..., 0].tolist() == [[4, 0, 0], [0, 0, 0], [0, 0, 0]]
    composite, mask = paste(background, numbered, left=2, top=1)
    assert composite[..., 0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 3]]
    assert mask.sum() == 2
    composite, mask = paste(background, numbered, left=3, top=-2)
    assert not composite.any()
    assert not mask.any()


def test_scaling_lets_no_colour_in_from_clear_pixels():
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:, :4] = (250, 250, 250, 255)  # right of it: black, but clear
    small = scaled(pixels, Placement(left=0, top=0, height=3, width=3))
    assert small.shape == (3, 3, 4)
    seen = small[..., 3] > 10
    assert ((small[..., 3] > 10) & (small[..., 3] < 245)).any()
    assert (small[seen][:, :3] > 240).all()
