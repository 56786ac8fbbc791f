import numpy as np

from bench.archives.stats import histogram_image
from bench.archives.stats.histogram_image import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Panel
from bench.archives.stats.pixel_statistics import BINS, Histogram

BLUE = (0x44, 0x77, 0xAA)


def bars(image, panel=0):
    """(BINS,) the height of each bar in pixels."""
    pixels = np.asarray(image)[HEIGHT * panel : HEIGHT * (panel + 1)]
    middles = LEFT + (np.arange(BINS) + 0.3) / BINS * (WIDTH - LEFT - RIGHT)
    return (pixels[:, middles.astype(int)] == BLUE).all(axis=2).sum(axis=0)


def panel(counts, mean=0.5):
    return Panel("title", "x", "y", Histogram(counts, mean))


def test_bars_are_as_high_as_the_counts():
    counts = [0, 10, 20, 40, *([0] * 27), 30]
    heights = bars(histogram_image.draw([panel(counts)]))
    # 40 %, so the axis ends there and a full bar fills it
    full = HEIGHT - TOP - BOTTOM
    assert np.abs(heights - np.array(counts) / 40 * full).max() <= 2


def test_panels_stand_below_each_other():
    first, second = [1, *([0] * 31)], [*([0] * 31), 1]
    image = histogram_image.draw([panel(first), panel(second)])
    assert image.size == (WIDTH, 2 * HEIGHT)
    assert np.flatnonzero(bars(image, 0)).tolist() == [0]
    assert np.flatnonzero(bars(image, 1)).tolist() == [31]


def test_the_mean_stands_where_it_is():
    image = np.asarray(histogram_image.draw([panel([1] * BINS, mean=0.25)]))
    red = (image[HEIGHT - BOTTOM - 5] == (0xCC, 0x33, 0x11)).all(axis=1)
    assert abs(np.flatnonzero(red).mean() - (LEFT + 0.25 * (WIDTH - LEFT - RIGHT))) <= 1


def test_nothing_counted_is_an_empty_panel():
    assert not bars(histogram_image.draw([panel([0] * BINS, mean=float("nan"))])).any()
