"""The first column of the page's tables stays in sight and whole while the others are scrolled."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium"),
]
LINE = (220, 223, 228)  # between rows, on a light page
CARD = (255, 255, 255)  # behind them
BOXES = """table => [...table.tBodies[0].rows].map(row => {
    const { left, right, top } = row.cells[0].getBoundingClientRect();
    return [left, right, top + scrollY];
})"""


@pytest.fixture(scope="module")
def scrolled(quick, tmp_path_factory):
    """The pixels of the page on a phone, and where the leaderboard's first column lies there."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(quick, encoding="utf-8")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(file.as_uri())
        table = page.locator("#leaderboard-1 table.board")
        table.evaluate("table => table.closest('.scroll').scrollLeft = 60")
        boxes = table.evaluate(BOXES)
        with Image.open(io.BytesIO(page.screenshot(full_page=True))) as shot:
            pixels = np.asarray(shot.convert("RGB"))
        browser.close()
    return pixels, np.rint(boxes).astype(int)


def test_a_line_stands_above_every_row_under_the_first_column_too(scrolled):
    pixels, boxes = scrolled
    for x in (boxes[0, 0] + 4, boxes[0, 1] - 4, boxes[0, 1] + 8):
        broken = [
            number
            for number, top in enumerate(boxes[:, 2])
            if not (pixels[top - 1 : top + 2, x] == LINE).all(-1).any()
        ]
        assert broken == []


def test_nothing_of_the_other_columns_shows_through_the_first(scrolled):
    pixels, boxes = scrolled
    _, right, top = boxes[0]
    heading = pixels[top - 30 : top - 3, right - 25 : right - 2]
    assert (heading == CARD).all()
