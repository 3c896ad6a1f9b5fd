"""A line in the test's own process, over real sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sorter.capture.clock import SystemClock
from sorter.capture.simulator.source import SimulatedBelt
from sorter.errors import ConfigurationError, SourceError
from sorter.line import Line
from sorter.line_reports import HEARTBEAT_S, Heartbeat, LineJob, LineStatus
from sorter.records import Decision, Frame, Verdict
from sorter.stages import decide_film
from tests.unit.clock import WrittenClock


class Service:
    """What a line knows of its service: someone who listens, and who may say stop."""

    def __init__(self, clock: WrittenClock, stop_when: Callable[[Service], bool] = lambda _: False) -> None:
        self.heard: list[Any] = []
        self.waits_s: list[float] = []
        self._clock = clock
        self._stop_when = stop_when

    def stop_within(self, duration_s: float) -> bool:
        if self._stop_when(self):
            return True
        if duration_s:
            self.waits_s.append(duration_s)
            self._clock.wait_s(duration_s)
        return False

    @property
    def products(self) -> list[int]:
        return [one.product for one in self.heard if isinstance(one, Decision)]

    @property
    def beats(self) -> list[Heartbeat]:
        return [one for one in self.heard if isinstance(one, Heartbeat)]


def run(job: LineJob, stop_when: Callable[[Service], bool] = lambda _: False) -> Service:
    clock = WrittenClock()
    service = Service(clock, stop_when)
    Line(job, clock, service.heard.append, service.stop_within).run()
    return service


def drawn(job: LineJob, seconds: float) -> list[Frame]:
    """The first pictures of a job's simulated belt, drawn as fast as it can."""
    belt = SimulatedBelt(job.settings.source, 0.0, WrittenClock())
    frames: list[Frame] = []
    for frame in belt.frames():
        frames.append(frame)
        if len(frames) >= seconds * 30:
            break
    return frames


@pytest.fixture
def folder_job(make_job, tmp_path: Path) -> Callable[..., LineJob]:
    """A job whose source is a folder with pictures of a simulated belt."""

    def make(seconds: float = 2.0, **changes: Any) -> LineJob:
        folder = tmp_path / "pictures"
        folder.mkdir()
        for frame in drawn(make_job({"realtime": False}), seconds):
            cv2.imwrite(str(folder / f"{frame.number}.png"), frame.image_bgr)
        return make_job({"kind": "folder", "path": "pictures"}, **changes)

    return make


def test_a_folder_is_decided_to_its_end(folder_job):
    heard = run(folder_job())
    assert heard.products == [1, 2, 3, 4, 5]
    statuses = list(dict.fromkeys(beat.status for beat in heard.beats))
    assert statuses == [LineStatus.CONNECTING, LineStatus.LEARNING, LineStatus.RUNNING, LineStatus.ENDED]
    last = heard.beats[-1]
    assert (last.status, last.reason) == (LineStatus.ENDED, "the film is at its end")
    assert (last.frames_processed, last.frames_given_up, last.frames_corrupt) == (60, 0, 0)
    assert last.first_frame == (0, 100.0)
    assert last.last_frame_at_s == pytest.approx(100.0 + 59 / 30)


def test_a_stopped_line_decides_what_it_has_in_view(make_job):
    job = make_job({"realtime": False})
    heard = run(job, lambda service: len(service.products) >= 1)
    assert len(heard.products) >= 2
    assert heard.beats[-1].status is LineStatus.RUNNING


def test_a_heartbeat_comes_four_times_a_second_and_carries_each_frames_time_once(folder_job):
    clock = WrittenClock()
    service = Service(clock)

    def frame_takes_its_time(duration_s: float) -> bool:
        clock.wait_s(1 / 30)
        return service.stop_within(duration_s)

    Line(folder_job(), clock, service.heard.append, frame_takes_its_time).run()
    regular = [beat for beat in service.beats if beat.status is LineStatus.RUNNING]
    assert len(regular) == pytest.approx((60 / 30 - 0.3) / HEARTBEAT_S, abs=2)
    assert sum(len(beat.processing_s) for beat in service.beats) == 60


