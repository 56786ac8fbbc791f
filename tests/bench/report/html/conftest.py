"""Boards that several test files make pages of, and the browser that the pages are opened in."""

import shutil
from pathlib import Path

import pytest
import scored_study

import bench
from bench.report.html.page import render
from bench.report.leaderboard import leaderboards
from bench.study.study import Study

PUBLISHED = Path(bench.__file__).parent.parent / "results" / "published"


@pytest.fixture(scope="session")
def boards(tmp_path_factory):
    """Two networks by two losses, of four seeds; the study is called mine."""
    return scored_study.boards(scored_study.keep(tmp_path_factory.mktemp("study") / "mine"))


@pytest.fixture(scope="session")
def html(boards):
    return render("mine", boards, {})


@pytest.fixture(scope="session")
def quick_results():
    """The published study of single seeds, with measured speeds."""
    return Study(PUBLISHED / "quick").load()


@pytest.fixture(scope="session")
def quick_board(quick_results):
    (board,) = leaderboards(quick_results)
    return board


@pytest.fixture(scope="session")
def quick(quick_board, quick_results):
    return render("quick", [quick_board], {}, (), quick_results)


@pytest.fixture(scope="module")  # no longer, as no event loop can run beside its own
def browser():
    """Debian's Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium: apt install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def page(browser, file, request):
    """A test file's `file`; in the end it has complained of nothing and asked for nothing."""
    context = browser.new_context(color_scheme=request.param)
    page, heard = context.new_page(), []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on(
        "request",
        lambda asked: heard.append(asked.url) if not asked.url.startswith("data:") else None,
    )
    page.goto(file.as_uri())
    yield page
    context.close()
    assert heard == [file.as_uri()]


@pytest.fixture
def violations():
    """What axe finds in a page that not everyone can read or reach."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")

    def violations(page):
        found = axe.Axe().run(page).response["violations"]
        return [(one["id"], one["nodes"][0]["html"][:200]) for one in found]

    return violations
