import numpy as np
import pytest
from PIL import Image

from bench.data.similarity import _areas, dhash, has_near, near_pairs

RISING = list(range(0, 90, 10))
GREY = np.array(
    [
        RISING,  # 1111 1111
        RISING[::-1],  # 0000 0000
        [10, 20, 10, 20, 10, 20, 10, 20, 10],  # 1010 1010
        [70] * 9,  # 0000 0000
        [70] * 8 + [71],  # 0000 0001
        [69] + [70] * 8,  # 1000 0000
        [20, 10, 20, 10, 20, 10, 20, 10, 20],  # 0101 0101
        [10, 20, 30, 40, 50, 50, 50, 50, 50],  # 1111 0000
    ],
    np.uint8,
)
HASH = 0xFF00AA00018055F0


def colored(grey):
    return np.repeat(grey[..., None], 3, axis=-1)


def test_a_hash_tells_where_a_image_gets_brighter_to_the_right():
    assert dhash(colored(GREY)[None]).tolist() == [HASH]


def test_a_hash_does_not_depend_on_size():
    # 63 x 40 divides evenly; 20 px of width make parts of 20/9 px
    large = np.repeat(np.repeat(GREY, 5, axis=0), 7, axis=1)
    assert dhash(colored(large)[None]).tolist() == [HASH]
    plain = np.full((1, 13, 20, 3), 77, np.uint8)
    assert dhash(plain).tolist() == [0]


def test_brightness_is_luma():
    image = np.zeros((1, 8, 9, 3), np.uint8)
    image[:, :, :5, 0] = 250  # red: 0.299 * 250 = 75
    image[:, :, 5:, 1] = 150  # green, less of it: 0.587 * 150 = 88
    assert dhash(image).tolist() == [0x0808080808080808]


def test_a_pixel_on_an_edge_counts_for_both_parts():
    # four pixels in three parts of 4/3, in units of 1/3
    assert _areas(4, 3).tolist() == [[3, 1, 0, 0], [0, 2, 2, 0], [0, 0, 1, 3]]


def test_a_image_is_reduced_as_by_pillow():
    # where the parts are whole pixels: Pillow's box filter gives an edge to one side
    images = np.random.default_rng(0).integers(0, 256, (50, 64, 63), np.uint8)
    bits = np.unpackbits(dhash(colored(images)).astype(">u8").view(np.uint8)).reshape(50, 8, 8)
    small = np.stack(
        [Image.fromarray(p).resize((9, 8), Image.Resampling.BOX) for p in images]
    ).astype(int)
    step = np.diff(small, axis=2)
    clear = np.abs(step) > 1  # Pillow rounds after each of its two passes
    assert clear.mean() > 0.8
    assert (bits[clear] == (step[clear] > 0)).all()


def test_many_images_are_hashed_as_each_alone():
    images = np.random.default_rng(0).integers(0, 256, (1030, 8, 9, 3), np.uint8)
    together = dhash(images)
    alone = [dhash(images[row : row + 1])[0] for row in (0, 511, 512, 1029)]
    assert together[[0, 511, 512, 1029]].tolist() == alone


def random_hashes(count, seed, bits=0xFFFFFFFFFFFFFFFF):
    """Half of them a few bits away from the other half; only the given bits are ever set."""
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, count, np.uint64)
    for _ in range(5):
        flipped = np.uint64(1) << random.integers(0, 64, count // 2, np.uint64)
        hashes[: count // 2] = hashes[count // 2 :] ^ flipped
    return hashes & np.uint64(bits)


CASES = [
    (random_hashes(600, 0), 0),
    (random_hashes(600, 1), 3),
    (random_hashes(600, 2), 10),
    (random_hashes(600, 3), 25),
    # few bits vary, so that many hashes agree in a band without being near
    (random_hashes(600, 4, bits=0x00FF00FF), 0),
    (random_hashes(600, 5, bits=0x00FF00FF), 2),
]


def differing_bits(first, second):
    """Every hash with every other, counted from the binary digits."""
    return np.array([[f"{a ^ b:b}".count("1") for b in second.tolist()] for a in first.tolist()])


@pytest.mark.parametrize(("hashes", "distance"), CASES)
def test_near_pairs_are_those_of_every_pair(hashes, distance):
    expected = np.argwhere(np.triu(differing_bits(hashes, hashes) <= distance, 1))
    found = np.concatenate([np.empty((0, 2), int), *near_pairs(hashes, distance)])
    assert sorted(found.tolist()) == expected.tolist()


@pytest.mark.parametrize(("hashes", "distance"), CASES)
def test_near_pairs_of_different_groups_leave_out_those_of_one(hashes, distance):
    groups = np.random.default_rng(0).integers(0, 3, len(hashes))
    apart = groups[:, None] != groups[None, :]
    expected = np.argwhere(np.triu((differing_bits(hashes, hashes) <= distance) & apart, 1))
    found = np.concatenate([np.empty((0, 2), int), *near_pairs(hashes, distance, groups=groups)])
    assert sorted(found.tolist()) == expected.tolist()


@pytest.mark.parametrize(("hashes", "distance"), CASES)
def test_what_has_a_near_reference_is_that_of_every_pair(hashes, distance):
    hashes, references = hashes[:350], hashes[350:]
    expected = (differing_bits(hashes, references) <= distance).any(axis=1)
    assert has_near(hashes, references, distance).tolist() == expected.tolist()


def test_equal_images_do_not_fill_the_memory():
    equal = np.zeros(400_000, np.uint64)
    assert has_near(equal[:100], equal).all()
    blocks = near_pairs(equal, 0)  # of 8e10 pairs in all
    assert all(len(next(blocks)) <= 2**20 for _ in range(3))


def test_nothing_is_near_where_there_is_nothing():
    nothing = np.empty(0, np.uint64)
    assert has_near(nothing, np.zeros(3, np.uint64)).tolist() == []
    assert has_near(np.zeros(2, np.uint64), nothing).tolist() == [False, False]
    assert list(near_pairs(nothing)) == []
    assert dhash(np.empty((0, 64, 64, 3), np.uint8)).tolist() == []