def test_a_film_that_is_not_there_is_tried_again_more_and_more_patiently(make_job, tmp_path):
    job = make_job({"kind": "file", "path": "absent.mp4"})
    heard = run(job, lambda service: sum(service.waits_s) > 60)
    assert {beat.status for beat in heard.beats} == {LineStatus.LOST}
    assert heard.beats[0].reason == f"{tmp_path / 'absent.mp4'}: no such film: check source.path"
    assert max(heard.waits_s) <= HEARTBEAT_S
    tries = [round(beat, 6) for beat in _pauses(heard)]
    assert tries[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0]


def _pauses(heard: Service) -> Iterator[float]:
    """How long it waited between tries: each is waited for in parts, the last part being the shortest or equal."""
    total_s = 0.0
    lengths = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0)
    for wait_s in heard.waits_s:
        total_s += wait_s
        reached = next((one for one in lengths if abs(one - total_s) < 1e-9), None)
        if reached is not None:
            yield reached
            total_s, lengths = 0.0, lengths[1:]


def test_a_source_that_comes_back_is_decided_and_product_numbers_go_on(folder_job, tmp_path):
    job = folder_job()
    pictures, away = tmp_path / "pictures", tmp_path / "away"
    pictures.rename(away)

    def bring_back(service: Service) -> bool:
        if sum(service.waits_s) >= 1.0 and away.exists():
            away.rename(pictures)
        return False

    heard = run(job, bring_back)
    assert heard.beats[0].status is LineStatus.LOST
    assert heard.beats[-1].status is LineStatus.ENDED
    assert heard.products == [1, 2, 3, 4, 5]


def test_a_source_lost_in_the_middle_loses_no_product_that_was_in_view(folder_job, make_job, tmp_path):
    job = folder_job()
    seen = drawn(make_job({"realtime": False}), 40 / 30)
    # A picture of another size is what a camera sends whose resolution was changed while it ran.
    cv2.imwrite(str(tmp_path / "pictures" / "40.png"), np.full((90, 160, 3), (20, 90, 200), np.uint8))
    heard = run(job, lambda service: len([one for one in service.beats if one.status is LineStatus.LOST]) > 1)
    lost = next(beat for beat in heard.beats if beat.status is LineStatus.LOST)
    assert "160 x 90" in lost.reason
    before = [one.product for one in heard.heard[: heard.heard.index(lost)] if isinstance(one, Decision)]
    assert before == [one.product for one in decide_film(job, Frames(seen))]
    assert heard.products == list(range(1, len(heard.products) + 1))
    assert _told_of_products(heard) == []
    assert heard.beats[-1].products == len(heard.products)


def _told_of_products(heard: Service) -> list[tuple[int, int]]:
    """Heartbeats that count more products than there were decisions before them, with how many there were."""
    decided, ahead = 0, []
    for one in heard.heard:
        if isinstance(one, Decision):
            decided += 1
        elif one.products > decided:
            ahead.append((one.products, decided))
    return ahead


def test_no_heartbeat_counts_a_product_whose_decision_comes_after_it(folder_job):
    heard = run(folder_job())
    assert _told_of_products(heard) == []
    assert [beat.products for beat in heard.beats][-1] == 5


def test_a_region_outside_the_picture_is_refused_with_its_place(folder_job):
    heard = run(folder_job(0.2, region={"x": 300, "y": 0, "width": 100, "height": 100}))
    assert [beat.status for beat in heard.beats][-1] is LineStatus.REFUSED
    assert heard.beats[-1].reason == (
        "sorter.yaml:7:5: the region (x 300 to 400, y 0 to 100) reaches outside the picture, "
        "which is 320 x 180 pixels: make it fit"
    )
    assert not heard.products


def test_a_damaged_picture_is_skipped_and_counted_even_the_last(folder_job, tmp_path):
    job = folder_job()
    for number in (20, 59):
        picture = tmp_path / "pictures" / f"{number}.png"
        picture.write_bytes(picture.read_bytes()[:500])
    heard = run(job)
    assert heard.beats[-1].frames_corrupt == 2
    assert heard.beats[-1].frames_processed == 58
    assert heard.products == [1, 2, 3, 4, 5]


