"""`bench compare` and `bench power` say what the values of the images support."""

import numpy as np
import pytest
import scored_study
import study_maker
from scipy import stats
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import InputError
from bench.evaluation.metric import summarise
from bench.execution.cell import with_values
from bench.report.compare import Zone, compare
from bench.report.separation import open_pairs
from bench.settings import Architecture, Data, Split
from bench.statistics.practical import Verdict
from bench.study import places
from bench.study.study import Study


@pytest.fixture
def boards(tmp_path):
    return scored_study.boards(scored_study.keep(tmp_path))


def values(title, **changes):
    """IoU of a row (seeds, images), read off the scores."""
    architecture, loss = title.split("/")
    return np.stack(
        [
            scored_study.scores(cell, **changes)["tp"] / (4096 / 5)
            for cell in scored_study.grid().cells()
            if cell.loss is not None
            and (cell.architecture.name, cell.loss.mask) == (architecture, loss)
        ]
    )


def test_two_rows_differ_by_their_means(boards):
    iou, rmse = compare(boards, "unet/bce", "densenet/l1")
    expected = values("unet/bce").mean() - values("densenet/l1").mean()
    assert iou.difference.estimate == pytest.approx(expected)
    assert rmse.difference.estimate == pytest.approx(-expected / 2)
    assert (iou.verdict, rmse.verdict) == (Verdict.BETTER, Verdict.BETTER)
    assert min(iou.better, rmse.better) > 0.999
    assert compare(boards, "densenet/l1", "unet/bce")[0].verdict is Verdict.WORSE


def test_a_loss_is_compared_over_all_its_rows(boards):
    iou, _ = compare(boards, "bce", "l1")
    rows = [[values(f"{a}/{loss}").mean() for a in ("unet", "densenet")] for loss in ("bce", "l1")]
    assert iou.means == pytest.approx(tuple(np.mean(rows, axis=1)))
    assert iou.rows == 2


def test_an_architecture_is_compared_over_the_losses_that_both_have(tmp_path):
    study = scored_study.keep(tmp_path, scored_study.grid(architectures=("unet",)))
    scored_study.keep(tmp_path, scored_study.grid(architectures=("densenet",), losses=("bce",)))
    iou, _ = compare(scored_study.boards(study), "unet", "densenet")
    assert iou.rows == 1
    assert iou.means == pytest.approx(
        (values("unet/bce").mean(), values("densenet/bce").mean()), abs=1e-6
    )


def test_two_cells_are_two_checkpoints(boards):
    cells = [c for c in scored_study.grid().cells() if c.loss is not None and c.seed == 0]
    iou, _ = compare(boards, cells[0].id[:6], cells[1].id[:6])
    one, other = (scored_study.scores(cell)["tp"] / (4096 / 5) for cell in cells[:2])
    apart = one - other
    half = stats.t.ppf(0.975, 59) * apart.std(ddof=1) / np.sqrt(60)
    assert iou.difference.of_checkpoint
    assert iou.difference.half_width == pytest.approx(half, rel=1e-6)


def test_architectures_are_compared_on_a_board_of_one_loss(tmp_path):
    study = scored_study.keep(tmp_path, scored_study.grid(losses=("bce",)))
    iou, _ = compare(scored_study.boards(study), "unet", "densenet")
    assert iou.means == pytest.approx(
        (values("unet/bce").mean(), values("densenet/bce").mean()), abs=1e-6
    )


def test_a_network_whose_name_has_a_slash_is_found(tmp_path):
    question = scored_study.grid(architectures=("unet", "smp:Unet/resnet34"))
    boards = scored_study.boards(scored_study.keep(tmp_path, question))
    rows, _ = compare(boards, "unet/bce", "smp:Unet/resnet34/bce")
    both, _ = compare(boards, "unet", "smp:Unet/resnet34")
    assert (rows.rows, both.rows) == (1, 2)


