"""The server's process beside the lines: started again when it dies, ended with the service."""

from __future__ import annotations

import logging
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest

from sorter.capture.clock import SystemClock
from sorter.server.process import PaletteProcess
from sorter.server.workers import workers_wanted
from sorter.settings.palettes import ServerSettings


def test_there_is_a_process_for_each_core_where_nothing_is_said():
    assert workers_wanted(3) == 3
    assert 1 <= workers_wanted(None) <= 8


def dies(_settings: ServerSettings, _pipe: Connection, _level: int) -> None:
    os._exit(3)


def lives(_settings: ServerSettings, pipe: Connection, _level: int) -> None:
    pipe.poll(30)


class SteppingClock(SystemClock):
    """Goes on when told to."""

    now_s = 100.0

    def monotonic_s(self) -> float:
        return self.now_s


def ended(process: PaletteProcess) -> None:
    """Waits until it has, and leaves it to be noticed."""
    pid = process.pid
    assert pid is not None
    for _ in range(1000):
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.01)
    pytest.fail("it did not end within 10 s")


def test_the_server_is_started_again_later_each_time_and_its_death_is_told(caplog):
    clock = SteppingClock()
    process = PaletteProcess(ServerSettings(enabled=True), Path(), clock, dies)
    with caplog.at_level(logging.ERROR):
        for wait_s in (1, 2, 5):
            process.look()
            ended(process)
            process.look()
            assert process.pid is None
            assert caplog.messages[-1] == f"the palette server ended with code 3; starting it again in {wait_s} s"
            clock.now_s += wait_s - 0.1
            process.look()
            assert process.pid is None
            clock.now_s += 0.1
    process.end()


def test_the_server_ends_with_us_and_is_not_there_unless_wanted():
    process = PaletteProcess(ServerSettings(enabled=True), Path(), SteppingClock(), lives)
    process.look()
    process.ask_to_stop()
    ended(process)
    process.end()
    process.end()
    process.look()
    assert process.pid is None
    unwanted = PaletteProcess(ServerSettings(), Path(), SteppingClock(), dies)
    unwanted.look()
    assert unwanted.pid is None