def test_no_password_reaches_a_report(make_job):
    job = make_job({"kind": "rtsp", "url": "rtsp://127.0.0.1:9/stream", "username": "me"})
    source = job.settings.source.with_password("gehe1m")
    settings = job.settings.model_copy(update={"source": source})
    job = LineJob(settings, job.recipe, job.base, job.region_place)
    service = Service(WrittenClock(), lambda service: len(service.beats) > 2)
    Line(job, SystemClock(), service.heard.append, service.stop_within).run()
    assert service.beats[-1].status is LineStatus.LOST
    assert "cannot be reached" in service.beats[-1].reason
    assert "gehe1m" not in repr(service.heard)


class Frames:
    """Pictures that were taken elsewhere, and how their source fails after them."""

    live = False
    frames_skipped = 0

    def __init__(self, frames: list[Frame], error: Exception | None = None) -> None:
        self._frames = frames
        self._error = error

    def frames(self) -> Iterator[Frame]:
        yield from self._frames
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        pass


def test_a_film_is_decided_on_its_own_time(make_job):
    job = make_job({"realtime": False})
    decisions = list(decide_film(job, Frames(drawn(job, 2.0))))
    assert [decision.product for decision in decisions] == [1, 2, 3, 4, 5]
    assert {decision.verdict for decision in decisions} == {Verdict.ROUTED}
    assert all(decision.decided_at_s == decision.captured_at_s for decision in decisions)


def test_what_is_in_view_when_a_stream_breaks_off_is_decided_before_it_is_told(make_job):
    job = make_job({"realtime": False})
    frames = drawn(job, 1.5)
    whole = list(decide_film(job, Frames(frames)))
    decided = []
    with pytest.raises(SourceError, match="the stream was lost"):
        decided.extend(decide_film(job, Frames(frames, SourceError("the stream was lost"))))
    assert [one.product for one in decided] == [one.product for one in whole]


def test_a_film_with_a_region_outside_it_is_refused_before_anything_is_decided(make_job):
    job = make_job({"realtime": False}, region={"x": 0, "y": 100, "width": 320, "height": 100})
    with pytest.raises(ConfigurationError, match=r"^sorter\.yaml:7:5: the region .* reaches outside the picture"):
        list(decide_film(job, Frames(drawn(job, 0.1))))


def test_a_film_of_no_pictures_decides_nothing(make_job):
    assert list(decide_film(make_job(), Frames([]))) == []


@pytest.mark.parametrize("first", range(14, 44, 6))
def test_a_product_that_crosses_while_nobody_looks_is_decided_by_what_was_seen_of_it(make_job, first):
    """A busy machine gives up frames: half a second of them here, in which a product moves 125 of 320 pixels."""
    job = make_job({"realtime": False})
    frames = drawn(job, 2.0)
    whole = list(decide_film(job, Frames(frames)))
    torn = list(decide_film(job, Frames(frames[:first] + frames[first + 15 :])))
    assert [one.verdict for one in torn] == [Verdict.ROUTED] * len(whole)
    assert sorted(one.match.bin for one in torn) == sorted(one.match.bin for one in whole)
    times = {frame.captured_at_s for frame in frames[:first] + frames[first + 15 :]}
    assert {one.captured_at_s for one in torn} <= times


def test_a_line_that_may_not_decide_yet_learns_on_and_loses_nothing(make_job):
    clock = SystemClock()
    heard: list[Any] = []
    start_s = clock.monotonic_s()

    def stop_within(duration_s: float) -> bool:
        clock.wait_s(duration_s)
        return sum(isinstance(one, Decision) for one in heard) >= 3

    Line(make_job(), clock, heard.append, stop_within, lambda: clock.monotonic_s() > start_s + 1.6).run()
    statuses = [one.status for one in heard if isinstance(one, Heartbeat)]
    assert statuses.count(LineStatus.LEARNING) >= 1.2 / HEARTBEAT_S
    first = next(one for one in heard if isinstance(one, Decision))
    assert first.verdict is Verdict.ROUTED
    # It enters after 0.4 s and has 212 px to go at 250 px/s.
    assert first.captured_at_s - start_s == pytest.approx(1.25, abs=0.2)