def test_a_name_that_two_networks_share_stands_for_neither(tmp_path):
    networks = [Architecture(name="unet", options={"width": width}) for width in (0.25, 0.5)]
    question = scored_study.grid(architectures=("densenet",))
    question = question.model_copy(
        update={"architectures": (*networks, Architecture(name="autoencoder"))}
    )
    boards = scored_study.boards(scored_study.keep(tmp_path, question))
    with pytest.raises(InputError, match="unet: the study has no such row"):
        compare(boards, "unet", "autoencoder")
    iou, _ = compare(boards, "unet(width=0.25)", "autoencoder")
    assert iou.rows == 2


def test_a_name_without_options_is_that_of_the_network_without_options(tmp_path):
    networks = [Architecture(name="unet"), Architecture(name="unet", options={"width": 0.5})]
    question = scored_study.grid().model_copy(update={"architectures": tuple(networks)})
    boards = scored_study.boards(scored_study.keep(tmp_path, question))
    iou, _ = compare(boards, "unet/bce", "unet(width=0.5)/bce")
    assert iou.rows == 1


@pytest.mark.parametrize(("first", "second"), [("bce", "unet"), ("unet/bce", "l1")])
def test_what_is_compared_has_to_be_of_one_kind(boards, first, second):
    with pytest.raises(InputError, match="give two of one"):
        compare(boards, first, second)


def test_a_cell_is_not_compared_with_a_row(boards):
    cell = next(c for c in scored_study.grid().cells() if c.loss is not None)
    with pytest.raises(InputError, match="of the kind cell, densenet/bce of the kind row"):
        compare(boards, cell.id, "densenet/bce")


def test_a_collapsed_cell_is_not_replaced_by_its_row(tmp_path):
    cells = [c for c in scored_study.grid().cells() if c.loss is not None]

    def tables(cell):
        full = {"tp": 4096 / 5, "fp": 0.8 * 4096, "fn": 0.0, "changed_pixels": 0.0}
        return scored_study.scores(cell).assign(**full if cell.id == cells[0].id else {})

    boards = scored_study.boards(scored_study.keep(tmp_path, tables=tables))
    with pytest.raises(InputError, match="the run has collapsed"):
        compare(boards, cells[0].id, cells[-1].id)


def test_collapsed_seeds_of_the_compared_rows_are_told(tmp_path):
    cells = [c for c in scored_study.grid().cells() if c.loss is not None]
    first, last = (f"{c.architecture.name}/{c.loss.mask}" for c in (cells[0], cells[-1]))
    others = [c for c in cells if f"{c.architecture.name}/{c.loss.mask}" not in {first, last}]
    third = f"{others[0].architecture.name}/{others[0].loss.mask}"

    def tables(cell):
        is_first = cell.id == cells[0].id
        return scored_study.constant(cell) if is_first else scored_study.scores(cell)

    boards = scored_study.boards(scored_study.keep(tmp_path, tables=tables))
    iou, rmse = compare(boards, first, last)
    assert iou.said(Verdict.OPEN) == "open (collapsed)"
    assert rmse.said(Verdict.OPEN) == "open"
    told = "Collapsed: by IoU some seeds predict the same for every image"
    for one, other, expected in ((first, last, True), (last, first, True), (last, third, False)):
        ran = CliRunner().invoke(app, ["compare", str(tmp_path), one, other])
        assert ran.exit_code == 0, ran.output
        assert (told in ran.output) == expected
        assert ("(collapsed)" in ran.output) == expected


