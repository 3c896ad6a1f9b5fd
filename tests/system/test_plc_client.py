"""The reference consumer as a program, on a real broker: what it does when one of the three is gone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest

from benchmarks.contract.consumer import Consumer
from sorter.demo.diverter import PROGRAM
from sorter.outputs.messages import LineIdentity, LineState, dumps, state_message

pytestmark = pytest.mark.system

TOPIC = "sorter/plant/one"
IDENTITY = LineIdentity("plant", "one", "boot-1", simulated=True)


def say_state(reader, state: LineState, reason: str = "as asked") -> None:
    payload = dumps(state_message(state, reason, IDENTITY, None, None, None))
    reader.client.publish(f"{TOPIC}/state", payload, qos=1, retain=True).wait_for_publish(5)


def modes(plc: Consumer) -> list[tuple[bool, str]]:
    return [(one["follows"], one["reason"]) for one in plc.events("follows", "falls back")]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_it_falls_back_while_it_hears_nothing_and_follows_again_by_the_retained_state(
    mosquitto, read, wait_for, protocol
):
    reader = read(mosquitto.port)
    say_state(reader, LineState.RUNNING)
    with Consumer(mosquitto.port, [TOPIC], "--protocol", protocol) as plc:
        wait_for("it follows", lambda: modes(plc)[-1:] == [(True, "running: as asked")])
        assert modes(plc)[0] == (False, "the line has told no state")
        mosquitto.stop(signal.SIGKILL)
        wait_for("it falls back", lambda: modes(plc)[-1] == (False, "not connected to the broker"))
        mosquitto.start()  # which has lost what it retained
        wait_for("it listens again", lambda: len(plc.events("listening")) == 2, 20)
        assert modes(plc)[-1] == (False, "the line has told no state")
        say_state(read(mosquitto.port), LineState.DEGRADED)
        wait_for("it follows again", lambda: modes(plc)[-1] == (True, "degraded: as asked"))
        counts = plc.finish()
    assert (counts["fallback"], counts["new boot"], counts["unreadable"]) == (1, 1, 0)


def test_it_tells_a_refused_connection_and_takes_its_password_from_the_environment(
    mosquitto, wait_for, tmp_path, monkeypatch
):
    program = shutil.which("mosquitto_passwd")
    if program is None:
        assert os.environ.get("CI") != "true", "mosquitto_passwd is not installed, and the continuous checks need it"
        pytest.skip("mosquitto_passwd is not installed")
    file = tmp_path / "passwords"
    subprocess.run([program, "-c", "-b", str(file), "plc", "right"], check=True, capture_output=True)
    file.chmod(0o700)
    mosquitto.stop()
    mosquitto.settings = f"allow_anonymous false\nuser root\npassword_file {file}\n"
    mosquitto.start()
    options = ("--username", "plc", "--password-env", "PLC_PASSWORD")
    monkeypatch.setenv("PLC_PASSWORD", "wrong")
    with Consumer(mosquitto.port, [TOPIC], *options) as plc:
        wait_for("it is told", lambda: plc.complaints)
        assert "refuses us: Not authorized" in plc.complaints[0]
        assert modes(plc) == []
    monkeypatch.setenv("PLC_PASSWORD", "right")
    with Consumer(mosquitto.port, [TOPIC], *options) as plc:
        wait_for("it listens", lambda: plc.events("listening"))
        assert plc.complaints == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_person_reads_what_it_does_and_its_counts_when_it_is_stopped(mosquitto, read, wait_for, number, tmp_path):
    reader = read(mosquitto.port)
    say_state(reader, LineState.RUNNING, "all well \x1b[31m")
    out = tmp_path / "out"
    command = [sys.executable, str(PROGRAM), "--port", str(mosquitto.port), "--topic", TOPIC]
    with out.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT) as process:
        wait_for("it follows", lambda: " follows " in out.read_text("utf-8"))
        reader.client.publish(f"{TOPIC}/decision", b"nonsense", qos=1)
        wait_for("it counts nonsense", lambda: "unreadable" in out.read_text("utf-8"))
        process.send_signal(number)
        assert process.wait(10) == 0
    *_, last = out.read_text("utf-8").splitlines()
    assert f'{TOPIC} counts {{"fallback": 0, "new boot": 1, "unreadable": 1, "given up": 0}}' in last
    assert "\x1b" not in out.read_text("utf-8")


def test_a_certificate_that_is_not_there_is_told_in_one_sentence():
    command = [sys.executable, str(PROGRAM), "--topic", TOPIC, "--ca-file", "/nowhere/ca.pem"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("the connection cannot be set up: ")
    assert "Traceback" not in done.stderr
