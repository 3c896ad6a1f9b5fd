from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sorter.product.votes import Votes


def kept_of(whole_frames: int, most: int) -> list[int]:
    """Frame numbers of the samples that vote."""
    votes = Votes(most)
    for number in range(whole_frames):
        if votes.wants_next():
            votes.add(np.full((1, 3), number, np.float32))
    return [int(sample[0, 0]) for sample in votes.samples()]


def test_few_samples_all_vote() -> None:
    assert kept_of(0, 7) == []
    assert kept_of(1, 7) == [0]
    assert kept_of(7, 7) == [0, 1, 2, 3, 4, 5, 6]


def test_of_many_samples_some_vote_evenly_spread() -> None:
    assert kept_of(100, 5) == [0, 32, 48, 64, 96]


def test_one_vote_comes_from_the_middle() -> None:
    # Seen: it was the first, when the product had only just come in.
    assert 25 <= kept_of(100, 1)[0] <= 75


@given(st.integers(0, 3000), st.integers(1, 99))
def test_votes_are_bounded_in_order_and_reach_from_end_to_end(frames: int, most: int) -> None:
    kept = kept_of(frames, most)
    assert len(kept) == min(frames, most) or (frames > most and most / 2 <= len(kept) <= most)
    assert kept == sorted(set(kept))
    if frames >= most:
        room = frames / len(kept)
        gaps = np.diff([-1, *kept, frames])
        assert gaps.max() <= 3 * room + 1


@given(st.integers(1, 2000), st.integers(1, 30))
def test_memory_is_bounded_however_long_a_product_stays(frames: int, most: int) -> None:
    votes = Votes(most)
    for _ in range(frames):
        if votes.wants_next():
            votes.add(np.zeros((1, 3), np.float32))
        assert len(votes._kept) < 2 * max(most, 2)


@given(st.lists(st.booleans(), max_size=300), st.integers(1, 9))
def test_frames_whose_sample_could_not_be_taken_are_passed_over(taken: list[bool], most: int) -> None:
    votes = Votes(most)
    added = []
    for number, could in enumerate(taken):
        if votes.wants_next() and could:
            votes.add(np.full((1, 3), number, np.float32))
            added.append(number)
    kept = [int(sample[0, 0]) for sample in votes.samples()]
    assert set(kept) <= set(added)
    assert bool(kept) == bool(added)
