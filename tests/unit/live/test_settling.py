from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sorter.live.settling import Settling

OLD, NEW = b"name: old\n", b"name: new\n"


def test_a_change_is_news_once_it_has_stood_for_a_while_and_only_once():
    settling = Settling(OLD)
    assert not settling.look(NEW, 10.0)
    assert not settling.look(NEW, 10.2)
    assert settling.look(NEW, 10.3)
    assert not settling.look(NEW, 99.0)


def test_what_was_known_before_is_no_news():
    settling = Settling(OLD)
    assert not settling.look(OLD, 0.0)
    assert not settling.look(OLD, 99.0)


def test_a_change_that_is_taken_back_before_it_settles_is_no_news():
    settling = Settling(OLD)
    settling.look(NEW, 0.0)
    assert not settling.look(OLD, 0.2)
    assert not settling.look(OLD, 9.0)


def test_a_file_that_seems_cut_off_is_waited_for_longer():
    settling = Settling(OLD)
    settling.look(b"name: n", 0.0)
    assert not settling.look(b"name: n", 0.9)
    assert settling.look(b"name: n", 1.0)


def test_a_file_that_is_away_for_a_moment_is_no_news_and_one_that_stays_away_is():
    settling = Settling(OLD)
    assert not settling.look(None, 0.0)
    assert not settling.look(OLD, 1.0)
    assert not settling.look(None, 2.0)
    assert settling.look(None, 5.0)
    assert not settling.look(None, 50.0)
    settling.look(OLD, 51.0)
    assert settling.look(OLD, 51.5)


def test_what_is_to_be_looked_at_again_is_news_again():
    for content in (OLD, None):
        settling = Settling(OLD)
        settling.look(content, 0.0)
        settling.look(content, 9.0)
        settling.look_again()
        assert settling.look(content, 10.0)
        assert not settling.look(content, 11.0)


@given(st.integers(2, 2000), st.floats(0.001, 0.29))
def test_however_slowly_it_is_written_no_half_of_it_is_news(length, step_s):
    whole = (b"bins: 12\n" * 300)[: length - 1] + b"\n"
    settling, now_s = Settling(OLD), 0.0
    for end in range(0, length, max(length // 40, 1)):
        assert not settling.look(whole[:end], now_s)
        now_s += step_s
    assert not settling.look(whole, now_s)
    assert settling.look(whole, now_s + 0.31)
