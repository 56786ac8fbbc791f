import numpy as np
import pandas as pd
import pytest

from bench.archives.leakage import near_duplicates, shared_groups
from bench.data.split import SplitRows

SPLIT = SplitRows(
    train=np.array([0, 1]), val=np.array([2]), test=np.array([3, 4]), digest="d", left_out=1
)
SAMPLES = pd.DataFrame(
    [
        ("s0", "b0", "f0", "room"),  # train
        ("s1", "b0", "f1", "room"),  # train
        ("s2", "b1", "f0", ""),  # val
        ("s3", "b0", "f2", "street"),  # test
        ("s4", "b2", "f1", None),  # test
        ("s5", "b1", "f3", "street"),  # on no side
    ],
    columns=["key", "background", "foreground", "scene"],
)


@pytest.mark.parametrize(
    ("column", "groups", "spread", "test_share"),
    [
        ("background", 3, 1, 1 / 2),  # b0: s0 and s1 train, s3 tests
        ("foreground", 3, 2, 1 / 2),  # f0: train and val; f1: s1 trains, s4 tests
        ("scene", 2, 0, 0),  # s2 and s4 have none, s5 counts for nothing
    ],
)
def test_shared_groups_are_counted(column, groups, spread, test_share):
    overlaps = {overlap.column: overlap for overlap in shared_groups(SAMPLES, SPLIT)}
    assert list(overlaps) == ["background", "foreground", "scene"]
    found = overlaps[column]
    assert (found.groups, found.spread, found.test_share) == (groups, spread, test_share)


def test_near_duplicates_are_counted():
    hashes = np.array(
        [
            0b0,  # train; two bits from s3
            0b1111,  # train; two bits from s3
            0xFFFFFFFF00000000,  # val; alone
            0b11,  # test
            0x00000000FFFF0000,  # test; only s5 is like it
            0x00000000FFFF0000,  # on no side
        ],
        np.uint64,
    )
    found = near_duplicates(hashes, SPLIT)
    assert (found.groups, found.spread, found.test_share) == (5, 3, 1 / 2)
