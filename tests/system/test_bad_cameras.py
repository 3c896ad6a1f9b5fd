"""Cameras that are no good in every way, on one service: each is told in one sentence, and nobody else notices."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.camera.process import CameraServer, Login
from benchmarks.camera.reel import BeltReel, Fault, Segment, belt_encoding, make_belt_reel
from sorter.settings.site import SimulatorSource

pytestmark = [pytest.mark.system, pytest.mark.alone]

PASSWORD = "s3cr@t"  # noqa: S105 - of the test's own camera
BELT = SimulatorSource.model_validate(
    {
        "kind": "simulator", "seed": 3, "width_px": 320, "height_px": 180, "frame_rate_hz": 25, "mm_per_px": 1,
        "lead_in_s": 3.0, "gap_mm": 30,
        "products": [
            {"name": "red", "hex": "#c8202c", "length_mm": 40, "width_mm": 40},
            {"name": "green", "hex": "#2e9e4f", "length_mm": 40, "width_mm": 40},
        ],
    }
)  # fmt: skip
RECIPE = {
    "name": "two colors",
    "bins": [
        {"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate"},
        {"name": "green", "hex": "#2e9e4f", "tolerance": 11, "branch": "gate"},
    ],
    "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "gate"),
}
LINE = {
    "recipe": "recipe.yaml",
    "belt": {"direction": "right", "learn_s": 0.5},
    "branches": {"gate": {"distance_mm": 800}},
    "timing": {"belt_speed_mm_per_s": 250},
}
SECONDS = 60


def reel(folder: Path, *segments: Segment) -> Path:
    plan = BeltReel(BELT, 0.0, SECONDS * 25, belt_encoding(BELT, 1_000_000), segments)
    return make_belt_reel(plan, folder)


@pytest.fixture(scope="module")
def reels(tmp_path_factory: pytest.TempPathFactory, camera_reason: str | None) -> dict[str, Path]:
    if camera_reason is not None:
        pytest.skip(camera_reason)
    folder = tmp_path_factory.mktemp("reels")
    grey = Segment(Fault.GREY, 0, SECONDS * 25)
    return {"belt": reel(folder), "grey": reel(folder, grey)}


@pytest.fixture
def servers(reels: dict[str, Path]) -> Iterator[tuple[CameraServer, CameraServer, CameraServer]]:
    """A good one with a password, one with absurd time stamps, one whose clock is an hour wrong."""
    silent = ("--audio", "sound", "--silent", "silent")
    with (
        CameraServer(reels, login=Login("me", PASSWORD), options=(*silent, "--loop")) as good,
        CameraServer({"belt": reels["belt"]}, options=("--absurd-stamps", "--loop")) as absurd,
        CameraServer({"belt": reels["belt"]}, options=("--clock-shift-s", "3600", "--loop")) as wrong,
    ):
        yield good, absurd, wrong


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def source(url: str, variable: str | None = None) -> dict[str, Any]:
    login = {} if variable is None else {"username": "me", "password_env": variable}
    return {"kind": "rtsp", "url": url, "timeout_s": 2, **login}


class Site:
    """What is heard of each line."""

    def __init__(self, wire: Any, service: Any) -> None:
        self.wire, self.service = wire, service

    def heard(self, line: str, leaf: str) -> list[dict[str, Any]]:
        topic = f"sorter/plant/{line}/{leaf}"
        return [json.loads(one.payload) for one in self.wire.on(leaf) if one.topic == topic]

    def metric(self, name: str, **labels: str) -> float:
        for family in text_string_to_metric_families(self.service.get("/metrics")[1]):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        raise LookupError(name, labels)


EXPECTED = {
    "absent": ("camera_lost", "cannot be reached (Connection refused)"),
    "password": ("camera_refused", "refuses the user name or password"),
    "path": ("camera_refused", "no such stream"),
    "sound": ("camera_refused", "the stream has no pictures"),
    "silent": ("camera_lost", "check"),
    "grey": ("camera_refused", "greyscale"),
}


def test_each_is_told_in_one_sentence_and_the_others_sort(  # noqa: PLR0913, PLR0917 - what a plant consists of
    servers: tuple[CameraServer, CameraServer, CameraServer],
    closed_port: int,
    tmp_path: Path,
    mosquitto: Any,
    read: Callable[..., Any],
    start_sorter: Callable[..., Any],
    wait_for: Callable[..., None],
    users_environment: dict[str, str],
) -> None:
    good, absurd, wrong = servers
    sources = {
        "good": source(good.url("belt"), "RIGHT"),
        # The demuxer takes its time over such stamps: one to two seconds to open, on an idle machine.
        "absurd": {**source(absurd.url("belt")), "timeout_s": 8},
        "clock": source(wrong.url("belt")),
        "absent": source(f"rtsp://127.0.0.1:{closed_port}/belt"),
        "password": source(good.url("belt"), "WRONG"),
        "path": source(good.url("nowhere"), "RIGHT"),
        "sound": source(good.url("sound"), "RIGHT"),
        "silent": source(good.url("silent"), "RIGHT"),
        "grey": source(good.url("grey"), "RIGHT"),
    }
    document = {
        "site": "plant",
        "lines": [{"name": name, "source": one, **LINE} for name, one in sources.items()],
        "mqtt": {"port": mosquitto.port},
        "metrics": {"port": 0},
    }
    config = tmp_path / "config"
    config.mkdir()
    (config / "recipe.yaml").write_text(json.dumps(RECIPE), "utf-8")
    (config / "sorter.yaml").write_text(json.dumps(document), "utf-8")
    environment = {**users_environment, "RIGHT": PASSWORD, "WRONG": "wr0ng@pass"}
    wire = read(mosquitto.port)
    site = Site(wire, start_sorter("run", "--config", config, environment=environment))

    for name, (cause, words) in EXPECTED.items():
        wait_for(
            f"{name} is told: {cause}",
            lambda name=name, cause=cause: any(one["cause"] == cause for one in site.heard(name, "state")),
            60.0,
        )
        told = next(one for one in site.heard(name, "state") if one["cause"] == cause)
        assert told["state"] == "halted"
        assert words in told["reason"], name
        assert not site.heard(name, "decision")
        assert site.metric("sorter_line_state", line=name, state="halted") == 1
    for name in ("good", "absurd", "clock"):
        wait_for(f"{name} decides", lambda name=name: len(site.heard(name, "decision")) >= 3, 60.0)
    assert site.service.process.poll() is None
    # The camera tells its time with its first report, which may come after the first product.
    assert site.heard("good", "decision")[-1]["time_base"] == "camera"
    assert {one["time_base"] for one in site.heard("clock", "decision")} == {"arrival"}
    assert site.heard("absurd", "decision")[-1]["time_base"] == "arrival"
    assert abs(abs(site.metric("sorter_camera_clock_offset_seconds", line="clock")) - 3600) < 2
    wait_for("the stamps are given up", lambda: "its time stamps jump" in site.service.log, 30.0)
    assert PASSWORD not in site.service.log
    assert "wr0ng" not in site.service.log
