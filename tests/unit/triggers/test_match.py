"""Which product takes which trigger."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorter.triggers.match import Matcher, Trigger

LEAD_S = 1.0


def due_s(seen_at_s: float) -> float:
    return seen_at_s + LEAD_S


def trigger(seen_at_s: float, number: int = 0) -> Trigger:
    return Trigger(number, str(number), seen_at_s)


def matcher(*seen_at_s: float, window_s: float = 0.15, most_pending: int = 256) -> Matcher:
    made = Matcher(due_s, window_s, patience_s=2.0, most_pending=most_pending)
    for number, at_s in enumerate(seen_at_s):
        assert made.add(trigger(at_s, number), at_s) == []
    return made


def number(taken: Trigger | None) -> int | None:
    return None if taken is None else taken.product


def test_a_product_takes_the_trigger_that_foretold_it_best():
    made = matcher(10.0, 10.3, 10.6)
    assert number(made.take(11.32, 11.4)) == 1
    assert number(made.take(11.58, 11.7)) == 2
    assert made.counts.pending == 1


def test_a_trigger_is_taken_once():
    made = matcher(10.0)
    assert number(made.take(11.0, 11.1)) == 0
    assert made.take(11.0, 11.1) is None
    assert made.counts.products_without_trigger == 1


@pytest.mark.parametrize(("crossed_at_s", "expected"), [(10.86, 0), (11.14, 0), (10.84, None), (11.16, None)])
def test_a_product_outside_the_window_takes_nothing(crossed_at_s, expected):
    assert number(matcher(10.0).take(crossed_at_s, 11.2)) == expected


def test_how_far_off_the_nearest_was_is_known():
    made = matcher(10.0, 12.0)
    assert made.off_s(11.31) == pytest.approx(0.31)
    assert made.off_s(12.8) == pytest.approx(-0.2)
    assert matcher().off_s(11.0) is None


def test_products_may_be_decided_in_another_order_than_they_crossed():
    made = matcher(10.0, 10.3)
    assert number(made.take(11.31, 11.4)) == 1
    assert number(made.take(11.02, 11.5)) == 0


def test_a_match_never_swaps_two_products():
    made = matcher(10.06, 10.12)
    assert number(made.take(11.11, 11.2)) == 1
    # The other trigger is near enough, but was at the eye before that of a product that crossed before this one.
    assert made.take(11.12, 11.2) is None
    assert number(made.take(11.05, 11.2)) == 0


def test_a_trigger_is_given_up_when_its_product_would_have_been_decided():
    made = matcher(10.0, 10.5)
    assert made.give_up(13.1) == []
    (given_up,) = made.give_up(13.2)
    assert (given_up.trigger.product, given_up.reason) == (0, "no product was seen where it was due")
    assert (made.counts.without_product, made.counts.pending) == (1, 1)


def test_a_trigger_that_comes_after_its_product_was_decided_is_not_left_to_the_next():
    made = matcher()
    assert made.take(11.0, 11.05) is None
    (given_up,) = made.add(trigger(10.0, 7), 11.15)
    assert given_up.trigger.product == 7
    assert given_up.reason == "it came 0.10 s after its product was decided"
    assert made.take(11.1, 11.2) is None
    assert (made.counts.without_product, made.counts.products_without_trigger) == (1, 2)


def test_a_trigger_that_came_before_its_crossing_waits_though_a_product_without_one_was_near():
    made = matcher()
    made.take(11.0, 11.05)
    assert made.add(trigger(10.1, 7), 10.95) == []
    assert number(made.take(11.1, 11.2)) == 7


def test_too_many_pending_triggers_give_up_the_oldest():
    made = matcher(10.0, 10.1, most_pending=2)
    (given_up,) = made.add(trigger(10.2), 10.2)
    assert given_up.trigger.seen_at_s == 10.0
    assert given_up.reason == "more than 2 wait for their products"
    assert made.counts.pending == 2


times_s = st.integers(0, 2000).map(lambda ms: 100 + ms / 100)
events = st.lists(
    st.tuples(st.sampled_from(["trigger", "product", "give up"]), times_s, st.floats(-0.3, 0.3)), max_size=60
)


@given(events, st.sampled_from([0.05, 0.15, 5.0]), st.integers(1, 5))
def test_the_laws_of_matching_hold_whatever_comes_in_whatever_order(steps, window_s, most_pending):
    """Each trigger at most once, each product at most one, order kept, and everything accounted for."""
    made = Matcher(due_s, window_s, patience_s=0.5, most_pending=most_pending)
    added, products, matches = 0, 0, []
    for index, (kind, at_s, jitter_s) in enumerate(steps):
        if kind == "trigger":
            made.add(trigger(at_s, index), at_s + abs(jitter_s))
            added += 1
        elif kind == "product":
            crossed_at_s = at_s + LEAD_S + jitter_s
            taken = made.take(crossed_at_s, crossed_at_s + 0.1)
            products += 1
            if taken is not None:
                assert abs(crossed_at_s - due_s(taken.seen_at_s)) <= window_s
                matches.append((taken.product, taken.seen_at_s, crossed_at_s))
        else:
            made.give_up(at_s)
        counts = made.counts
        assert counts.triggers == added == counts.matched + counts.without_product + counts.pending
        assert products == counts.matched + counts.products_without_trigger
        assert counts.pending <= most_pending
    assert len({one for one, _, _ in matches}) == len(matches)
    assert all((a[1] - b[1]) * (a[2] - b[2]) >= 0 for a in matches for b in matches)


@given(
    st.lists(st.floats(0.25, 3.0), min_size=1, max_size=40),
    st.data(),
)
def test_products_farther_apart_than_window_and_jitter_together_always_get_their_own(gaps_s, data):
    """Whatever is lost: a trigger, a product; and in whatever order of decision two neighbors come."""
    made = Matcher(due_s, 0.1, patience_s=2.0)
    at_s, expected = 100.0, {}
    for index, gap_s in enumerate(gaps_s):
        at_s += gap_s
        fate = data.draw(st.sampled_from(["both", "both", "no trigger", "no product"]))
        jitter_s = data.draw(st.floats(-0.1, 0.1))
        if fate != "no trigger":
            made.add(trigger(at_s, index), at_s + 0.01)
        if fate != "no product":
            taken = made.take(at_s + LEAD_S + jitter_s * 0.99, at_s + LEAD_S + 0.2)
            expected[index] = (number(taken), index if fate == "both" else None)
    assert all(got == wanted for got, wanted in expected.values())
