"""The pictures on the page are those of the row and the image that they stand with."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pictured_study
import pytest
import scored_study
from page_reader import Page
from PIL import Image

from bench.colors import plasma
from bench.report.html.drawn_maps import (
    FALSE,
    FOUND,
    MISSED,
    RIGHT,
    UNKNOWN,
    Drawer,
    fitting,
)
from bench.report.html.page import render
from bench.report.leaderboard import leaderboards
from bench.settings.data import Split

LEFT, RIGHT_HALF = (slice(None), slice(0, 20)), (slice(None), slice(20, None))
MISNAMED = "</script><script>alert(1)</script>"


class Cards(HTMLParser):
    """The images of the gallery by key of the sheet, number of the row and kind."""

    def __init__(self, html):
        super().__init__()
        self.images, self._sheet, self._row, self._kind = {}, None, None, None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if given.get("class") == "sheet":
            self._sheet, self._row = given["aria-label"].split(":")[0], None
        elif "data-row" in given:
            self._row = int(given["data-row"])
        elif tag == "li" and given.get("class") and self._sheet:
            self._kind = given["class"]
        elif tag == "img" and self._sheet:
            self.images[self._sheet, self._row, self._kind] = decoded(given["src"])


def decoded(uri):
    """The pixels of a data URI, (H, W, 3)."""
    content = base64.b64decode(uri.partition("base64,")[2])
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def page_of(results):
    return render("mine", leaderboards(results), results.damaged, (), results)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    question = scored_study.grid(seeds=(0,), data=pictured_study.DATA)
    return pictured_study.keep(tmp_path_factory.mktemp("study") / "mine", question).load()


@pytest.fixture(scope="module")
def html(results):
    return page_of(results)


def misplaced(results, html):
    """Where a picture is not of the row and the image that it stands with."""
    (board,) = leaderboards(results)
    found = Cards(html).images
    keys = {key for key, row, _ in found if row is not None}
    assert len(keys) >= 3
    wrong = []
    for key in keys:
        for number, row in enumerate(board.rows):
            place = pictured_study.KEYS.index(key)
            level = pictured_study.level(row.records[0].cell, place)
            mask, depth = found[key, number, "mask"], found[key, number, "depth"]
            if not (mask == level).all() or not (depth == plasma()[level]).all():
                wrong.append((key, number))
    return wrong


def test_each_picture_is_of_its_row_and_its_image(results, html):
    assert misplaced(results, html) == []


def test_the_figures_beside_a_picture_are_those_of_its_row_and_its_image(results, html):
    (board,) = leaderboards(results)
    (data,) = [one for one in Page(html).data if "metrics" in one]
    sheets = html.split('class="sheet"')[1:]
    assert [metric["name"] for metric in data["metrics"]] == ["IoU", "RMSE"]
    for sheet, values in zip(sheets, data["values"], strict=True):
        key = re.search(r'aria-label="(\w+):', sheet)[1]
        figures = re.findall(r'data-row="(\d+)">.*?card-figures">([^<]*)<', sheet, re.DOTALL)
        assert len(figures) == len(board.rows)
        for number, shown in figures:
            cell = board.rows[int(number)].records[0].cell.id
            own = results.scores(cell, "values").set_index("key").loc[key]
            assert shown == f"IoU {own['iou']:.3f} · RMSE {own['rmse']:.4f} · seed 0"
            assert values[number] == [own["iou"], own["rmse"]]


def test_a_swap_of_two_rows_or_two_images_would_be_seen(tmp_path):
    question = scored_study.grid(seeds=(0,), data=pictured_study.DATA)

    def swapped_rows(cell):
        other = {"unet": "densenet", "densenet": "unet"}[cell.architecture.name]
        architecture = cell.architecture.model_copy(update={"name": other})
        return pictured_study.predictions(cell.model_copy(update={"architecture": architecture}))

    def swapped_images(cell):
        table = pictured_study.predictions(cell)
        table["key"] = table["key"].to_numpy()[[1, 0, *range(2, len(table))]]
        return table

    for number, swap in enumerate((swapped_rows, swapped_images)):
        folder = tmp_path / f"{number}"
        results = pictured_study.keep(folder, question, of_cell=swap).load()
        assert misplaced(results, page_of(results))


def test_the_truth_and_the_composite_are_of_the_sheets_image(html):
    found = Cards(html).images
    for key in {key for key, row, _ in found if row is None}:
        place = pictured_study.KEYS.index(key)
        assert (found[key, None, "mask"][LEFT] == 254).all()
        assert (found[key, None, "mask"][RIGHT_HALF] == 0).all()
        assert (found[key, None, "depth"] == plasma()[(200 + place) // 2 * 2]).all()
        assert abs(int(found[key, None, "composite"][0, 0, 0]) - 40 * place) <= 4  # of JPEG


def test_a_mask_is_shown_right_missed_wrongly_found_and_unknown_in_four_colors():
    predicted = np.array([[0, 127], [128, 255]], np.uint8)  # below and above the middle
    target = np.array([[0, 255], [255, 0]], np.uint8)
    shown = decoded(Drawer((2, 2)).mask_error(predicted, target, None))
    assert shown.tolist() == [[[*RIGHT], [*MISSED]], [[*FOUND], [*FALSE]]]
    known = np.array([[True, False], [True, True]])
    shown = decoded(Drawer((2, 2)).mask_error(predicted, target, known))
    assert shown[0, 1].tolist() == [*UNKNOWN]


def test_an_error_of_the_depth_is_twice_its_levels_and_none_where_there_is_no_reading():
    predicted = np.array([[10, 200], [0, 50]], np.uint8)
    target = np.array([[30, 190], [255, 50]], np.uint8)
    known = np.array([[True, True], [True, False]])
    shown = decoded(Drawer((2, 2)).depth_error(predicted, target, known))
    assert shown[..., 0].tolist() == [[40, 20], [252, UNKNOWN[0]]]


def test_images_are_made_smaller_only_where_all_together_have_too_many_pixels():
    assert fitting((64, 64), 100, 100 * 64 * 64) == (64, 64)
    assert fitting((64, 128), 100, 100 * 32 * 64) == (32, 64)
    checks = np.indices((64, 64)).sum(0) % 2 * np.uint8(200)
    assert set(decoded(Drawer((32, 32)).mask(checks.astype(np.uint8))).ravel()) == {100}


def test_the_boards_of_a_page_share_its_room_for_pictures(tmp_path, monkeypatch):
    for seed in range(3):
        data = pictured_study.DATA.model_copy(update={"split": Split(seed=seed)})
        study = pictured_study.keep(tmp_path, scored_study.grid(seeds=(0,), data=data))
    monkeypatch.setattr("bench.report.html.pictures.MOST_ROWS", 7)
    monkeypatch.setattr("bench.report.html.pictures.MOST_PIXELS", 30_000)
    monkeypatch.setattr("bench.report.html.pictures.MOST_GIVEN_PIXELS", 9_000)
    html = page_of(study.load())
    found = [Cards(board).images for board in html.split('<article id="board-')[1:]]
    sizes = [
        sum(image.shape[0] * image.shape[1] for (_, row, _), image in of_board.items() if row in of)
        for of in ({0, 1, 2, 3}, {None})
        for of_board in found
    ]
    assert [{row for _, row, _ in board} for board in found] == [{None, 0, 1}] * 3
    assert 25_000 < sum(sizes[:3]) <= 30_000
    assert 7_000 < sum(sizes[3:]) <= 9_000
    assert html.count("test images for the first 2 of 4 rows.") == 3


def test_the_page_says_of_how_many_images_the_shown_ones_were_chosen(html):
    text = re.sub(r"\s+", " ", html)
    assert "Of the 2 test images 6 were drawn by seed before anything was trained" in text
    assert "are of these 6, by IoU and RMSE" in text


def test_a_study_without_predictions_says_how_to_have_them_and_shows_no_picture(tmp_path):
    study = scored_study.keep(tmp_path / "s")
    html = page_of(study.load())
    assert "keeps no predictions of test images" in html
    assert "img" not in Page(html).elements
    assert 'href="#gallery-1"' not in html


def test_nothing_is_fetched_and_every_element_is_closed(html):
    page = Page(html)
    assert page.left_open == []
    sources = [value for name, value in page.attributes if name in {"src", "href"}]
    assert all(value.startswith(("#", "data:image/")) for value in sources)
    assert any(value.startswith("data:image/") for value in sources)


def test_a_label_that_is_a_script_stays_text(tmp_path):
    question = scored_study.grid(seeds=(0,), data=pictured_study.DATA)

    def named(make):
        def renamed(*cell):
            table = make(*cell)
            return table.assign(key=[MISNAMED, *table["key"][1:]])

        return renamed

    results = pictured_study.keep(
        tmp_path / "s",
        question,
        of_cell=named(pictured_study.predictions),
        of_grid=named(pictured_study.samples),
    ).load()
    html = page_of(results)
    assert "alert(1)" in html
    assert "<script>alert" not in html


def test_the_same_records_give_the_same_pictures(results, html):
    assert page_of(results) == html
