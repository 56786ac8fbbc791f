"""Boards that several test files make pages of."""

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
