"""Industrial cameras, by the simulated ones that the package genicam brings: a ball on white, in one color each."""

from __future__ import annotations

import gc
import json
import os
import signal
import threading
import time
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sorter.capture.clock import SystemClock
from sorter.capture.feed import Feed
from sorter.capture.genicam.features import PIXEL_FORMAT
from sorter.capture.genicam.library import OpenCamera
from sorter.capture.genicam.source import GenicamCamera
from sorter.capture.picture import GreyscaleError
from sorter.errors import SourceError
from sorter.settings.genicam import GenicamSource
from sorter.settings.guards import GuardSettings

pytestmark = pytest.mark.system

RED, GREEN, BLUE = "0", "1", "2"  # their serial numbers
BGR = {RED: (0, 0, 255), GREEN: (0, 255, 0), BLUE: (255, 0, 0)}


@pytest.fixture(scope="module")
def producer() -> str:
    spec = find_spec("genicam")
    if spec is None or spec.origin is None:
        assert os.environ.get("CI") != "true", "genicam must be installed on the build machine"
        pytest.skip("genicam is not installed")
    return str(Path(spec.origin).with_name("viky.cti"))


@pytest.fixture
def camera(producer: str) -> Any:
    made: list[GenicamCamera] = []

    def make(**keys: Any) -> GenicamCamera:
        settings = GenicamSource.model_validate({"kind": "genicam", "producer": producer, **keys})
        made.append(GenicamCamera(settings, Path("/"), SystemClock()))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("serial", BGR)
def test_pictures_come_with_the_right_color_in_the_right_channels(camera: Any, serial: str) -> None:
    frames = list(islice(camera(serial=serial, frame_rate_hz=100).frames(), 5))
    for frame in frames:
        colors = {tuple(color) for color in np.unique(frame.image_bgr.reshape(-1, 3), axis=0).tolist()}
        assert colors == {(255, 255, 255), BGR[serial]}
        assert frame.arrived_at_s == frame.captured_at_s
    assert all(a.captured_at_s < b.captured_at_s for a, b in pairwise(frames))


def test_what_is_set_shows_in_the_pictures(camera: Any, caplog: pytest.LogCaptureFixture) -> None:
    source = camera(serial=GREEN, width_px=320, height_px=240, pixel_format="RGBa8", frame_rate_hz=100)
    frames = list(islice(source.frames(), 30))
    assert frames[0].image_bgr.shape == (240, 320, 3)
    rate_hz = (len(frames) - 1) / (frames[-1].captured_at_s - frames[0].captured_at_s)
    assert rate_hz > 25  # 20 by itself; 100 where the machine is not busy
    assert caplog.records == []


def test_what_the_camera_ignores_or_does_not_have_is_told_once(camera: Any, caplog: pytest.LogCaptureFixture) -> None:
    source = camera(serial=GREEN, width_px=5000, pixel_format="BayerRG8", exposure_us=2000)
    for _ in range(2):
        next(source.frames())
    assert [record.getMessage() for record in caplog.records] == [
        f"camera 1 (Machine Vision Games Ltd. Viky): {sentence}"
        for sentence in (
            "pixel_format is RGBa8, not BayerRG8 as set: choose what the camera takes (RGBa8, Mono8)",
            "width_px is 400, not 5000 as set: choose what the camera takes (100 to 800)",
            "exposure_us cannot be set, the camera has no such control: remove it from its source settings",
        )
    ]


def test_a_camera_is_chosen_by_its_index_too(camera: Any) -> None:
    frame = next(camera(index=2).frames())
    assert (frame.image_bgr == BGR[BLUE]).all(axis=2).any()


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"serial": "9"}, "there is no GenICam camera with serial 9: .* serial 0 .*; serial 1 .*; serial 2 "),
        ({}, "3 GenICam cameras were found: set serial to one of them: serial 0 .*; serial 1 .*; serial 2 "),
        ({"producer": "/absent.cti"}, r"^/absent\.cti: there is no such GenTL producer"),
        ({"producer": __file__}, r"^test_genicam\.py: the GenTL producer fails \(Failed to load"),
    ],
)
def test_a_camera_that_is_not_there_is_told_when_frames_are_wanted(
    camera: Any, keys: dict[str, Any], sentence: str
) -> None:
    source = camera(**keys)
    for _ in range(2):
        with pytest.raises(SourceError, match=sentence):
            next(source.frames())


def test_a_camera_that_stays_greyscale_is_refused(producer: str) -> None:
    opened = OpenCamera(GenicamSource(kind="genicam", producer=producer, serial=RED), Path("/"), lambda: None)
    try:
        opened.controls.set(PIXEL_FORMAT, "Mono8")
        with pytest.raises(GreyscaleError, match=r"camera 0 \(.* Viky\): the picture is greyscale"):
            opened.start(buffers=4)
    finally:
        opened.release()


