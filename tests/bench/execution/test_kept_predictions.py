"""What is kept of predictions is what was scored, and keeping it changes nothing."""

import io
import shutil
from datetime import timedelta

import numpy as np
import pytest
import torch
import trained_study
from PIL import Image
from watched_run import CPU, figures

from architectures import Prediction
from bench.errors import InputError
from bench.execution.kept_predictions import PredictionsOf
from bench.execution.run import run
from bench.execution.verify import verify
from bench.settings.keep import Keep
from bench.study import checksums, places
from bench.study.bundle import bundle
from bench.study.kept_images import MIDDLE, TOP, as_table, read_predictions, read_samples
from bench.study.merge import merge
from bench.study.study import Study
from bench.study.unbundle import unbundle

pytestmark = pytest.mark.usefixtures("timed")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, rendered_archive, tiny_network):
    """A study of two rows on 11 test images, of which all predictions are kept."""
    folder = tmp_path_factory.mktemp("trained") / "study"
    return trained_into(folder, rendered_archive, tiny_network)


def trained_into(folder, archive, network, **keep):
    return trained_study.train(
        folder, archive, network, image_size=32, losses=["bce", "l1"], keep=keep
    )


@pytest.fixture
def study(trained, tmp_path):
    return Study(shutil.copytree(trained, tmp_path / "copy"))


def records_of(results):
    found = [record for record in results.records.values() if record.cell.loss is not None]
    return sorted(found, key=lambda record: record.cell.label)


def test_masks_and_depth_give_the_scores_of_their_images(trained):
    results = Study(trained).load()
    truth = read_samples(results, results.grids[0])
    for record in records_of(results):
        kept = read_predictions(results, record)
        values = results.scores(record.cell.id, places.VALUES).set_index("key")
        assert len(kept.keys) == min(Keep().predictions, record.samples.test)
        for place, key in enumerate(kept.keys):
            assert truth.keys[place] == key
            predicted, target = kept.images["mask"][place] > MIDDLE, truth.images["mask"][place] > 0
            union = (predicted | target).sum()
            iou = (predicted & target).sum() / union if union else 1.0
            assert iou == pytest.approx(values.loc[key, "iou"], abs=1e-9)
            error = kept.images["depth"][place] / TOP - truth.images["depth"][place] / TOP
            rmse = np.sqrt(np.square(error).mean())
            # By the triangle inequality: each map is rounded by half a level at most.
            assert abs(rmse - values.loc[key, "rmse"]) <= 1 / TOP + 1e-6


def test_all_cells_keep_the_same_images_drawn_by_the_seed_of_the_split(trained, tmp_path, request):
    results = Study(trained).load()
    keys = [read_predictions(results, record).keys for record in records_of(results)]
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == len(keys[0])
    archive, network = map(request.getfixturevalue, ("rendered_archive", "tiny_network"))
    fewer = Study(trained_into(tmp_path / "fewer", archive, network, predictions=3)).load()
    assert read_samples(fewer, fewer.grids[0]).keys == keys[0][:3]
    assert read_predictions(fewer, records_of(fewer)[0]).keys == keys[0][:3]


def test_keeping_none_changes_no_id_and_no_figure(trained, tmp_path, request):
    archive, network = map(request.getfixturevalue, ("rendered_archive", "tiny_network"))
    none = Study(trained_into(tmp_path / "none", archive, network, predictions=0))
    assert figures(none) == figures(Study(trained))
    results = none.load()
    assert results.grids[0].id == Study(trained).load().grids[0].id
    assert read_samples(results, results.grids[0]) is None
    assert read_predictions(results, records_of(results)[0]) is None
    assert not list(none.folder.glob("**/predictions.parquet"))


