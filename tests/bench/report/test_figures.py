import pytest
import scored_study

from bench.report.figures import figures

pytest.importorskip("vl_convert", reason="needs vl-convert")


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    (board,) = scored_study.boards(scored_study.keep(tmp_path_factory.mktemp("study") / "mine"))
    return board


def test_the_charts_are_pictures_and_the_same_for_the_same_records(board):
    drawn = dict(figures(board, "svg"))
    assert set(drawn) == {"crossed.svg", "shares.svg", "effects.svg"}
    assert drawn == dict(figures(board, "svg"))
    text = drawn["crossed.svg"].decode()
    assert ">0.802</text>" in text
    assert ">densenet</text>" in text


def test_a_pdf_is_the_same_for_the_same_records(board):
    """Its fonts stand in it in an order of chance: with two, eight times the same is one in 128."""
    drawn = [dict(figures(board, "pdf")) for _ in range(8)]
    assert all(content.startswith(b"%PDF") for content in drawn[0].values())
    assert all(again == drawn[0] for again in drawn)