def test_what_is_too_small_to_matter_is_equal(boards):
    zones = {"iou": Zone(0.5), "rmse": Zone(2.0, is_share=True)}
    found = compare(boards, "unet/bce", "densenet/bce", equal=zones)
    assert [one.verdict for one in found] == [Verdict.EQUAL, Verdict.EQUAL]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("unet/bc", "unet/l1"), "unet/bc: the study has no such row.*did you mean 'unet/bce'"),
        (("unet/bce", "unet/bce"), "give two different things"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(boards, names, told):
    with pytest.raises(InputError, match=told):
        compare(boards, *names)


def test_rows_of_different_boards_are_told_apart_by_their_settings(tmp_path):
    scored_study.keep(tmp_path, scored_study.grid(architectures=("unet",)))
    by_background = Data(archive=("a.zip",), split=Split(by="background", seed=7))
    study = scored_study.keep(
        tmp_path,
        scored_study.grid(architectures=("densenet",), data=by_background),
        lambda cell: scored_study.scores(cell, group_background=[f"b{n // 6}" for n in range(60)]),
    )
    with pytest.raises(InputError) as error:
        compare(scored_study.boards(study), "unet/bce", "densenet/bce")
    assert "are on different boards and cannot be compared: " in str(error.value)
    assert "data.split.by: the default and background" in str(error.value)


def test_the_same_samples_split_otherwise_are_set_beside(tmp_path):
    groups = {"group_background": [f"b{n // 6}" for n in range(60)]}
    scored_study.keep(tmp_path, scored_study.grid())
    question = scored_study.grid(data=Data(archive=("a.zip",), split=Split(by="background")))
    study = scored_study.keep(
        tmp_path,
        question,
        lambda cell: scored_study.scores(cell, scored_study.level(cell) - 0.05, **groups),
    )
    text = scored_study.text(study)
    (_, section, other) = text.split("## Beside the same samples, split otherwise: ")
    changes = {
        tuple(cell.strip() for cell in line.split("|")[1:3]): float(line.split("|")[3].split()[0])
        for part in (section, other)
        for line in part.split("\n\n")[1].splitlines()[2:]
        if part is section
    }
    assert changes["unet", "bce"] == pytest.approx(
        0.05, abs=0.02
    )  # the latest grid is by background


def test_the_command_prints_the_difference_and_the_verdict(tmp_path):
    scored_study.keep(tmp_path)
    ran = CliRunner().invoke(
        app, ["compare", str(tmp_path), "unet/bce", "unet/l1", "--equal", "iou=0.01"]
    )
    assert ran.exit_code == 0
    assert "better" in ran.output
    for text in ("iou", "iou=", "iou=-1", "iou=x%"):
        ran = CliRunner().invoke(app, ["compare", str(tmp_path), "a", "b", "--equal", text])
        assert isinstance(ran.exception, InputError)
        assert "give a metric and a size, as in iou=0.005 or rmse=1%" in str(ran.exception)


def test_pairs_that_are_told_apart_are_not_open(boards):
    (board,) = boards
    column = next(c for c in board.columns if c.key == "iou")
    assert open_pairs(board, column) == []


def test_an_open_pair_says_what_would_tell_it_apart(tmp_path):
    study = scored_study.keep(
        tmp_path,
        tables=lambda c: scored_study.scores(
            c, mean=0.6 + 0.02 * (c.architecture.name == "unet"), seed_noise=0.02
        ),
    )
    (board,) = scored_study.boards(study)
    column = next(c for c in board.columns if c.key == "iou")
    pairs = open_pairs(board, column)
    assert pairs
    for pair in pairs:
        low, high = pair.needed.seeds
        assert low is None or high is None or 2 <= low <= high
    ran = CliRunner().invoke(app, ["power", str(tmp_path)])
    assert ran.exit_code == 0
    assert "not told apart with 4 seeds, 60 images" in ran.output


def test_other_data_are_not_set_beside_as_another_split(tmp_path):
    groups = {"group_background": [f"b{n // 6}" for n in range(60)]}
    scored_study.keep(tmp_path, scored_study.grid())
    question = scored_study.grid(data=Data(archive=("b.zip",), split=Split(by="background")))
    other = study_maker.PROVENANCE.model_copy(update={"data": "other data"})
    study = Study(tmp_path)
    study.write_grid(question, other, study_maker.CONTRACTS)
    for cell in (cell for cell in question.cells() if cell.loss is not None):
        table = scored_study.scores(cell, **groups)
        tables = with_values({places.SCORES: table}, study_maker.METRICS)
        summary = summarise(table, study_maker.METRICS)
        study.write_cell(study_maker.record(cell, summary=summary, provenance=other), tables)
    assert len(scored_study.boards(study)) == 2
    assert "split otherwise" not in scored_study.text(study)
