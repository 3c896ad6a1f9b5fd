"""The demo as a newcomer runs it: with and without mosquitto, with nothing in HOME, at a terminal, and broken off."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from sorter.demo.broker import find_mosquitto

pytestmark = [pytest.mark.system, pytest.mark.alone]

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "config/schema/decision.schema.json").read_text("utf-8"))
KEYS = ["products", "decided", "correct", "wrong", "missed", "extra", "received", "confirmed"]
SECONDS = 9


def test_every_simulated_product_is_decided_right_received_and_confirmed(start_sorter, tmp_path):
    """On both brokers, side by side; on amqtt with an empty HOME, and a PATH that leads nowhere."""
    bare = {"HOME": str(tmp_path / "empty"), "PATH": str(tmp_path / "nowhere")}
    environments = {"amqtt": bare, "mosquitto": None} if find_mosquitto() else {"amqtt": bare}
    arguments = ("demo", "--seconds", SECONDS, "--json", "--broker")
    for sorter in [start_sorter(*arguments, kind, environment=one) for kind, one in environments.items()]:
        assert (sorter.process.wait(60), sorter.log) == (0, "")
        *decisions, last = [json.loads(line) for line in sorter.out.splitlines()]
        assert list(last) == ["summary"]
        assert list(last["summary"]) == KEYS
        assert set(last["summary"].values()) == {0, len(decisions)}
        assert not any(last["summary"][key] for key in ("wrong", "missed", "extra"))
        assert len(decisions) >= 8
        assert [one["seq"] for one in decisions] == list(range(1, len(decisions) + 1))
        for one in decisions:
            Draft202012Validator(SCHEMA).validate(one)
            assert one["simulated"] is True
        # The first products come while the empty belt is learned, and are decided after: they are none of the median's.
        assert statistics.median(one["age_ms"] for one in decisions) < 150


def test_a_person_sees_a_table_and_what_became_of_every_product():
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "run_sorter.py"), "demo", "--seconds", "6"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    shown = _read_all(ours)
    assert process.wait(30) == 0
    lines = shown.replace("\r\n", "\n").splitlines()
    assert lines[0].startswith("broker: ")
    assert lines[1].split() == [
        "#",
        "verdict",
        "bin",
        "branch",
        "color",
        "share",
        "dE00",
        "margin",
        "stable",
        "age",
        "ms",
        "remark",
    ]
    rows = [line for line in lines if "routed  " in line]
    assert len(rows) >= 3
    assert all("\x1b[48;2;" in row for row in rows)
    assert f"{len(rows)} products decided: {len(rows)} routed" in lines
    table = {words[0]: int(words[1]) for words in map(str.split, lines) if words and words[0] in KEYS}
    assert list(table) == KEYS
    assert set(table.values()) == {0, len(rows)}
    assert lines[-1].startswith("from picture to decision: median ")


def _read_all(terminal: int) -> str:
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # the other end is closed
            os.close(terminal)
            return shown.decode()


def test_ctrl_c_ends_a_demo_that_would_run_for_ever_with_its_summary(start_sorter, wait_for):
    sorter = start_sorter("demo", "--json")
    wait_for("three decisions", lambda: sorter.out.count("\n") >= 3, 30.0)
    code, took_s = sorter.end(signal.SIGINT, group=True)
    assert (code, sorter.log) == (0, "")
    assert took_s < 4
    summary = json.loads(sorter.out.splitlines()[-1])["summary"]
    assert summary["confirmed"] == summary["received"] == summary["decided"] >= 3
    assert summary["wrong"] == summary["missed"] == summary["extra"] == 0


def test_a_reader_that_has_enough_ends_the_demo_and_all_that_belongs_to_it(start_sorter, wait_for):
    ours, theirs = os.pipe()
    sorter = start_sorter("demo", "--json", output=theirs)
    os.close(theirs)
    assert os.read(ours, 20).startswith(b'{"schema"')
    os.close(ours)
    assert sorter.process.wait(20) == 0
    assert sorter.log == ""
    wait_for("nothing is left of it", lambda: not sorter.left)


@pytest.fixture
def config(tmp_path) -> Path:
    """The settings that the demo comes with, to be spoiled."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path / "config"


def spoil(config: Path, **changes: Any) -> None:
    path = config / "sorter.yaml"
    settings = yaml.safe_load(path.read_text("utf-8"))
    settings["lines"][0].update(changes)
    path.write_text(json.dumps(settings, indent=1), "utf-8")


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        (
            {"region": {"x": 900, "y": 0, "width": 99, "height": 99}},
            78,
            "lines.0.region: the region (x 900 to 999, y 0 to",
        ),
        ({"source": {"kind": "usb"}}, 2, "the demo knows the truth of simulated lines only: use kind: simulator"),
        ({"recipe": "recipes/none.yaml"}, 78, "lines.0.recipe: there is no recipe file"),
        ({"sauce": 1}, 78, "lines.0: unknown key 'sauce', did you mean 'source'?"),
    ],
)
def test_mistaken_settings_are_told_before_anything_is_started(changes, code, sentence, config, run_sorter):
    spoil(config, **changes)
    told = run_sorter("demo", "--seconds", 5, "--config", config)
    assert (told.returncode, told.stdout) == (code, "")
    (line,) = told.stderr.splitlines()
    place, said = line.split(": ", 1)
    assert place.startswith(f"{config / 'sorter.yaml'}:")
    assert said.startswith(sentence)


def test_a_demo_too_short_to_show_anything_says_so(run_sorter):
    told = run_sorter("demo", "--seconds", "0.05", "--json")
    assert (told.returncode, told.stdout) == (1, "")
    (line,) = told.stderr.splitlines()
    assert line.startswith("line 'line-1' gave no picture in that time (starting: ")


def test_a_password_and_a_certificate_of_the_plants_broker_are_no_matter_to_the_demos_own(config, run_sorter):
    path = config / "sorter.yaml"
    settings = yaml.safe_load(path.read_text("utf-8"))
    settings["mqtt"] = {"host": "mqtt.example", "port": 8883, "username": "me", "password_env": "NOT_SET_ANYWHERE"}
    path.write_text(json.dumps(settings), "utf-8")
    told = run_sorter("demo", "--seconds", 4, "--json", "--config", config)
    assert (told.returncode, told.stderr) == (0, ""), told.stdout.splitlines()[-1]
    assert json.loads(told.stdout.splitlines()[-1])["summary"]["confirmed"] > 0