def test_a_producer_that_is_in_use_is_told_and_free_after_its_release(producer: str) -> None:
    settings = GenicamSource(kind="genicam", producer=producer, serial=RED)
    opened = OpenCamera(settings, Path("/"), lambda: None)
    try:
        with pytest.raises(
            SourceError, match=r"viky\.cti: the GenTL producer fails \(Requested resource is already in"
        ):
            OpenCamera(settings, Path("/"), lambda: None)
        assert opened.answers()
    finally:
        opened.release()
    OpenCamera(settings, Path("/"), lambda: None).release()


def test_a_camera_that_is_opened_often_fills_no_memory(camera: Any) -> None:
    def node_maps() -> int:
        gc.collect()
        return sum(type(one).__name__ == "NodeMap" for one in gc.get_objects())

    source, before = camera(serial=RED, frame_rate_hz=200), node_maps()
    for _ in range(3):
        frames = source.frames()
        next(frames)
        frames.close()
    assert node_maps() == before


def test_it_can_be_opened_again_and_again_and_changes_nothing_of_the_process(camera: Any) -> None:
    handler, filters = signal.getsignal(signal.SIGINT), list(warnings.filters)
    source = camera(serial=RED, frame_rate_hz=200)
    for _ in range(3):
        frames = source.frames()
        assert next(frames).number == 0
        frames.close()
    assert next(camera(serial=BLUE).frames()).number == 0
    assert signal.getsignal(signal.SIGINT) is handler
    assert list(warnings.filters) == filters


def test_closing_from_another_thread_ends_the_frames_at_once(camera: Any) -> None:
    source = camera(serial=RED, frame_rate_hz=1)
    seen, ended = threading.Event(), threading.Event()

    def read() -> None:
        for _ in source.frames():
            seen.set()
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert seen.wait(10)
    began_s = time.monotonic()
    source.close()
    assert time.monotonic() - began_s < 1
    assert ended.wait(5)
    reader.join()


def test_silence_of_the_camera_is_told(camera: Any) -> None:
    with pytest.raises(SourceError, match=r"no picture for 0\.1 s: check the camera"):
        list(camera(serial=RED, frame_rate_hz=1, timeout_s=0.1).frames())


def test_a_feed_drains_it_and_stops(camera: Any) -> None:
    # The simulated camera's ground is pure white.
    guards = GuardSettings(overexposed_share=1.0)
    feed = Feed(lambda: camera(serial=RED, frame_rate_hz=200), "the camera", guards, 5.0, SystemClock())
    feed.start()
    first, second = feed.take(10), feed.take(10)
    assert first is not None
    assert second is not None
    assert second.number > first.number
    assert feed.stop()


RECIPE = {
    "name": "balls",
    "bins": [{"name": "green", "hex": "#00ff00", "tolerance": 8, "branch": "left"}],
    "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "right"),
}


@dataclass
class Plant:
    """A service with one line on a simulated camera, its broker, and a reader of the wire."""

    folder: Path
    broker: Any
    wire: Any
    start_sorter: Any

    def start(self, **source: Any) -> Any:
        line = {
            "name": "one",
            "recipe": "recipe.yaml",
            "source": {"kind": "genicam", **source},
            "guards": {"overexposed_share": 1.0},  # its ground is pure white
            "belt": {"direction": "right", "learn_s": 0.5},
            "branches": {name: {"distance_mm": 800} for name in ("left", "right")},
            "timing": {"belt_speed_mm_per_s": 250},
        }
        site = {"site": "plant", "lines": [line], "mqtt": {"port": self.broker.port}, "metrics": {"port": 0}}
        (self.folder / "recipe.yaml").write_text(json.dumps(RECIPE), "utf-8")
        (self.folder / "sorter.yaml").write_text(json.dumps(site), "utf-8")
        return self.start_sorter("run", "--config", self.folder)

    def states(self) -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in self.wire.on("state")]


@pytest.fixture
def plant(tmp_path: Path, mosquitto: Any, read: Any, start_sorter: Any) -> Plant:
    return Plant(tmp_path, mosquitto, read(mosquitto.port), start_sorter)


def frames_processed(service: Any) -> float:
    lines = service.get("/metrics")[1].splitlines()
    return sum(float(one.split()[-1]) for one in lines if one.startswith("sorter_frames_total{") and "processed" in one)


def test_the_service_runs_a_line_on_it(plant: Plant, producer: str, wait_for: Any) -> None:
    service = plant.start(producer=producer, serial=GREEN, exposure_us=2000)
    wait_for("the line runs", lambda: [one["state"] for one in plant.states()][-1:] == ["running"], 30)
    wait_for("frames are processed", lambda: frames_processed(service) > 20, 30)
    assert service.log.count("exposure_us cannot be set, the camera has no such control") == 1
    code, took_s = service.end()
    assert code == 0
    assert took_s < 5


def test_the_service_waits_for_a_camera_that_is_not_there(plant: Plant, producer: str, wait_for: Any) -> None:
    service = plant.start(producer=producer, serial="9")
    sentence = "there is no GenICam camera with serial 9"
    wait_for("the state tells", lambda: any(sentence in one["reason"] for one in plant.states()), 30)
    assert plant.states()[-1]["state"] == "halted"
    assert service.end()[0] == 0
