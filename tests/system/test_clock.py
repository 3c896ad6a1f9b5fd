"""The service on a machine whose clock is set while it runs; the judge is the test's own clock, which is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
LIBRARIES = ("/usr/lib/*-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")
# The kernel's own word on its synchronization cannot be set by a test, so the service is handed one. Waiting is by
# select: libfaketime miscounts the monotonic moment that time.sleep waits for. The line's process has no wall time.
SERVICE = """
import os, select, sys
from pathlib import Path
from sorter.capture.clock import SystemClock
from sorter.commands.stopping import StopSignals
from sorter.logs import set_up_log
from sorter.outputs.messages import Synchronization
from sorter.service import Service
from sorter.settings.load import load_project
class Clock(SystemClock):
    def wait_s(self, duration_s):
        select.select([], [], [], max(duration_s, 0))
del os.environ["LD_PRELOAD"]
set_up_log(20)
says = Path(sys.argv[2])
project = load_project(Path(sys.argv[1]))
service = Service(project, Clock(), "boot-1", synchronization=lambda: Synchronization(says.read_text()))
with StopSignals() as stop:
    service.run(stop.requested)
"""
DOCUMENT: dict[str, Any] = {
    "site": "plant",
    "lines": [
        {
            "name": "one",
            "recipe": "recipe.yaml",
            "source": {
                "kind": "simulator", "seed": 3, "width_px": 320, "height_px": 180, "frame_rate_hz": 30, "mm_per_px": 1,
                "belt_speed_mm_per_s": 250, "lead_in_s": 0.4, "gap_mm": 30,
                "products": [{"name": "red", "hex": "#c8202c", "length_mm": 40, "width_mm": 40}],
            },
            "belt": {"direction": "right", "learn_s": 0.3},
            "branches": {"gate": {"distance_mm": 800}},
            "timing": {"belt_speed_mm_per_s": 250},
        }
    ],
    "metrics": {"port": 0},
}  # fmt: skip
RECIPE = {
    "name": "one color",
    "bins": [{"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate"}],
    "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "gate"),
}


@pytest.fixture
def library() -> Path:
    found = [path for pattern in LIBRARIES for path in Path("/").glob(pattern.lstrip("/"))]
    if not found and os.environ.get("CI") == "true":
        pytest.fail("faketime is not installed, and the continuous checks need it")
    if not found:
        pytest.skip("faketime is not installed")
    return found[0]


@dataclass
class Plant:
    """A service whose machine's clock, and whose word on it, the test sets."""

    folder: Path
    wire: Any
    process: subprocess.Popen[bytes]

    def set_clock(self, ahead_s: int) -> None:
        _write(self.folder / "offset", f"{ahead_s:+d}")

    def say(self, synchronization: str) -> None:
        _write(self.folder / "says", synchronization)

    def messages(self, leaf: str) -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in self.wire.on(leaf)]


def _write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


@pytest.fixture
def plant(tmp_path: Path, mosquitto: Any, read: Any, library: Path) -> Iterator[Plant]:
    settings = DOCUMENT | {"mqtt": {"port": mosquitto.port, "keepalive_s": 5}}
    (tmp_path / "sorter.yaml").write_text(json.dumps(settings))
    (tmp_path / "recipe.yaml").write_text(json.dumps(RECIPE))
    _write(tmp_path / "offset", "+0")
    _write(tmp_path / "says", "unsynchronized")
    faked = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "offset"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", SERVICE, str(tmp_path), str(tmp_path / "says")]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, env=os.environ | faked)
    plant = Plant(tmp_path, read(mosquitto.port), process)
    yield plant
    process.terminate()
    try:
        assert process.wait(20) == 0, (tmp_path / "log").read_text()
    finally:
        process.kill()


def left_s(decision: dict[str, Any]) -> float:
    """How much of its time is left by the test's clock."""
    return datetime.fromisoformat(decision["act_before"]).timestamp() - time.time()


def test_a_clock_set_back_an_hour_moves_no_deadline_and_is_told_until_it_is_synchronized(
    plant: Plant, wait_for: Callable[..., None]
) -> None:
    def next_decision() -> dict[str, Any]:
        before = len(plant.messages("decision"))
        wait_for("a decision", lambda: len(plant.messages("decision")) > before + 1, 20)
        return plant.messages("decision")[-1]

    first = next_decision()
    # 800 mm at 250 mm/s, less 0.05 s, and 0.1 s more: what is not spent on the way here, however busy the machine.
    assert 0 < left_s(first) < 3.3
    assert first["clock"] == "unsynchronized"
    plant.set_clock(-3600)
    wait_for("the alarm", lambda: plant.messages("alarm"))
    (alarm,) = plant.messages("alarm")
    assert (alarm["cause"], alarm["raised"]) == ("clock_jumped", True)
    assert alarm["reason"].startswith(
        "this machine's clock was set back by 3600.0 s: deadlines go on by the time before"
    )
    assert abs(datetime.fromisoformat(alarm["at"]).timestamp() - time.time()) < 5
    for _ in range(3):
        assert 0 < left_s(next_decision()) < 3.3
    plant.say("synchronized")
    wait_for("it is followed", lambda: len(plant.messages("alarm")) == 2)
    assert not plant.messages("alarm")[1]["raised"]
    last = next_decision()
    assert last["clock"] == "synchronized"
    assert -3600 < left_s(last) < -3596
    seqs = [one["seq"] for one in plant.messages("decision")]
    assert seqs == list(range(1, len(seqs) + 1))
