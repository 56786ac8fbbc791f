import numpy as np

from bench.archives.check import pairing


def thumbnails(count, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(0, 255, (count, 16, 16)).astype(np.float32)


def compare(composites, backgrounds, own):
    free = np.ones(composites.shape, bool)
    free[:, 4:8, 4:8] = False
    return pairing.compare(composites, free, backgrounds, np.asarray(own))


def test_the_unexplained_share_is_that_of_a_correlation():
    backgrounds, noise = thumbnails(4), thumbnails(4, seed=1)
    composites = backgrounds + noise
    found = compare(composites, backgrounds, [0, 1, 2, 3])
    free = np.ones((16, 16), bool)
    free[4:8, 4:8] = False
    for row in range(4):
        r = np.corrcoef(composites[row][free], backgrounds[row][free])[0, 1]
        np.testing.assert_allclose(found.own[row], 1 - r**2, rtol=1e-4)


def test_all_backgrounds_at_once_give_the_same_as_one_by_one():
    backgrounds = thumbnails(5)
    composites = (0.5 * backgrounds[[3, 0, 4]] + 40).astype(np.float32)
    composites[:, 4:8, 4:8] = 250  # the object
    found = compare(composites, backgrounds, [0, 1, 2])
    np.testing.assert_array_equal(found.best_row, [3, 0, 4])
    np.testing.assert_allclose(found.best, 0, atol=1e-5)
    assert (found.own > 0.5).all()


def test_a_mirrored_background_is_told_from_another_one():
    backgrounds = thumbnails(3)
    found = compare(backgrounds[:, :, ::-1].copy(), backgrounds, [0, 1, 2])
    np.testing.assert_allclose(found.mirrored[0], 0, atol=1)
    assert (found.mirrored < 0.01).all()
    assert (found.best > 0.5).all()


def test_who_fits_its_own_background_is_compared_with_no_other():
    backgrounds = thumbnails(3)
    found = compare(backgrounds, backgrounds, [0, 1, 2])
    np.testing.assert_array_equal(found.best_row, -1)


def test_an_unread_background_is_nobodys_best():
    backgrounds = thumbnails(3)
    composites = backgrounds[[1]].copy()
    backgrounds[1] = np.nan
    found = compare(composites, backgrounds, [0])
    assert found.best_row[0] in {0, 2}
    assert np.isfinite(found.best[0])
    assert np.isnan(compare(composites, backgrounds, [1]).own[0])