def test_a_mask_stays_on_the_side_on_which_it_was_scored_and_the_last_telling_counts():
    """Whatever rounding would make of it; an image is told twice where memory ran out."""
    logits = torch.tensor([-1e-9, 0.0, 1e-9, -20.0, 20.0]).reshape(1, 1, 1, 5)
    kept = PredictionsOf(np.array([7]), ("mask", "depth"))
    kept(np.array([3, 7]), Prediction(torch.ones(2, 1, 1, 5), torch.ones(2, 1, 1, 5)))
    kept(np.array([7]), Prediction(logits, logits))
    table = kept.table(np.array([f"k{row}" for row in range(8)]))
    assert table["key"].tolist() == ["k7"]
    with Image.open(io.BytesIO(table["mask"][0])) as mask:
        assert np.asarray(mask).tolist() == [[127, 127, 128, 0, 255]]
    with Image.open(io.BytesIO(table["depth"][0])) as depth:
        assert np.asarray(depth)[0, 3:].tolist() == [0, 255]


def test_a_network_without_depth_keeps_none(tmp_path, asked):
    study = Study(tmp_path / "study")
    run(asked(losses=[{"mask": "bce"}]), study, device=CPU)
    results = study.load()
    assert set(read_predictions(results, records_of(results)[0]).images) == {"mask"}
    assert set(read_samples(results, results.grids[0]).images) >= {"composite", "mask", "depth"}


def test_the_predictions_stay_where_metrics_are_computed_later(study, tmp_path, asked):
    results = study.load()
    before = [read_predictions(results, record).keys for record in records_of(results)]
    file = tmp_path / "mine.py"
    file.write_text(
        "from bench.evaluation.metric import metric\n"
        "@metric(label='mine', task='mask', reads=('tp',), higher_is_better=True, decimals=3)\n"
        "def mine(sums):\n    '''Pixels.'''\n    return sums['tp']\n"
    )
    stored = results.grids[0].grid
    question = stored.model_copy(update={"metrics": ("iou", "rmse", f"{file}:mine")})
    run(question, study, device=CPU, throughput=False)
    results = study.load()
    assert all("mine.py:mine" in record.summary for record in records_of(results))
    assert [read_predictions(results, record).keys for record in records_of(results)] == before


@pytest.mark.parametrize("fewer", [0, 2])
def test_a_later_run_that_keeps_fewer_takes_no_images_from_the_finished_cells(study, fewer):
    results = study.load()
    (stored,) = results.grids
    before = read_samples(results, stored)
    question = stored.grid.model_copy(update={"keep": Keep(predictions=fewer)})
    run(question, study, device=CPU, throughput=False)
    results = study.load()
    (after,) = results.grids
    assert after.grid.keep.predictions == fewer
    assert read_samples(results, after).keys == before.keys


def test_a_later_run_that_keeps_more_has_their_images(study):
    (stored,) = study.load().grids
    question = stored.grid.model_copy(update={"keep": Keep(predictions=11)})
    run(question, study, device=CPU, throughput=False)
    results = study.load()
    assert len(read_samples(results, results.grids[0]).keys) == 11


def test_of_two_equal_grids_the_one_with_images_is_merged(study, tmp_path):
    """However late the other one was run."""
    (stored,) = study.load().grids
    bare = Study(tmp_path / "bare")
    bare.write_grid(stored.grid, stored.provenance, stored.metrics, stored.leakage)
    merge([bare.folder, study.folder], tmp_path / "merged")
    merged = Study(tmp_path / "merged").load()
    assert read_samples(merged, merged.grids[0]) is not None


def test_verify_names_predictions_of_another_row(study):
    assert list(verify(study.load())) == []
    results = study.load()
    one, other = records_of(results)
    table = results.predictions(other.cell.id)
    folder = study.folder / places.of_cell(one.cell)
    table.to_parquet(folder / "predictions.parquet", index=False)
    (folder / checksums.FILE).unlink()
    checksums.write(folder)
    problems = list(verify(study.load()))
    assert problems
    assert all("is not what was scored" in problem for problem in problems)
    assert all(
        problem.startswith(f"cells/{one.cell.id}: predictions.parquet") for problem in problems
    )


