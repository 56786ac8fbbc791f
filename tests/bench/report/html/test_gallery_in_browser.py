"""The pictures in Debian's Chromium: slider, choice of an image, two rows beside each other."""

import pictured_study
import pytest
import scored_study

from bench.report.html.page import render
from bench.report.leaderboard import leaderboards

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    question = scored_study.grid(seeds=(0,), data=pictured_study.DATA)
    results = pictured_study.keep(folder / "study", question).load()
    file = folder / "report.html"
    html = render("mine", leaderboards(results), results.damaged, (), results)
    file.write_text(html, encoding="utf-8")
    return file


def cut(page):
    """How much of each prediction the truth covers, as the style says, in percent."""
    clip = page.locator(".sheet:visible .mask .layers img").first.evaluate(
        "image => getComputedStyle(image).clipPath"
    )
    return float(clip.removeprefix("inset(0px 0px 0px ").split("%")[0].rstrip("px)") or 0)


def visible_keys(page):
    return [
        sheet.get_attribute("aria-label").split(":")[0]
        for sheet in page.locator(".sheet:visible").all()
    ]


def test_the_slider_lays_the_truth_over_all_predictions_by_keyboard(page):
    slider = page.get_by_role("slider")
    assert cut(page) == 0
    slider.focus()
    slider.press("ArrowRight")
    assert (slider.input_value(), cut(page)) == ("1", 1)
    slider.press("End")
    assert cut(page) == 100
    assert slider.get_attribute("aria-valuetext") == "100 % truth"


def test_the_slider_is_moved_by_mouse_and_on_a_picture_itself(page):
    slider = page.get_by_role("slider")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert abs(cut(page) - 50) <= 3
    picture = page.locator(".sheet:visible .depth .layers").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 20)
    page.mouse.up()
    assert abs(cut(page) - 25) <= 3
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
    assert abs(cut(page) - 25) <= 3  # it stays where it was left


def test_one_image_is_shown_at_a_time_and_the_arrow_keys_go_on_to_the_next(page):
    assert visible_keys(page) == [pictured_study.KEYS[0]]
    page.locator(".samples input").first.focus()
    page.keyboard.press("ArrowRight")
    assert visible_keys(page) == [pictured_study.KEYS[1]]
    page.locator(".samples label").last.click()
    assert len(visible_keys(page)) == 1
    assert visible_keys(page) != [pictured_study.KEYS[1]]


def gains(page):
    """What is said under the paired pictures of the first metric, as A - B."""
    texts = page.locator(".pictures ol").first.locator("li > p").all_inner_texts()
    return [float(one.split()[1].rstrip(",")) - float(one.split()[3].rstrip(":")) for one in texts]


def test_paired_pictures_begin_where_a_beats_b_and_turn_round_with_the_rows(page):
    before = gains(page)
    assert len(before) >= 3
    assert before == sorted(before, reverse=True)  # of IoU more is better
    page.locator(".pairs .swap").click()
    assert gains(page) == pytest.approx([-gain for gain in before[::-1]])
    page.locator(".pick-a").select_option(index=2)
    first = page.locator(".pictures ol").first.locator("img").nth(2).get_attribute("src")
    shown = page.locator(".sheet [data-row='2'] .mask img").all()
    assert first in [image.get_attribute("src") for image in shown]
    page.locator(".pick-b").select_option(index=2)
    assert page.locator(".pictures img").count() == 0


def test_axe_finds_no_violation_in_the_pictures(page, violations):
    assert violations(page) == []


def test_the_pictures_are_no_wider_than_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
