"""The pictures of the README, of what `bench report` makes of published studies.

`make docs-pictures` takes them anew; playwright drives Chromium for those of pages.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).parent / "images"
PUBLISHED = Path(__file__).parents[1] / "results" / "published"
WIDTH = 1180  # of a page's picture, in pixels
QUALITY = 80  # of the same, of 100
COLUMNS = 118
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # which a code host would not load
DRAWN = "[...document.querySelectorAll('.drawing')].every(place => place.querySelector('svg'))"


def report(folder: Path, study: str, *options: str) -> str:
    """Return what `bench report` prints, in colors, of a copy of a published study."""
    shutil.copytree(PUBLISHED / study, folder / "results" / study, dirs_exist_ok=True)
    command = ("-m", "bench", "report", f"results/{study}", *options)
    environment = os.environ | {"COLUMNS": str(COLUMNS), "FORCE_COLOR": "1"}
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return ran.stdout


def take_page(page: Path, part: str, height: int, picture: Path) -> None:
    """Write a picture (WebP) of a page, from a part of it on, which is named as CSS does."""
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        shown = browser.new_page(viewport={"width": WIDTH, "height": height})
        shown.goto(page.as_uri())
        shown.wait_for_function(DRAWN)
        shown.evaluate("for (const image of document.images) image.loading = 'eager'")
        shown.wait_for_function("[...document.images].every(image => image.complete)")
        shown.evaluate(f"document.querySelector('{part}').scrollIntoView({{behavior: 'instant'}})")
        taken = shown.screenshot()
        browser.close()
    Image.open(io.BytesIO(taken)).convert("RGB").save(picture, quality=QUALITY)


def take_terminal(printed: str, title: str, picture: Path) -> None:
    """Write a picture (SVG) of what a command has printed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(printed))
    picture.write_text(FONTS.sub("", console.export_svg(title=title)), encoding="utf-8")


def main() -> None:
    """Take all of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report(folder, "cross-cpu", "--format", "html")
        take_page(folder / "results/cross-cpu/report.html", ".answer", 1000, IMAGES / "page.webp")
        printed = report(folder, "quick")
        take_terminal(printed, "bench report results/quick", IMAGES / "terminal.svg")
        report(folder, "quick", "--format", "html")
        take_page(folder / "results/quick/report.html", ".cut", 700, IMAGES / "gallery.webp")


if __name__ == "__main__":
    main()
