"""A served page in Debian's Chromium: it follows its study, and the reader loses nothing by it."""

from threading import Thread

import pytest
import scored_study

from bench.report.html import serve
from bench.report.html.serve import PageServer

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path):
    scored_study.keep(tmp_path / "mine", scored_study.grid(seeds=(0, 1)))
    return tmp_path / "mine"


@pytest.fixture
def server(folder, monkeypatch):
    monkeypatch.setattr(serve, "REST", 0)
    with PageServer(folder, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser, server):
    """The page; in the end it has complained of nothing and asked nobody but its server."""
    address = f"http://127.0.0.1:{server.server_port}/"
    context = browser.new_context(viewport={"width": 1000, "height": 500})
    page, heard = context.new_page(), []
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda asked: heard.append(asked.url) if asked.url != address else None)
    page.goto(address)
    yield page
    context.close()
    assert heard == []


def cell(folder):
    return min((folder / "cells").iterdir())


def test_the_page_follows_and_keeps_what_was_picked_sorted_filtered_and_seen(folder, page):
    page.locator("#leaderboard-1 .filter").fill("unet")
    page.locator("#leaderboard-1 th:nth-child(2) button").click()
    page.locator("#strata-1 .by").select_option("depth")
    picked = page.locator("#pairs-1 .pick-a").evaluate("select => select.options[2].textContent")
    page.locator("#pairs-1 .pick-a").select_option(label=picked)
    page.locator("#provenance-1 summary").first.click()
    page.evaluate("document.getElementById('pairs-1').scrollIntoView({ behavior: 'instant' })")
    top = page.locator("#pairs-1").bounding_box()["y"]
    assert page.locator(".following").inner_text().startswith("8 of 13 cells")
    cell(folder).rename(folder / "aside")
    page.get_by_text("7 of 13 cells").wait_for()
    assert page.locator("#leaderboard-1 .filter").input_value() == "unet"
    assert page.locator("#leaderboard-1 th:nth-child(2)").get_attribute("aria-sort") == "ascending"
    assert page.locator("#strata-1 .by").input_value() == "depth"
    shown = page.locator("#pairs-1 .pick-a").evaluate("select => select.selectedOptions[0].text")
    assert shown == picked
    assert page.locator("#provenance-1 details").first.get_attribute("open") is not None
    page.wait_for_function("scrollY > 0")
    assert page.locator("#pairs-1").bounding_box()["y"] == pytest.approx(top, abs=2)


def test_the_page_says_when_its_server_has_ended_and_stays(page, server):
    server.shutdown()
    server.socket.close()
    page.get_by_text("The server has ended").wait_for()
    assert page.locator("#leaderboard-1 table.board tbody tr").count() == 9


def test_axe_finds_no_violation_on_a_served_page(page, violations):
    assert violations(page) == []
