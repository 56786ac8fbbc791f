"""What the page says beside its leaderboard is what the Markdown report says."""

from dataclasses import replace

import pytest
import scored_study
from page_reader import Page

from bench.report import markdown
from bench.report.html.page import render
from bench.settings import Data, LossPair
from bench.settings.data import Split
from bench.study.study import Study


@pytest.fixture(scope="module")
def board(boards):
    return boards[0]


def in_markdown(board, title):
    """The tables of a section of the Markdown report, each row as its texts."""
    text = markdown.render("mine", [board], {})
    section = text.split(f"## {title}\n\n")[1].split("\n## ")[0]
    tables = [part for part in section.split("\n\n") if part.startswith("|")]
    return [
        [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
        for table in tables
    ]


def on_page(html, *header):
    """The rows of the table that has these headings."""
    found = [table[1:] for table in Page(html).tables if table and table[0] == list(header)]
    assert len(found) == 1, [table[0] for table in Page(html).tables if table]
    return found[0]


def test_shares_and_effects_are_those_of_the_markdown_report(board, html):
    expected = [in_markdown(board, f"What {name} depends on") for name in ("IoU", "RMSE")]
    shares = [
        [name, *row]
        for name, found in zip(("IoU", "RMSE"), expected, strict=True)
        for row in found[0]
    ]
    assert on_page(html, "score", "source", "share of a run", "share of a score") == shares
    titles = ("IoU ↑", "RMSE ↓")
    effects = [
        [title, *row] for title, found in zip(titles, expected, strict=True) for row in found[1]
    ]
    assert len(effects) == 2 * (2 + 2)
    assert on_page(html, "score", "factor", "name", "from the mean of all") == effects


def test_the_best_losses_of_each_network_stand_on_the_page(board, html):
    header = ["architecture", "losses that none is certainly better than"]
    shown = [table[1:] for table in Page(html).tables if table[0] == header]
    assert shown == [in_markdown(board, f"What {name} depends on")[2] for name in ("IoU", "RMSE")]


def test_the_cross_entropy_is_that_of_the_markdown_report(quick_board, quick):
    (expected,) = in_markdown(quick_board, "Cross-entropy")
    titles = [column.title for column in quick_board.cross_entropy_columns]
    shown = on_page(quick, "row", *titles)
    assert len(shown) == 16
    for ours, theirs in zip(shown, expected, strict=True):
        assert ours[0] == f"{theirs[0]}, {theirs[1]}".replace("\\", "")
        words = [sorted(text.replace("**", "").split()) for text in theirs[2:]]
        assert [sorted(text.split()) for text in ours[1:]] == words


def test_the_speeds_are_those_of_the_markdown_report(quick_board, quick):
    (expected,) = in_markdown(quick_board, "Throughput")
    (shown,) = [table for table in Page(quick).tables if "clean blocks" in table[0]]
    assert len(shown) == 1 + 16
    first = [text.replace("\\", "") for text in expected[0]]
    assert shown[1] == [first[0], *first[2:4], *first[6:8], first[1], *first[4:6], first[8]]
    assert shown[2] == [text.replace("\\", "") for text in (expected[1][1], *expected[1][4:6])]


def test_other_splits_of_the_same_samples_stand_on_the_page(tmp_path):
    for by in ("background", "sample"):
        data = Data(archive=("a.zip",), split=Split(by=by))
        scored_study.keep(tmp_path, scored_study.grid(seeds=(0, 1), data=data))
    boards = scored_study.boards(Study(tmp_path))
    assert len(boards) == 2
    html = render("mine", boards, {})
    assert html.count("<h4>Beside the same samples, split otherwise: ") == 2


def test_both_tasks_at_once_stand_beside_one_alone(tmp_path):
    losses = ("bce", LossPair(mask="bce"), LossPair(depth="bce"))
    study = scored_study.keep(tmp_path, scored_study.grid(("unet",), losses, seeds=(0, 1)))
    html = render("mine", scored_study.boards(study), {})
    rows = on_page(html, "architecture", "loss", "score", "both tasks less one alone")
    assert {row[2] for row in rows} == {"IoU ↑", "RMSE ↓"}


def beside_the_reference(board):
    """What was measured of the first network that is not the reference."""
    return next(one for one in board.timed if one.reference is not None)


def test_why_a_speed_is_withheld_stands_where_the_speed_would(board, quick_board):
    measured = beside_the_reference(quick_board)
    timing = measured.timings["inference"]
    rounds = tuple(
        visit.model_copy(
            update={
                "blocks": tuple(b.model_copy(update={"waited_share": 0.5}) for b in visit.blocks)
            }
        )
        for visit in timing.rounds
    )
    disturbed = timing.model_copy(update={"rounds": rounds})
    timings = measured.timings | {"inference": disturbed}
    html = render(
        "q", [replace(quick_board, timed=(measured.model_copy(update={"timings": timings}),))], {}
    )
    throughput = html.partition('<section id="throughput-1"')[2].partition("</section>")[0]
    blocks = disturbed.counts[1]
    why = f'<abbr title="withheld: disturbed: 0 of {blocks} blocks clean">—</abbr>'
    assert throughput.count(why) == 2  # the speed, and how it compares with the reference's
    assert f"<li>{measured.case.label}: inference: disturbed: 0 of {blocks} blocks" in throughput


def test_a_speed_that_may_be_the_reference_s_says_what_it_was(board, quick_board):
    measured = beside_the_reference(quick_board)
    # Half the rounds a tenth slower, half a tenth faster than the reference
    seconds = {
        number: own * (1.1 if number % 2 else 1 / 1.1)
        for number, own in measured.timings["inference"].by_round.items()
    }
    reference = measured.reference.model_copy(update={"seconds": {"inference": seconds}})
    same = measured.model_copy(update={"reference": reference})
    html = render("q", [replace(board, timed=(same,))], {})
    assert ': may as well be 1">no difference</abbr>' in html


def test_speeds_on_another_machine_stand_in_a_table_of_their_own(board, quick_board):
    here, elsewhere = quick_board.timed, {"another machine": quick_board.timed}
    html = render("q", [replace(board, timed=here, timed_elsewhere=elsewhere)], {})
    assert html.count('class="plain speeds"') == 2
    assert "<h4>On another machine</h4>" in html
