"""How two studies differ, row by row: by numbers that a hand can calculate."""

import numpy as np
import pytest
import scored_study
import study_maker
from scipy import stats

from bench.errors import InputError
from bench.execution.cell import with_values
from bench.report.studies.comparison import compare_studies
from bench.settings import Data, Split, Train
from bench.study import places
from bench.study.study import Study

IMAGES = np.linspace(-0.1, 0.1, 60)  # by how much an image is easier than the mean
NOT_PAIRED = "not paired: the test images, or the data, are others and count as independent"
FALLS = {0: 0.05, 1: 0.03, 2: 0.04}  # of a seed's IoU, the same on every image


def question(architectures=("unet",), losses=("bce",), seeds=(0, 1, 2), **settings):
    return scored_study.grid(architectures, losses, seeds, **settings)


def table(cell, fall=0.0, images=IMAGES, **columns):
    """A cell's sums: IoU 0.7 on the mean image, and seeds that differ by 0.01."""
    return study_maker.sums(0.7 + 0.01 * cell.seed + images - fall, 0.3 - images, **columns)


def falling(cell):
    return table(cell, FALLS[cell.seed])


@pytest.fixture
def compare(tmp_path):
    """Compare two studies, each given by its grid and tables."""

    def compare(one, other):
        folders = [tmp_path / "A", tmp_path / "B"]
        for folder, made in zip(folders, (one, other), strict=True):
            scored_study.keep(folder, *made)
        return compare_studies(tuple(Study(folder).load() for folder in folders))

    return compare


def test_equal_studies_differ_by_nothing(compare):
    (found,) = compare((question(), table), (question(), table))
    (iou,) = found.scores["iou"]
    assert (found.settings, found.circumstances) == ([], [])
    assert iou.means[0] == iou.means[1] == pytest.approx(0.71)
    assert iou.span == (0, 0)
    assert iou.pairing == "paired by seed and test image"


def test_a_planted_fall_is_students_interval_of_the_seeds_falls(compare):
    """Seeds fall by 0.05, 0.03 and 0.04: mean 0.04, standard deviation 0.01, t(2) = 4.3027."""
    (found,) = compare((question(), table), (question(), falling))
    (iou,), (rmse,) = found.scores["iou"], found.scores["rmse"]
    assert iou.difference.estimate == pytest.approx(-0.04)
    assert iou.difference.half_width == pytest.approx(4.3027 * 0.01 / np.sqrt(3), rel=1e-4)
    assert rmse.span == (0, 0)


def test_the_intervals_of_two_rows_hold_at_once(compare):
    grid = question(("unet", "densenet"))
    (found,) = compare((grid, table), (grid, falling))
    half = stats.t.ppf(1 - 0.025 / 2, 2) * 0.01 / np.sqrt(3)
    assert [one.difference.half_width for one in found.scores["iou"]] == pytest.approx([half] * 2)


def test_rows_tell_of_each_others_seeds(compare):
    """Of three rows whose falls vary alike, each is known better than from its own three seeds."""
    grid = question(("unet", "densenet", "autoencoder"))
    (found,) = compare((grid, table), (grid, falling))
    alone = stats.t.ppf(1 - 0.05 / 6, 2) * 0.01 / np.sqrt(3)
    assert all(one.difference.half_width < 0.8 * alone for one in found.scores["iou"])


def test_a_row_that_is_equal_to_the_last_digit_is_so_whatever_other_rows_do(compare):
    """Nor does it tell of the others: three vary alike, and each borrows half of the others' 4.

    What they borrow is the variance whose logarithm is a sample's on average, of 2 degrees of
    freedom: Euler's constant above that of 0.01.
    """
    grid = question(("unet", "densenet", "autoencoder", "resnet50_upproj"))
    (found,) = compare(
        (grid, table),
        (grid, lambda cell: (table if cell.architecture.name == "unet" else falling)(cell)),
    )
    changes = {one.title.partition(",")[0]: one for one in found.scores["iou"]}
    assert changes.pop("unet").span == (0, 0)
    variance = 0.01**2 * (2 * np.exp(np.euler_gamma) + 2) / 4
    half = stats.t.ppf(1 - 0.025 / 4, 2 + 2) * np.sqrt(variance / 3)
    assert [one.difference.half_width for one in changes.values()] == pytest.approx([half] * 3)


