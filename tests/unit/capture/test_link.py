from __future__ import annotations

import pytest

from sorter.capture.link import Link, LinkState, Patience
from sorter.errors import SourceError, SourceRefusedError


@pytest.fixture
def link() -> Link:
    return Link("rtsp://cam/a", Patience(stalled_s=1.0, lost_s=3.0, opening_s=7.0), now_s=100.0)


def test_pictures_make_it_live(link: Link) -> None:
    assert link.state is LinkState.CONNECTING
    link.picture(101.0)
    assert link.state is LinkState.LIVE
    assert (link.reconnects, link.outage_s) == (0, 0.0)


def test_silence_stalls_it_and_then_loses_it(link: Link) -> None:
    link.picture(101.0)
    assert not link.watch(101.9)
    assert link.state is LinkState.LIVE
    assert not link.watch(102.1)
    assert link.state is LinkState.STALLED
    assert link.reason == "rtsp://cam/a: no picture for 1 s: check the camera and its cable"
    assert not link.watch(103.9)
    assert link.watch(104.1)
    assert (link.state, link.failure) == (LinkState.LOST, LinkState.LOST)
    assert "no picture for 3 s" in link.reason


def test_a_picture_ends_a_stall_without_a_new_connection(link: Link) -> None:
    link.picture(101.0)
    link.watch(102.5)
    link.picture(102.6)
    assert link.state is LinkState.LIVE
    assert link.reconnects == 0
    assert link.last_outage_s == pytest.approx(1.6)


def test_a_lost_source_is_tried_again_for_ever_at_a_steady_pace(link: Link) -> None:
    now_s, waits_s = 100.0, []
    for _ in range(6):
        link.failed(SourceError("no route"), now_s)
        began_s = now_s
        while not link.may_open(now_s):
            now_s += 0.05
        waits_s.append(now_s - began_s)
        assert not link.may_open(now_s)
        assert (link.state, link.failure) == (LinkState.CONNECTING, LinkState.LOST)
    assert waits_s == pytest.approx([0.25, 0.5, 1.0, 1.0, 1.0, 1.0], abs=0.051)


def test_what_refuses_us_is_tried_slowly(link: Link) -> None:
    link.failed(SourceRefusedError("wrong password"), 100.0)
    assert (link.state, link.failure, link.reason) == (LinkState.REFUSED, LinkState.REFUSED, "wrong password")
    assert not link.may_open(114.9)
    assert link.may_open(115.1)
    link.failed(SourceRefusedError("wrong password"), 115.2)
    assert not link.may_open(145.0)
    assert link.may_open(145.3)


def test_it_recovers_with_the_time_lost(link: Link) -> None:
    link.picture(101.0)
    link.failed(SourceError("the stream ended"), 101.1)
    link.may_open(105.0)
    link.failed(SourceError("no route"), 105.0)
    link.may_open(111.0)
    link.picture(111.0)
    assert (link.state, link.failure, link.reconnects) == (LinkState.LIVE, None, 1)
    assert link.last_outage_s == link.outage_s == pytest.approx(10.0)
    link.failed(SourceError("the stream ended"), 112.0)
    assert not link.may_open(112.2)
    assert link.may_open(112.3)


def test_an_absent_source_that_comes_is_no_reconnect(link: Link) -> None:
    link.failed(SourceError("no route"), 100.0)
    link.may_open(101.0)
    link.picture(130.0)
    assert (link.reconnects, link.outage_s, link.last_outage_s) == (0, 0.0, None)


def test_an_opening_that_hangs_is_given_up(link: Link) -> None:
    assert not link.watch(106.9)
    assert link.watch(107.1)
    assert link.state is LinkState.LOST
    assert "no picture within 7 s of opening it" in link.reason


def test_a_film_ends(link: Link) -> None:
    link.picture(101.0)
    link.ended(102.0)
    assert link.state is LinkState.ENDED
    assert not link.watch(200.0)
    assert not link.may_open(200.0)
