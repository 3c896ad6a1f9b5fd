"""Real line processes, as the service keeps them."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from sorter.line_process import LineProcess, Lost
from sorter.line_reports import Heartbeat, LineJob, LineStatus
from sorter.records import Decision


class ShiftedClock:
    """The machine's clock, and what a test adds to it: nobody need wait for a line to be silent for long."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic_s(self) -> float:
        return time.monotonic() + self.ahead_s

    def wall_s(self) -> float:
        return time.time()

    def wait_s(self, duration_s: float) -> None:
        time.sleep(duration_s)


class Watched:
    """A line's process, and all it said."""

    def __init__(self, job: LineJob) -> None:
        self.clock = ShiftedClock()
        self.process = LineProcess(job, self.clock)
        self.said: list[Any] = []
        self.process.start()

    def until(self, what: str, true: Callable[[], Any], timeout_s: float = 20.0) -> None:
        end_s = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < end_s, f"waited {timeout_s} s in vain: {what}; it said {self.said[-3:]}"
            self.said += self.process.listen()
            if self.process.pipe is not None:
                self.process.pipe.poll(0.05)

    @property
    def products(self) -> list[int]:
        return [one.product for one in self.said if isinstance(one, Decision)]

    @property
    def losses(self) -> list[str]:
        return [one.reason for one in self.said if isinstance(one, Lost)]

    @property
    def statuses(self) -> list[LineStatus]:
        return [one.status for one in self.said if isinstance(one, Heartbeat)]


@pytest.fixture
def watch() -> Iterator[Callable[[LineJob], Watched]]:
    running: list[Watched] = []

    def start(job: LineJob) -> Watched:
        running.append(Watched(job))
        return running[-1]

    yield start
    for one in running:
        one.process.end()


@pytest.fixture
def line(watch, make_job) -> Watched:
    return watch(make_job())


def test_a_line_decides_products_until_it_is_asked_to_stop(line):
    line.until("two products", lambda: len(line.products) >= 2)
    line.process.ask_to_stop()
    line.until("its end", lambda: line.process.pipe is None, timeout_s=3.0)
    assert line.products == list(range(1, len(line.products) + 1))
    assert line.statuses[-1] is LineStatus.RUNNING
    assert line.process.pid is None
    assert not line.losses


def test_a_killed_line_comes_back_and_its_product_numbers_go_on(line):
    line.until("a product", lambda: line.products)
    first = line.process.pid
    os.kill(first, signal.SIGKILL)
    line.until("the loss", lambda: line.losses)
    line.until("more products", lambda: len(line.products) >= 3)
    assert line.losses == ["was killed by signal 9"]
    assert line.process.restarts == 1
    assert line.process.pid != first
    assert line.products == sorted(set(line.products))


def test_a_frozen_line_is_killed_and_started_again(line):
    line.until("it runs", lambda: LineStatus.RUNNING in line.statuses)
    frozen = line.process.pid
    os.kill(frozen, signal.SIGSTOP)
    line.until("nothing is left to hear", lambda: not line.process.pipe.poll(0.3))
    line.clock.ahead_s += 4.0
    line.until("it is given time", lambda: True)
    assert line.process.pid == frozen
    line.clock.ahead_s += 2.0
    line.until("the loss", lambda: line.losses)
    assert not psutil.pid_exists(frozen)
    assert len(line.losses) == 1
    assert line.losses[0].startswith("said nothing for ")
    line.until("it runs again", lambda: line.statuses[-1] is LineStatus.RUNNING)
    assert line.process.restarts == 1


def test_a_line_that_opens_its_source_is_given_longer(watch, make_job):
    line = watch(make_job())
    os.kill(line.process.pid, signal.SIGSTOP)
    line.clock.ahead_s += 25.0
    line.said += line.process.listen()
    assert not line.losses
    line.clock.ahead_s += 6.0
    line.said += line.process.listen()
    assert len(line.losses) == 1


def test_a_refused_line_says_so_and_is_not_started_again(watch, make_job):
    line = watch(make_job(region={"x": 300, "y": 0, "width": 100, "height": 100}))
    line.until("its end", lambda: line.process.pipe is None)
    assert line.process.done
    assert line.said[-1].status is LineStatus.REFUSED
    assert line.said[-1].reason.startswith("sorter.yaml:7:5: the region (x 300 to 400, y 0 to 100) reaches outside")
    line.clock.ahead_s += 100.0
    assert not list(line.process.listen())
    assert line.process.pid is None
    assert line.process.restarts == 0


def test_a_line_that_hangs_after_its_last_word_is_ended_and_not_started_again(watch, make_job):
    line = watch(make_job(region={"x": 300, "y": 0, "width": 100, "height": 100}))
    pid = line.process.pid
    line.until("the word is there", lambda: line.process.pipe.poll(0.1))
    os.kill(pid, signal.SIGSTOP)
    line.until("it was heard", lambda: line.said)
    line.process.done = True
    line.clock.ahead_s += 31.0
    line.said += line.process.listen()
    assert not psutil.pid_exists(pid)
    assert not line.losses
    assert line.process.restarts == 0


def test_a_line_ends_by_itself_when_its_service_is_gone(line):
    line.until("it runs", lambda: LineStatus.RUNNING in line.statuses)
    child = psutil.Process(line.process.pid)
    line.process.pipe.close()
    child.wait(5.0)


def test_neither_ctrl_c_nor_sigterm_ends_a_line_but_its_service(line):
    # The first two come while it is importing: it must not die of them, with a traceback.
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(line.process.pid, number)
    line.until("it runs", lambda: LineStatus.RUNNING in line.statuses)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(line.process.pid, number)
    heard = len(line.said)
    line.until("it goes on", lambda: len(line.said) >= heard + 4)
    assert not line.losses


def test_our_own_signals_come_after_a_line_was_started(watch, make_job):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    watch(make_job())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, set()) == before


@contextmanager
def no_more_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_line_that_the_system_cannot_start_is_told_and_tried_again(watch, make_job):
    with no_more_files():
        line = watch(make_job())
        line.said += line.process.listen()
    line.until("it runs", lambda: LineStatus.RUNNING in line.statuses)
    assert set(line.losses) == {"could not be started (Too many open files)"}
    assert line.process.restarts == len(line.losses)
