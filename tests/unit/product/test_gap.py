from __future__ import annotations

import numpy as np
import pytest

from sorter.product.gap import GapWatch
from sorter.records import Mask


def belt(*rears: int) -> Mask:
    """Things 20 cells long."""
    mask = np.zeros((40, 200), np.uint8)
    for rear in rears:
        mask[10:30, rear : rear + 20] = 255
    return mask


@pytest.mark.parametrize(
    ("after", "elapsed_s", "was_still", "stood"),
    [
        (belt(30, 90), 2.0, False, True),
        (belt(31, 91), 2.0, False, True),
        (belt(45, 105), 2.0, False, False),
        (belt(30), 2.0, False, False),
        (belt(), 2.0, False, False),
        (belt(30, 90), 0.03, False, False),
        (belt(30, 90), 0.03, True, True),
    ],
)
def test_things_that_lie_where_they_lay_before_a_gap_have_stood(
    after: Mask,
    elapsed_s: float,
    was_still: bool,  # noqa: FBT001 - a column of the table
    stood: bool,  # noqa: FBT001 - likewise
) -> None:
    watch = GapWatch()
    assert not watch.stood(belt(30, 90), 9.0, was_still=True)
    assert watch.stood(after, elapsed_s, was_still=was_still) is stood


def test_an_empty_belt_says_nothing() -> None:
    watch = GapWatch()
    watch.stood(belt(), 9.0, was_still=False)
    assert not watch.stood(belt(), 9.0, was_still=False)
