"""What of a board is shown, in which order, and that showing less changes nothing."""

import pytest
import small_board

from bench.errors import InputError
from bench.report import markdown
from bench.report.selection import EVERYTHING, Selection
from bench.settings import Architecture, LossPair


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    return small_board.board(small_board.keep(tmp_path_factory.mktemp("selection") / "mine"))


def shown(board, **asked):
    (found,) = Selection(**asked).of([board])
    return found


def titles(found):
    return [row.title for row in found.rows]


def rows(text, *starts):
    """The cells of the table rows that begin with ``starts``, of every table."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return [cells[len(starts) :] for cells in lines if tuple(cells[: len(starts)]) == starts]


def test_everything_is_the_board_as_it_is(board):
    (found,) = EVERYTHING.of([board])
    assert (found.rows, found.baselines, found.columns) == (
        board.rows,
        board.baselines,
        board.columns,
    )
    assert found.note is None


def test_columns_stand_in_the_order_that_is_asked_for(board):
    found = shown(board, columns=("parameters_m", "rmse", "rmse"))
    assert [column.key for column in found.columns] == ["parameters_m", "rmse"]


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("iou", ["unet, bce", "unet, l1", "densenet, bce", "densenet, l1"]),  # more is better
        ("rmse", ["unet, l1", "densenet, bce", "unet, bce", "densenet, l1"]),  # less is better
        ("inference_images_per_s", ["unet, bce", "unet, l1", "densenet, bce", "densenet, l1"]),
        ("peak_memory_mib", ["densenet, bce", "densenet, l1", "unet, bce", "unet, l1"]),
    ],
)
def test_rows_are_sorted_the_best_first_whichever_way_that_is(board, column, order):
    assert titles(shown(board, sort=column)) == order


def test_rows_of_which_seeds_are_missing_are_sorted_behind_those_that_are_ranked(tmp_path):
    found = small_board.board(small_board.keep(tmp_path, left_out=[("unet", "l1", 2)]))
    assert titles(shown(found, sort="rmse"))[-1] == "unet, l1"


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("unet*", ["unet, bce", "unet, l1"]),
        ("l1", ["unet, l1", "densenet, l1"]),
        ("*net/bce", ["unet, bce", "densenet, bce"]),
        ("[du]*/l?", ["unet, l1", "densenet, l1"]),
    ],
)
def test_rows_are_chosen_by_a_pattern_of_their_names(board, pattern, chosen):
    assert titles(shown(board, rows=(pattern,))) == chosen


def test_a_row_is_shown_if_any_pattern_fits_and_trivial_rows_are_rows(board):
    found = shown(board, rows=("unet/bce", "* mask"))
    assert titles(found) == ["unet, bce"]
    assert [row.architecture for row in found.baselines] == ["empty mask", "full mask"]
    assert found.note == "3 of 9 rows shown: ranks, letters and bold are those of all rows"


def test_a_name_with_brackets_is_found_as_it_is_written(tmp_path):
    of_mask = Architecture(name="unet", options={"tasks": ["mask"]})
    grid = small_board.GRID.model_copy(
        update={
            "architectures": (of_mask, Architecture(name="densenet")),
            "losses": (LossPair(mask="bce"),),
        }
    )
    found = small_board.board(small_board.keep(tmp_path, grid, timed=False))
    assert titles(shown(found, rows=("unet(tasks=['mask'])",))) == [
        "unet(tasks=['mask']), mask: bce"
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("unet/l1", ["unet(width=0.5), l1"]),
        ("unet", ["unet(width=0.5), bce", "unet(width=0.5), l1"]),
        ("un*/l1", ["unet(width=0.5), l1"]),
        ("densenet", ["densenet, bce", "densenet, l1"]),  # and not the one of another width
    ],
)
def test_a_name_without_its_settings_is_enough_where_no_row_has_it_so(tmp_path, pattern, found):
    narrow = [Architecture(name=name, options={"width": 0.5}) for name in ("unet", "densenet")]
    networks = (*narrow, Architecture(name="densenet"))
    grid = small_board.GRID.model_copy(update={"architectures": networks})
    board = small_board.board(small_board.keep(tmp_path, grid, timed=False))
    assert sorted(titles(shown(board, rows=(pattern,)))) == found


def test_choosing_rows_changes_no_rank_no_letter_and_no_best_mark(board):
    whole = markdown.render("mine", [board], {})
    part = markdown.render("mine", [board], {}, Selection(rows=("l1",), sort="rmse"))
    # IoU: 0.6 and 0.59 cannot be told apart, 0.9 is better than both and 0.3 worse.
    assert rows(part, "unet", "l1")[0][1:5] == [
        "0.600 ± 0.025",
        "2-3 b",
        "**0.1000 ± 0.0248**",
        "1 a",
    ]
    assert rows(part, "densenet", "l1")[0][1:3] == ["0.300 ± 0.025 ▼", "4 c"]
    for name in ("unet", "densenet"):
        assert rows(part, name, "l1") == rows(whole, name, "l1")[: len(rows(part, name, "l1"))]
    assert rows(part, "unet", "bce") == []
    assert "2 of 9 rows shown" in part
    assert "rows shown" not in whole


def test_of_a_part_the_report_says_nothing_that_is_of_all_rows(board):
    part = markdown.render("mine", [board], {}, Selection(columns=("iou",)))
    assert "has the best IoU" in markdown.render("mine", [board], {})
    assert "has the best IoU" not in part
    assert "## " not in part


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            {"columns": ("iou", "rsme")},
            "--columns: unknown column 'rsme'; did you mean 'rmse'? (choices: iou, rmse, ",
        ),
        ({"columns": ("",)}, "--columns: unknown column '' (choices: iou, "),
        ({"sort": "IOU"}, "--sort: unknown column 'IOU'; did you mean 'iou'? (choices: iou, "),
        (
            {"rows": ("unet", "desnet*")},
            "--select: no row is 'desnet*'; did you mean 'densenet'? (choices: unet/bce, ",
        ),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest_and_the_choices(board, asked, told):
    with pytest.raises(InputError) as raised:
        Selection(**asked).of([board])
    assert str(raised.value).startswith(told)


def test_a_cost_that_was_not_measured_is_shown_with_dashes_and_sorts_nothing(tmp_path):
    board = small_board.board(small_board.keep(tmp_path, timed=False))
    asked = Selection(columns=("iou", "latency_ms"))
    text = markdown.render("mine", [board], {}, asked)
    assert rows(text, "architecture")[0][-1] == "latency ms ↓"
    assert rows(text, "unet", "bce")[0][-1] == "—"
    with pytest.raises(InputError, match=r"--sort: no row has a figure in latency_ms \(choices: "):
        Selection(sort="latency_ms").of([board])


def test_tables_have_at_most_eight_columns_and_the_first_begins_with_the_scores(board):
    text = markdown.render("mine", [board], {})
    headers = [line for line in text.splitlines() if line.startswith("| architecture")]
    assert [[cell.strip() for cell in header.split("|")[1:-1]] for header in headers[:2]] == [
        [
            "architecture",
            "loss",
            "seeds",
            "IoU ↑",
            "rank",
            "RMSE ↓",
            "rank",
            "inference images/s ↑",
        ],
        ["architecture", "loss", "peak memory MiB ↓", "parameters M ↓", "forward GFLOP ↓"],
    ]


def test_each_column_stands_in_one_table_and_none_is_too_wide(board):
    keys = ("iou", "rmse", *(column.key for column in board.columns[2:]), "iou")
    for ranks in (True, False):
        tables = shown(board, columns=keys * 3).tables(with_ranks=ranks)
        assert sum(tables, ()) == shown(board, columns=keys).columns
        for number, columns in enumerate(tables):
            width = sum(1 + (ranks and board.is_ranked_by(column)) for column in columns)
            assert width <= (5 if number == 0 else 6)
