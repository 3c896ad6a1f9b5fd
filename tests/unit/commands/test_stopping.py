from __future__ import annotations

import os
import signal

import pytest

from sorter.commands.stopping import INTERRUPTED_EXIT_CODE, StopSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_remembered_and_does_not_end_the_program(number):
    with StopSignals() as stop:
        assert not stop.requested()
        os.kill(os.getpid(), number)
        assert stop.requested()
    assert stop.requested()


def test_what_was_in_force_before_is_again():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopSignals():
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_command_ends_as_a_shell_expects():
    assert INTERRUPTED_EXIT_CODE == 130
