from __future__ import annotations

import logging

from sorter.outputs.link import LinkLog, Throttle


def test_the_first_failure_is_loud_repeats_are_quiet_and_recovery_tells_the_time_lost():
    link = LinkLog("the broker at box:1883", "Start it.")
    first, second = link.failed("connection refused", 10.0), link.failed("connection refused", 12.0)
    assert first.sentence == "no connection to the broker at box:1883: connection refused. Start it."
    assert [first.level, second.level] == [logging.WARNING, logging.DEBUG]
    recovery = link.connected(14.5)
    assert (recovery.level, recovery.sentence) == (
        logging.INFO,
        "connected to the broker at box:1883 again after 4.5 s",
    )
    assert link.failed("lost", 20.0).level == logging.WARNING


def test_a_connection_that_never_failed_has_lost_no_time():
    assert LinkLog("the broker", "Start it.").connected(3.0).sentence == "connected to the broker"


def test_a_throttle_lets_one_pass_and_counts_the_others():
    throttle = Throttle(period_s=60.0)
    assert [throttle.pass_on(now_s) for now_s in (0.0, 1.0, 2.0, 60.0, 61.0, 121.0)] == [0, None, None, 2, None, 1]