def test_one_seed_is_an_interval_of_the_images_and_said_to_be_of_the_checkpoint(compare):
    def noisy(cell):
        return table(cell, np.random.default_rng(1).normal(0.02, 0.01, 60))

    grid = question(seeds=(0,))
    (found,) = compare((grid, table), (grid, noisy))
    (iou,) = found.scores["iou"]
    falls = np.random.default_rng(1).normal(0.02, 0.01, 60)
    expected = stats.ttest_1samp(-falls, 0).confidence_interval(0.95)
    assert iou.span == pytest.approx(tuple(expected), rel=1e-6)
    assert iou.difference.of_checkpoint


def test_seeds_that_b_was_not_to_have_are_left_out_and_named(compare):
    (found,) = compare((question(), table), (question(seeds=(1, 2)), falling))
    (iou,) = found.scores["iou"]
    assert iou.seeds == (2, 2)
    assert iou.difference.estimate == pytest.approx(-0.035)
    assert (iou.problem, iou.note) == ("", "compared without seed 0, which only one study has")


def test_a_seed_that_b_lacks_is_a_problem(compare, tmp_path):
    grid = question()
    failed = next(cell for cell in grid.cells() if cell.loss is not None and cell.seed == 1)
    scored_study.keep(tmp_path / "A", grid, table)
    study = scored_study.keep(tmp_path / "B", grid, table)
    study.write_cell(study_maker.record(failed, failure="out of memory"), {})
    (found,) = compare_studies(tuple(Study(tmp_path / name).load() for name in "AB"))
    (iou,) = found.scores["iou"]
    assert iou.problem == "B lacks seed 1"
    assert iou.seeds == (2, 2)


def test_a_run_that_collapsed_in_b_alone_is_a_problem(compare):
    def collapsed(cell):
        full = {"tp": 4096 / 5, "fp": 0.8 * 4096, "fn": 0.0, "changed_pixels": 0.0}
        return table(cell).assign(**full if cell.seed == 2 else {})

    (found,) = compare((question(), table), (question(), collapsed))
    (iou,) = found.scores["iou"]
    assert iou.problem == "collapsed in A: none; in B: seed 2"
    assert (iou.seeds, iou.difference.estimate) == ((2, 2), 0)
    (found,) = compare((question(), collapsed), (question(), collapsed))
    (iou,) = found.scores["iou"]
    assert (iou.problem, iou.note) == ("", "collapsed in A: seed 2; in B: seed 2")


def test_other_seeds_are_not_paired(compare):
    (found,) = compare(
        (question(), table), (question(seeds=(3, 4, 5)), lambda cell: table(cell, 0.03))
    )
    (iou,) = found.scores["iou"]
    assert iou.pairing == "paired by test image, not by seed: the seeds are others"
    welch = stats.ttest_ind([0.70, 0.71, 0.72], [0.70, 0.71, 0.72], equal_var=False)
    assert iou.difference.estimate == pytest.approx(0)
    assert iou.span == pytest.approx(tuple(welch.confidence_interval(0.95)), rel=1e-6)


def test_other_test_images_are_not_paired_and_that_is_said(compare):
    def elsewhere(cell):
        keys = [f"other{number}" for number in range(60)]
        return table(cell, key=keys)

    split = Data(archive=("a.zip",), split=Split(seed=5))
    grid = question(seeds=(0,))
    (found,) = compare((grid, table), (question(seeds=(0,), data=split), elsewhere))
    (iou,) = found.scores["iou"]
    assert iou.pairing == NOT_PAIRED
    welch = stats.ttest_ind(0.7 + IMAGES, 0.7 + IMAGES, equal_var=False)
    assert iou.span == pytest.approx(tuple(welch.confidence_interval(0.95)), rel=1e-6)
    assert ("data.split.seed", "the default", "5") in found.settings


