"""Histograms as one image, drawn without a plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from bench.archives.stats.pixel_statistics import Histogram

WIDTH, HEIGHT = 720, 360  # of one histogram, in pixels
LEFT, TOP, RIGHT, BOTTOM = 70, 56, 24, 62  # margins around its axes
X_TICKS = 10
Y_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
MAX_Y_TICKS = 6
INK, GRID, BAR, MARK = "#222222", "#dddddd", "#4477aa", "#cc3311"


@dataclass(frozen=True)
class Panel:
    """One histogram and what to write beside it.

    Attributes:
        title: above it.
        x_label: what its values in [0, 1] are.
        y_label: what is counted.
    """

    title: str
    x_label: str
    y_label: str
    histogram: Histogram


def draw(panels: Sequence[Panel]) -> Image.Image:
    """The panels (at least one) below each other, RGB."""
    image = Image.new("RGB", (WIDTH, HEIGHT * len(panels)), "white")
    for number, panel in enumerate(panels):
        one = Image.new("RGB", (WIDTH, HEIGHT), "white")
        _draw_panel(ImageDraw.Draw(one), panel)
        image.paste(one, (0, HEIGHT * number))
    return image


def _draw_panel(draw: ImageDraw.ImageDraw, panel: Panel) -> None:
    small, large = ImageFont.load_default(13), ImageFont.load_default(17)
    counts = panel.histogram.counts
    shares = [count / (sum(counts) or 1) for count in counts]
    step = next(s for s in Y_STEPS if max(shares) <= s * MAX_Y_TICKS)
    top_share = step * max(1, -(-max(shares) // step))

    def x(value: float) -> float:
        return LEFT + value * (WIDTH - LEFT - RIGHT)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - share / top_share * (HEIGHT - TOP - BOTTOM)

    draw.text((LEFT, 8), panel.title, INK, large)
    draw.text((8, TOP - 22), panel.y_label, INK, small)
    for tick in range(round(top_share / step) + 1):
        share = tick * step
        draw.line((x(0), y(share), x(1), y(share)), GRID)
        draw.text((LEFT - 8, y(share)), f"{share:.0%}", INK, small, anchor="rm")
    for number, share in enumerate(shares):
        left, right = x(number / len(shares)), x((number + 1) / len(shares))
        if share:
            draw.rectangle((left + 1, y(share), right - 1, y(0)), BAR)
    for tick in range(X_TICKS + 1):
        value = tick / X_TICKS
        draw.line((x(value), y(0), x(value), y(0) + 5), INK)
        draw.text((x(value), y(0) + 8), f"{value:.1f}", INK, small, anchor="mt")
    draw.line((x(0), y(0), x(1), y(0)), INK)
    draw.text((x(0.5), HEIGHT - 22), panel.x_label, INK, small, anchor="mt")
    if any(counts):
        mean = panel.histogram.mean
        draw.line((x(mean), y(top_share), x(mean), y(0)), MARK, 2)
        side, shift = ("l", 5) if mean < 0.5 else ("r", -5)  # noqa: PLR2004 - towards the middle
        draw.text((x(mean) + shift, TOP - 18), f"mean {mean:.4f}", MARK, small, anchor=f"{side}t")
