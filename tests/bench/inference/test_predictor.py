"""What a network predicts of a picture is what it was scored on, at the picture's own size."""

from pathlib import Path

import numpy as np
import pytest
import trained_study
from canonical_archive import entries, png, write

import bench
from bench.data.decode import Encoded, decode_depth, decode_mask
from bench.errors import InputError
from bench.inference.pictures import open_pairs
from bench.settings import Source

PAIR, ALONE = "unet(width=0.0625)", "unet(inputs=composite, width=0.0625)"


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("label", [PAIR, ALONE])
def test_predicting_the_test_images_gives_the_recorded_sums(study, cells, rendered_archive, label):
    loaded = bench.load(study)
    recorded = loaded.results.scores(cells[label]).set_index("key")
    pairs = open_pairs(rendered_archive, None, Source(files=(str(rendered_archive),)))
    predictor = loaded.predictor(cells[label], device="cpu")
    assert len(recorded) == 11
    for key in recorded.index:
        number = pairs.keys.index(key)
        maps = predictor(*pairs.read(number))
        sample = pairs.layout.samples.iloc[number]
        truth = {
            kind: Encoded.read(pairs.layout, int(sample[f"{kind}_entry"]))
            for kind in ("mask", "depth")
        }
        mask = decode_mask(truth["mask"], (64, 64)).object
        depth = decode_depth(truth["depth"], (64, 64)).depth
        predicted = maps.mask > 0.5
        assert (predicted & mask).sum() == recorded.loc[key, "tp"]
        assert (predicted & ~mask).sum() == recorded.loc[key, "fp"]
        total = maps.depth.astype(np.float64).sum()
        assert total == pytest.approx(recorded.loc[key, "predicted_depth"], rel=1e-6)
        squared = np.square(maps.depth.astype(np.float64) - depth).sum()
        # Depth is kept in steps of 1 / 65535, and summed in float32.
        assert squared == pytest.approx(recorded.loc[key, "squared_error"], rel=1e-3)


def test_maps_have_the_size_of_the_composite_and_lie_in_0_to_1(study, cells):
    maps = bench.predict(study, noise(33, 47), noise(66, 94, seed=1), cell=cells[PAIR][:8])
    for values in maps:
        assert values.shape == (33, 47)
        assert values.dtype == np.float32
        assert 0 <= values.min() < values.max() <= 1


def test_a_file_and_its_pixels_are_predicted_alike(study, cells, tmp_path):
    composite, background = noise(48, 80), noise(48, 80, seed=1)
    (tmp_path / "c.png").write_bytes(png(composite))
    (tmp_path / "b.png").write_bytes(png(background))
    predictor = bench.load(study).predictor(cells[PAIR])
    of_files = predictor(str(tmp_path / "c.png"), tmp_path / "b.png")
    assert np.array_equal(of_files.mask, predictor(composite, background).mask)
    assert not np.array_equal(of_files.mask, predictor(background, composite).mask)


def test_a_network_that_compares_needs_a_background_and_one_that_does_not_needs_none(study, cells):
    with pytest.raises(InputError, match=r"has no background: unet\(width=0.0625\) compares two"):
        bench.predict(study, noise(64, 64), cell=cells[PAIR])
    assert bench.predict(study, noise(64, 64), cell=cells[ALONE]).mask.shape == (64, 64)


def test_pixels_of_another_kind_are_refused(study, cells):
    for wrong in (noise(64, 64) / 255, noise(64, 64)[..., 0]):
        with pytest.raises(InputError, match=r"an array \(H, W, 3\) uint8, not"):
            bench.predict(study, wrong, cell=cells[ALONE])


def test_a_task_that_was_not_trained_is_not_predicted(tmp_path, tiny_network):
    archive = write(tmp_path / "a.zip", entries())
    losses = [{"depth": "l1"}]
    folder = trained_study.train(
        tmp_path / "study", archive, tiny_network, image_size=32, losses=losses
    )
    maps = bench.predict(folder, noise(40, 40), noise(40, 40, seed=1))
    assert maps.mask is None
    assert maps.depth.shape == (40, 40)


def test_weights_that_predict_no_number_are_told(study, cells):
    predictor = bench.load(study).predictor(cells[ALONE])
    for weights in predictor.network.parameters():
        weights.data.fill_(float("nan"))
    with pytest.raises(InputError, match="the mask that the network predicts is not finite"):
        predictor(noise(64, 64))


def test_a_cell_without_a_network_says_why(study):
    baseline = next(
        r.cell.id for r in bench.load(study).results.records.values() if not r.cell.loss
    )
    with pytest.raises(InputError, match="is a trivial baseline and has no weights"):
        bench.load(study).predictor(baseline)


def test_a_network_whose_file_is_gone_is_one_line(tmp_path, tiny_network):
    archive = write(tmp_path / "a.zip", entries())
    file, _, name = tiny_network.rpartition(":")
    copy = tmp_path / "mine.py"
    copy.write_text(Path(file).read_text())
    folder = trained_study.train(tmp_path / "study", archive, f"{copy}:{name}", image_size=32)
    copy.unlink()
    with pytest.raises(InputError, match=r"there is no file .*mine\.py"):
        bench.load(folder).predictor()