def test_images_of_other_data_are_not_paired_though_their_keys_are_the_same(tmp_path):
    """60 groups in A, 4 in B: each mean has the images of its own study, in their groups."""

    def grouped(groups):
        means = np.random.default_rng(groups).normal(0.6, 0.1, groups)
        names = np.repeat(np.arange(groups), 60 // groups)
        iou = means[names]
        return means, lambda _: study_maker.sums(iou, 1 - iou, group_background=names.astype(str))

    split = Data(archive=("a.zip",), split=Split(by="background"))
    grid = question(seeds=(0,), data=split)
    elsewhere = study_maker.PROVENANCE.model_copy(update={"data": "the data of other seeds"})
    (many, of_a), (few, of_b) = grouped(60), grouped(4)
    scored_study.keep(tmp_path / "A", grid, of_a)
    scored_study.keep(tmp_path / "B", grid, of_b, provenance=elsewhere)
    studies = [Study(tmp_path / name).load() for name in "AB"]
    ((iou,), (reverse,)) = (
        compare_studies(tuple(pair))[0].scores["iou"] for pair in (studies, studies[::-1])
    )
    assert iou.pairing == NOT_PAIRED
    welch = stats.ttest_ind(few, many, equal_var=False).confidence_interval(0.95)
    assert iou.span == pytest.approx(tuple(welch), rel=1e-6)
    assert reverse.span == pytest.approx((-iou.span[1], -iou.span[0]))


def test_rows_are_compared_in_spite_of_other_settings_which_are_named(compare):
    (found,) = compare((question(), table), (question(train=Train(epochs=9)), falling))
    assert ("train.0.epochs", "3", "9") in found.settings
    assert found.scores["iou"][0].difference.estimate == pytest.approx(-0.04)


def test_boards_with_the_same_settings_stand_beside_each_other(compare, tmp_path):
    scored_study.keep(tmp_path / "B", question(train=Train(epochs=9)), falling)
    (found,) = compare((question(), table), (question(), table))
    assert found.settings == []
    assert found.scores["iou"][0].span == (0, 0)


def test_what_was_there_besides_the_settings_is_compared(tmp_path):
    grid = question(seeds=(0,))
    scored_study.keep(tmp_path / "A", grid, table)
    study = Study(tmp_path / "B")
    changed = study_maker.PROVENANCE.model_copy(
        update={"sources": {"unet": {"networks/unet.py": "9" * 64}}, "weights": {"w": "8" * 64}}
    )
    study.write_grid(grid, changed, study_maker.CONTRACTS)
    environment = study_maker.ENVIRONMENT.model_copy(
        update={"packages": {"torch": "2.14.0"}, "threads": 4}
    )
    for cell in (cell for cell in grid.cells() if cell.loss is not None):
        found = study_maker.record(
            cell, summary={"iou": 0.5}, provenance=changed, environment=environment
        )
        study.write_cell(found, {places.SCORES: table(cell)})
    (found,) = compare_studies(tuple(Study(tmp_path / name).load() for name in "AB"))
    assert found.circumstances == [
        ("code of unet: networks/unet.py", "1" * 12, "9" * 12),
        ("code of loss bce: terms/bce.py", "2" * 12, "—"),
        ("package torch", "2.13.0", "2.14.0"),
        ("machine", "a processor (cpu, 2 threads)", "a processor (cpu, 4 threads)"),
        ("weights of w", "—", "8" * 12),
    ]
    (iou,) = found.scores["iou"]
    assert iou.problem.startswith("B has no figure")


def test_a_metric_of_another_version_is_not_compared(tmp_path):
    grid = question()
    scored_study.keep(tmp_path / "A", grid, table)
    study = scored_study.keep(tmp_path / "B", grid, table)
    contracts = study_maker.CONTRACTS
    newer = contracts["iou"].model_copy(update={"version": contracts["iou"].version + 1})
    study.write_grid(grid, study_maker.PROVENANCE, contracts | {"iou": newer})
    (found,) = compare_studies(tuple(Study(tmp_path / name).load() for name in "AB"))
    (iou,), (rmse,) = found.scores["iou"], found.scores["rmse"]
    assert "the metric is of version" in iou.problem
    assert iou.span is None
    assert rmse.span == (0, 0)


def test_an_own_metric_is_not_compared_with_another_formula_of_its_name(tmp_path):
    """Both are of version 1: their author was not asked for one."""
    grid = question(metrics=("iou", "rmse", "mine.py:mine"))
    for name, formula in (("A", "1" * 64), ("B", "2" * 64)):
        study = scored_study.keep(tmp_path / name, grid, table)
        mine = study_maker.CONTRACTS["iou"].model_copy(update={"source_sha256": formula})
        contracts = study_maker.CONTRACTS | {"mine.py:mine": mine}
        study.write_grid(grid, study_maker.PROVENANCE, contracts)
        for record in study.load().records.values():
            values = with_values({places.SCORES: table(record.cell)}, study_maker.METRICS)
            iou = values[places.VALUES]["iou"]
            values[places.VALUES]["mine.py:mine"] = iou
            scored = {
                "summary": record.summary | {"mine.py:mine": iou.mean()},
                "metrics": record.metrics | {"mine.py:mine": formula},
            }
            study.write_cell(record.model_copy(update=scored), values)
    (found,) = compare_studies(tuple(Study(tmp_path / name).load() for name in "AB"))
    (mine,), (iou,) = found.scores["mine.py:mine"], found.scores["iou"]
    assert mine.problem.startswith("the metric's code is 111111111111 in A, 222222222222 in B")
    assert mine.span is None
    assert iou.span == (0, 0)
    assert found.circumstances == [("code of metric mine.py:mine", "111111111111", "222222222222")]


def test_an_unknown_metric_is_told_with_the_choices(tmp_path):
    scored_study.keep(tmp_path / "A", question(), table)
    results = Study(tmp_path / "A").load()
    with pytest.raises(
        InputError, match="iuo: the studies share no such metric; did you mean 'iou'"
    ):
        compare_studies((results, results), ["iuo"])


def test_a_study_without_a_grid_has_no_figures(tmp_path):
    scored_study.keep(tmp_path / "A", question(), table)
    other = scored_study.keep(tmp_path / "B", question(), table)
    next((other.folder / "grids").glob("*/grid.json")).write_text("damaged")
    (found,) = compare_studies(tuple(Study(tmp_path / name).load() for name in "AB"))
    assert [one.problem for one in found.scores["iou"]] == ["B has no such row"]


def test_a_figure_of_an_earlier_version_of_the_metric_is_none(tmp_path):
    """As on the board: the file of the metric changed after the cell was scored."""
    grid = question(seeds=(0, 1))
    scored_study.keep(tmp_path / "A", grid, table)
    study = scored_study.keep(tmp_path / "B", grid, table)
    record = next(r for r in study.load().records.values() if r.cell.seed == 1)
    earlier = record.model_copy(update={"metrics": record.metrics | {"iou": "7" * 64}})
    values = with_values({places.SCORES: table(record.cell)}, study_maker.METRICS)
    study.write_cell(earlier, values)
    (found,) = compare_studies(tuple(Study(tmp_path / name).load() for name in "AB"))
    (iou,), (rmse,) = found.scores["iou"], found.scores["rmse"]
    assert (iou.problem, rmse.problem) == ("B lacks seed 1", "")
