"""The page in Debian's Chromium: what a reader does with it, and what it must never do."""

from pathlib import Path

import pytest

import bench
from bench.report.html.page import render
from bench.report.leaderboard import leaderboards
from bench.study.study import Study

pytestmark = pytest.mark.slow
STUDY = Path(bench.__file__).parent.parent / "results" / "published" / "cross-cpu"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    results = Study(STUDY).load()
    file = tmp_path_factory.mktemp("page") / "report.html"
    html = render("cross-cpu", leaderboards(results), results.damaged)
    file.write_text(html, encoding="utf-8")
    return file


@pytest.fixture
def page(page):
    """The page with its charts."""
    page.wait_for_function(
        "[...document.querySelectorAll('.drawing')].every(place => place.querySelector('svg'))"
    )
    return page


def figures(page):
    cells = page.locator("#leaderboard-1 table.board > tbody > tr > td:nth-child(4)")
    return [cell.inner_text().split()[0] for cell in cells.all()]


def test_a_heading_sorts_by_click_and_by_keyboard_and_says_so(page):
    head = page.locator("#leaderboard-1 table.board th:nth-child(4)")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    values = [float(text) for text in figures(page) if text != "—"]
    assert values == sorted(values, reverse=True)
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert [float(text) for text in figures(page) if text != "—"] == values[::-1]
    assert figures(page)[-1] == "—"
    page.locator("#leaderboard-1 table.board th:nth-child(2) button").press("Space")
    assert head.get_attribute("aria-sort") is None


def test_the_filter_keeps_the_rows_with_all_its_words(page):
    page.locator("#leaderboard-1 .filter").fill("unet ssim")
    rows = page.locator("#leaderboard-1 table.board > tbody > tr:visible")
    assert rows.count() == 1
    assert "1 of 21 rows" in page.locator("#leaderboard-1 .shown-count").inner_text()


def test_a_column_can_be_hidden_and_shown(page):
    page.locator("#leaderboard-1 .columns summary").click()
    box = page.locator("#leaderboard-1 fieldset input").nth(1)
    box.uncheck()
    assert page.locator("#leaderboard-1 table.board th:nth-child(4)").is_hidden()
    box.check()
    assert page.locator("#leaderboard-1 table.board th:nth-child(4)").is_visible()


def test_the_strata_that_are_chosen_are_shown_alone(page):
    shown = page.locator("#strata-1 .stratum:visible h4")
    assert shown.all_inner_texts() == ["IoU ↑ by object_size"]
    page.locator("#strata-1 .score").select_option("RMSE ↓")
    page.locator("#strata-1 .by").select_option("depth")
    assert shown.all_inner_texts() == ["RMSE ↓ by depth"]
    assert page.locator("#strata-1 .stratum:visible tbody tr").count() == 16


def test_swapping_two_rows_turns_the_difference_round(page):
    section = page.locator("#pairs-1")
    before = [text.split() for text in section.locator("tbody tr").all_inner_texts()]
    section.locator(".swap").click()
    after = [text.split() for text in section.locator("tbody tr").all_inner_texts()]
    assert before[0][1:3] == after[0][1:3][::-1]
    assert {before[0][3][0], after[0][3][0]} == {"+", "\N{MINUS SIGN}"}
    assert before[0][3][1:] == after[0][3][1:]
    section.locator(".pick-a").select_option(index=0)
    section.locator(".pick-b").select_option(index=0)
    assert "Pick two different rows" in section.locator(".outcome").inner_text()


def test_axe_finds_no_violation(page, violations):
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert violations(page) == []


def test_the_page_is_no_wider_than_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
