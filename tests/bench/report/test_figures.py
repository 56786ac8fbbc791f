import pytest
import scored_study

from bench.report.figures import figures

pytest.importorskip("vl_convert", reason="needs vl-convert")


def test_the_charts_are_pictures_and_the_same_for_the_same_records(tmp_path):
    (board,) = scored_study.boards(scored_study.keep(tmp_path / "study"))
    drawn = dict(figures(board, "svg"))
    assert set(drawn) == {"crossed.svg", "shares.svg"}
    assert drawn == dict(figures(board, "svg"))
    text = drawn["crossed.svg"].decode()
    assert ">0.802</text>" in text
    assert ">densenet</text>" in text