@pytest.mark.parametrize(
    ("kind", "told"),
    [("mask", "mask"), ("mask_valid", "mask"), ("depth", "depth"), ("depth_valid", "depth")],
)
def test_verify_names_the_truth_of_a_picture_that_is_another(study, kind, told):
    results = study.load()
    (stored,) = results.grids
    kept = read_samples(results, stored)
    full = np.full_like(kept.images["mask"], TOP)
    table = as_table(kept.keys, kept.images | {kind: TOP - kept.images.get(kind, full)})
    folder = study.folder / places.GRIDS / stored.id
    table.to_parquet(folder / "samples.parquet", index=False)
    (folder / checksums.FILE).unlink()
    checksums.write(folder)
    assert sorted(verify(study.load())) == sorted(
        f"grids/{stored.id}: samples.parquet: the {told} of {key} is not what was scored against"
        for key in kept.keys
    )


def test_verify_names_images_that_are_none_or_of_no_test_image(study):
    one, other = records_of(study.load())
    for record, key, content in ((one, "nowhere", None), (other, None, b"no image")):
        folder = study.folder / places.of_cell(record.cell)
        table = study.load().predictions(record.cell.id)
        if key is not None:
            table.loc[0, "key"] = key
        else:
            table.at[0, "mask"] = content
        table.to_parquet(folder / "predictions.parquet", index=False)
        (folder / checksums.FILE).unlink()
        checksums.write(folder)
    problems = sorted(verify(study.load()), key=lambda problem: "nowhere" not in problem)
    assert problems[0] == f"cells/{one.cell.id}: predictions.parquet: nowhere is no test image"
    assert problems[1].startswith(
        f"cells/{other.cell.id}: predictions.parquet: mask: holds no read"
    )
    assert len(problems) == 2


@pytest.mark.parametrize("file", ["cells/*/predictions.parquet", "grids/*/samples.parquet"])
@pytest.mark.parametrize("harm", ["changed", "lost"])
def test_what_is_changed_or_lost_is_named_and_not_passed_on(study, tmp_path, file, harm):
    (path, *_) = study.folder.glob(file)
    if harm == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"x")
    place = path.parent.relative_to(study.folder).as_posix()
    assert [p for p in verify(study.load()) if p.startswith(f"{place}: {path.name}: ")]
    for pass_on in (
        lambda: bundle(study.folder, tmp_path / "b.zip", version="1"),
        lambda: merge([study.folder], tmp_path / "merged"),
    ):
        with pytest.raises(InputError, match=path.name):
            pass_on()


def test_pictures_travel_in_bundles_and_merges(study, tmp_path):
    bundle(study.folder, tmp_path / "b.zip", version="1")
    unbundle(tmp_path / "b.zip", tmp_path / "unpacked")
    merge([tmp_path / "unpacked"], tmp_path / "merged")
    before, after = study.load(), Study(tmp_path / "merged").load()
    assert read_samples(after, after.grids[0]).keys == read_samples(before, before.grids[0]).keys
    for record in records_of(before):
        one, other = (read_predictions(results, record) for results in (before, after))
        assert one.keys == other.keys
        assert all(np.array_equal(one.images[kind], other.images[kind]) for kind in one.images)


def test_of_two_equal_cells_the_one_with_predictions_is_merged(study, tmp_path):
    """However late the other one finished."""
    bare = Study(tmp_path / "bare")
    results = study.load()
    stored = results.grids[0]
    bare.write_grid(stored.grid, stored.provenance, stored.metrics, stored.leakage)
    for record in results.records.values():
        tables = {places.SCORES: results.scores(record.cell.id)}
        tables[places.VALUES] = results.scores(record.cell.id, places.VALUES)
        a_day_later = record.finished_utc + timedelta(days=1)
        later = record.model_copy(update={"finished_utc": a_day_later})
        bare.write_cell(later, tables, results.weights(record))
    merge([bare.folder, study.folder], tmp_path / "merged")
    merged = Study(tmp_path / "merged").load()
    assert all(read_predictions(merged, record) is not None for record in records_of(merged))
