from itertools import islice
from pathlib import Path

import pytest
import scored_study

import bench
from bench.report.figures import figures
from bench.report.leaderboard import leaderboards
from bench.study.study import Study

PUBLISHED = Path(bench.__file__).parent.parent / "results" / "published"

pytest.importorskip("vl_convert", reason="needs vl-convert")


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    (board,) = scored_study.boards(scored_study.keep(tmp_path_factory.mktemp("study") / "mine"))
    return board


@pytest.fixture(scope="module")
def pdfs():
    """Draw the first two charts of a published board, which have many resources, anew each time."""
    (board,) = leaderboards(Study(PUBLISHED / "quick").load())
    return lambda: dict(islice(figures(board, "pdf"), 2))


def test_the_charts_are_pictures_and_the_same_for_the_same_records(board):
    drawn = dict(figures(board, "svg"))
    assert set(drawn) == {"crossed.svg", "shares.svg", "effects.svg"}
    assert drawn == dict(figures(board, "svg"))
    text = drawn["crossed.svg"].decode()
    assert ">0.802</text>" in text
    assert ">densenet</text>" in text


def test_a_pdf_is_the_same_for_the_same_records(pdfs):
    """The library writes resources, and numbers fonts, in an order of chance."""
    drawn = [pdfs() for _ in range(3)]
    assert all(content.startswith(b"%PDF") for content in drawn[0].values())
    assert drawn[0] == drawn[1] == drawn[2]


def test_the_objects_of_a_pdf_stand_where_its_table_says(pdfs):
    for content in pdfs().values():
        table = int(content.rsplit(b"startxref", 1)[1].split()[0])
        entries = content[table:].split(b"trailer")[0].splitlines()[2:]
        places = {n: int(entry[:10]) for n, entry in enumerate(entries) if entry[17:18] == b"n"}
        assert len(places) > 5
        assert all(content[at:].startswith(b"%d 0 obj" % n) for n, at in places.items())
