"""The two pictures of the README, of what `bench report` makes of published studies.

`make docs-pictures` takes them anew; playwright drives Chromium for the one of the page.
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

HERE = Path(__file__).parent
PUBLISHED = HERE.parent / "results" / "published"
WIDTH, HEIGHT = 1180, 1000  # of the page's picture, in pixels
COLORS = 64  # of the same, so that it is small
COLUMNS = 118
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # which a code host would not load
DRAWN = "[...document.querySelectorAll('.drawing')].every(place => place.querySelector('svg'))"


def report(folder: Path, study: str, *options: str) -> str:
    """Return what `bench report` prints, in colors, of a copy of a published study."""
    shutil.copytree(PUBLISHED / study, folder / "results" / study)
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


def take_page(page: Path, picture: Path) -> None:
    """Write a picture (PNG) of a page, from its answer on."""
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        shown = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        shown.goto(page.as_uri())
        shown.wait_for_function(DRAWN)
        shown.evaluate("document.querySelector('.answer').scrollIntoView()")
        taken = shown.screenshot()
        browser.close()
    Image.open(io.BytesIO(taken)).convert("RGB").quantize(COLORS).save(picture, optimize=True)


def take_terminal(printed: str, title: str, picture: Path) -> None:
    """Write a picture (SVG) of what a command has printed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(printed))
    picture.write_text(FONTS.sub("", console.export_svg(title=title)), encoding="utf-8")


def main() -> None:
    """Take both pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report(folder, "cross-cpu", "--format", "html")
        take_page(folder / "results/cross-cpu/report.html", HERE / "images" / "page.png")
        printed = report(folder, "quick")
        take_terminal(printed, "bench report results/quick", HERE / "images" / "terminal.svg")


if __name__ == "__main__":
    main()
