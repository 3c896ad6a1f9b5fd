from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorter.capture.simulator.source import SimulatedBelt
from sorter.capture.simulator.truth import truth
from sorter.demo.scoring import Score, Scorer
from sorter.line_reports import Heartbeat, LineStatus
from sorter.pipeline import Pipeline, open_pipeline
from sorter.product.region import RegionOutsideError, direction_deg
from sorter.records import BgrImage, Decision, Frame, InvalidReason, Verdict
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings, SimulatorSource

START_S = 100.0
RATE_HZ = 15
KINDS = (
    {"name": "red", "hex": "#c8202c", "shape": "ellipse", "length_mm": 60, "width_mm": 50},
    {"name": "orange", "hex": "#f08a24", "shape": "disc", "length_mm": 56, "width_mm": 56},
    {"name": "yellow", "hex": "#f4d03f", "shape": "ellipse", "length_mm": 70, "width_mm": 48},
    {"name": "green", "hex": "#2e9e4f", "shape": "hexagon", "length_mm": 60, "width_mm": 54},
    {"name": "blue", "hex": "#2457b5", "shape": "box", "length_mm": 64, "width_mm": 46},
)
DISTANCES_MM = {"gate-1": 400.0, "gate-2": 550.0, "gate-3": 700.0, "reject": 850.0}
GATES = {"red": "gate-1", "orange": "gate-1", "yellow": "gate-2", "green": "gate-2", "blue": "gate-3"}
RECIPE = Recipe.model_validate(
    {
        "name": "test",
        "bins": [
            {"name": kind["name"], "hex": kind["hex"], "tolerance": 11, "branch": GATES[str(kind["name"])]}
            for kind in KINDS
        ],
        "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject"),
    }
)


class StillClock:
    """The simulator's frames carry their own time."""

    def monotonic_s(self) -> float:
        return START_S

    def wall_s(self) -> float:
        return 1.7e9

    def wait_s(self, duration_s: float) -> None:
        raise AssertionError(f"a belt that is not played in real time waited {duration_s} s")


def line_of(source: dict[str, Any] | None = None, belt: dict[str, Any] | None = None, **more: Any) -> LineSettings:
    drawn = {
        "kind": "simulator",
        "realtime": False,
        "products": KINDS,
        "width_px": 320,
        "height_px": 180,
        "mm_per_px": 1.5,
        "frame_rate_hz": RATE_HZ,
        "lead_in_s": 1.2,
    }
    return LineSettings.model_validate(
        {
            "name": "line",
            "source": drawn | (source or {}),
            "recipe": "recipe.yaml",
            "belt": {"direction": "right", "learn_s": 1.0} | (belt or {}),
            "branches": {name: {"distance_mm": distance} for name, distance in DISTANCES_MM.items()},
            "timing": {"belt_speed_mm_per_s": 250},
        }
        | more
    )


def simulated(line: LineSettings, seconds: float) -> Iterator[Frame]:
    assert isinstance(line.source, SimulatorSource)
    belt = SimulatedBelt(line.source, direction_deg(line.belt.direction), StillClock())
    return islice(belt.frames(), round(seconds * line.source.frame_rate_hz))


@cache
def images(seconds: float = 10) -> tuple[BgrImage, ...]:
    """The usual belt's pictures: whoever writes to one is told."""
    pictures = tuple(frame.image_bgr for frame in simulated(line_of(), seconds))
    for picture in pictures:
        picture.flags.writeable = False
    return pictures


def timed(pictures: Iterable[BgrImage]) -> list[Frame]:
    return [Frame(picture, number, START_S + number / RATE_HZ) for number, picture in enumerate(pictures)]


class Run:
    """A line's pipeline, fed frame by frame."""

    def __init__(self, line: LineSettings, now_s: Callable[[Frame], float] = lambda frame: frame.captured_at_s) -> None:
        self.line, self.now_s = line, now_s
        self.pipeline: Pipeline | None = None
        self.decisions: list[Decision] = []
        self.frames: list[tuple[int, float]] = []

    def feed(self, frames: Iterable[Frame]) -> Run:
        for frame in frames:
            self.frames.append((frame.number, frame.captured_at_s))
            if self.pipeline is None:
                self.pipeline = open_pipeline(self.line, RECIPE, frame, self.now_s)
            self.decisions += self.pipeline.process(frame)
        return self

    def finish(self) -> Run:
        assert self.pipeline is not None
        self.decisions += self.pipeline.finish()
        return self

    def said(self) -> list[str]:
        """Each decision in a word."""
        words = []
        for one in self.decisions:
            routed = one.verdict is Verdict.ROUTED and one.match is not None
            words.append(one.match.bin if routed and one.match else str(one.reason or one.verdict))
        return words

    def score(self) -> Score:
        scorer = Scorer([self.line])
        beat = Heartbeat(LineStatus.ENDED, "", len(self.frames), 0, 0)
        scorer.note_heartbeat("line", replace(beat, first_frame=self.frames[0], last_frame_at_s=self.frames[-1][1]))
        for decision in self.decisions:
            scorer.note_decision("line", decision)
        return scorer.score()


def run(pictures: Iterable[BgrImage], line: LineSettings | None = None) -> Run:
    return Run(line or line_of()).feed(timed(pictures)).finish()


def run_simulated(line: LineSettings, seconds: float) -> Run:
    return Run(line).feed(simulated(line, seconds)).finish()


@cache
def usual() -> tuple[str, ...]:
    return tuple(run(images()).said())


SIMULATIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "to the left": {"belt": {"direction": "left"}},
    "upward": {"belt": {"direction": "up"}},
    "downward": {"belt": {"direction": "down"}},
    "at 30 degrees": {"belt": {"direction": 30.0}},
    "at -75 degrees": {"belt": {"direction": -75.0}},
    "at 225 degrees": {"belt": {"direction": 225.0}},
    "three lanes": {"source": {"lanes": 3, "mm_per_px": 1.8, "gap_mm": 30}},
    "three lanes close together": {
        "source": {"lanes": 3, "mm_per_px": 1.8, "gap_mm": 15},
        "product": {"min_length_px": 8},
    },
    "gaps of 15 mm": {"source": {"gap_mm": 15}},
    "noise": {"source": {"noise": 1}},
    "noise, glare and weave": {"source": {"noise": 1, "glare": 1, "texture": 1}},
    "dark corners": {"source": {"shading": 0.7}},
    "light rising": {"source": {"light_drift_per_min": 1.0}},
    "light falling": {"source": {"light_drift_per_min": -0.8}},
    "no empty belt at first": {"source": {"lead_in_s": 0, "gap_mm": 30}},
    "fast": {"source": {"belt_speed_mm_per_s": 800}},
    "slow": {"source": {"belt_speed_mm_per_s": 90, "lead_in_s": 0, "gap_mm": 30}},
    "five frames a second": {"source": {"frame_rate_hz": 5}},
    "small products": {"source": {"mm_per_px": 3}},
    "large products": {"source": {"mm_per_px": 0.6, "gap_mm": 30}},
    "a white belt": {"source": {"belt_hex": "#e8e8e8"}},
    "a black belt": {"source": {"belt_hex": "#101010"}},
    "a green belt": {"source": {"belt_hex": "#2e6e3f"}},
    "a region": {"region": {"x": 37, "y": 11, "width": 251, "height": 157}},
    "a slanted region": {"region": {"polygon": [[20, 30], [300, 5], [310, 170], [10, 175]]}},
    "a decision line near the end": {"decision_line": 0.95},
    "one vote": {"product": {"max_frames": 1}},
}


@pytest.mark.parametrize("name", SIMULATIONS)
def test_every_simulated_product_is_decided_once_and_right(name: str) -> None:
    score = run_simulated(line_of(**SIMULATIONS[name]), 6).score()
    assert score.products >= 3
    assert (score.correct, score.wrong, score.missed, score.extra) == (score.products, 0, 0, 0)


@pytest.mark.parametrize("seed", range(2, 6))
def test_any_seed_is_sorted_right(seed: int) -> None:
    score = run_simulated(line_of({"seed": seed, "gap_mm": 25, "noise": 0.6}), 8).score()
    assert score.clean
    assert score.decided > 10


class TestDecision:
    def test_it_says_when_where_and_of_what(self) -> None:
        line = line_of()
        made = run_simulated(line, 8)
        assert isinstance(line.source, SimulatorSource)
        products = {one.index: one for one in truth(line.source, 0).products_between(0, 8)}
        schedule = truth(line.source, 0)
        for number, (decision, product) in enumerate(zip(made.decisions, products.values(), strict=False), start=1):
            assert decision.product == number
            assert decision.recipe == RECIPE.identity
            assert decision.decided_at_s == decision.captured_at_s
            assert decision.branch == GATES[product.bin]
            assert 1 <= decision.frames_used <= line.product.max_frames
            assert decision.box is not None
            center = schedule.center_px(product, decision.captured_at_s - START_S)
            assert decision.box.x0 < center[0] < decision.box.x1
            assert decision.box.y0 < center[1] < decision.box.y1
            assert decision.box.width == pytest.approx(product.length_px, abs=10)  # its shadow is beside it

    @pytest.mark.parametrize("more", [{}, {"belt": {"direction": 30.0}}, {"source": {"frame_rate_hz": 6}}])
    def test_its_deadline_counts_from_when_the_middle_crossed_the_line(self, more: dict[str, Any]) -> None:
        line = line_of(**more)
        made = run_simulated(line, 8)
        assert isinstance(line.source, SimulatorSource)
        degrees = direction_deg(line.belt.direction)
        schedule = truth(line.source, degrees)
        # The region is the whole picture, so that both measure from its upstream end.
        line_px = (line.decision_line - 0.5) * schedule.belt.length_px
        crossings_s = [
            product.enters_s
            + (line_px + (schedule.belt.length_px + product.length_px) / 2) / schedule.belt.speed_px_per_s
            for product in schedule.products_between(0, 8)
        ]
        for decision, crossed_s in zip(made.decisions[:-2], crossings_s, strict=False):
            window = decision.deadline
            act_at_s = (window.act_after_s + window.act_before_s) / 2
            travel_s = DISTANCES_MM[decision.branch] / 250 - line.timing.actuator_delay_s
            assert act_at_s - travel_s - START_S == pytest.approx(crossed_s, abs=0.03)

    def test_numbers_go_on_from_the_one_that_is_handed_in(self) -> None:
        frames = timed(images())
        pipeline = open_pipeline(line_of(), RECIPE, frames[0], lambda frame: frame.captured_at_s, first_product=41)
        made = [decision for frame in frames for decision in pipeline.process(frame)]
        assert [one.product for one in made] == list(range(41, 41 + len(made)))
        assert pipeline.counts.products == len(made)

    def test_a_product_decided_after_its_deadline_is_late(self) -> None:
        made = Run(line_of(), lambda frame: frame.captured_at_s + 30).feed(timed(images(6))).finish()
        assert {(one.verdict, one.branch) for one in made.decisions} == {(Verdict.LATE, "reject")}
        assert all(one.decided_at_s > one.deadline.act_before_s for one in made.decisions)
        assert all(one.match is not None for one in made.decisions)

    def test_a_color_that_no_bin_reaches_is_unknown(self) -> None:
        kinds = [KINDS[0], {"name": "purple", "hex": "#8030a0", "shape": "disc", "length_mm": 56}]
        made = run_simulated(line_of({"products": kinds}), 8)
        assert {"red", "unknown"} == set(made.said())
        assert all(one.branch == "reject" for one in made.decisions if one.verdict is Verdict.UNKNOWN)

    def test_decisions_do_not_depend_on_what_ran_before(self) -> None:
        first = run(images())
        run_simulated(line_of({"seed": 9, "noise": 1}), 3)
        again = run(images())
        assert again.decisions == first.decisions

    def test_pictures_are_not_written_to(self) -> None:
        # These are read-only: writing would have raised.
        assert len(run(images()).decisions) > 10

    def test_a_region_outside_the_picture_is_refused(self) -> None:
        line = line_of(region={"x": 300, "y": 0, "width": 100, "height": 100})
        with pytest.raises(RegionOutsideError, match="make it fit"):
            run(images(1), line)


class TestInvalid:
    """Products that cannot be judged are told, with the reason."""

    @pytest.mark.parametrize(
        ("more", "reason"),
        [
            ({"product": {"min_length_px": 44}}, InvalidReason.TOO_SMALL),
            ({"product": {"max_length_px": 30}}, InvalidReason.MERGED),
            ({"product": {"max_width_px": 30}}, InvalidReason.MERGED),
            ({"source": {"belt_speed_mm_per_s": 600, "exposure_s": 0.1}}, InvalidReason.BLURRED),
            (
                {"source": {"products": [{**KINDS[4], "length_mm": 600}], "gap_mm": 60}},
                InvalidReason.CUT_OFF,  # longer than the region
            ),
        ],
    )
    def test_the_reason_is_told_once_for_each(self, more: dict[str, Any], reason: InvalidReason) -> None:
        made = run_simulated(line_of(**more), 10)
        reasons = [one.reason for one in made.decisions if one.verdict is Verdict.INVALID]
        assert len(reasons) >= 2
        assert reasons.count(reason) > 0.7 * len(made.decisions)
        assert made.score().extra == 0
        assert all(one.branch == "reject" for one in made.decisions)

    def test_two_that_touch_are_told_as_merged(self) -> None:
        pictures = []
        for number in range(90):
            picture = np.full((180, 320, 3), (70, 64, 60), np.uint8)
            for beside in (0, 49):
                cv2.circle(picture, (6 * number - 150, 60 + beside), 25, (79, 158, 46), -1, cv2.LINE_AA)
            pictures.append(picture)
        made = run(pictures, line_of(product={"min_length_px": 10}))
        assert made.said() == ["merged"]


class TestEnds:
    def test_an_empty_belt_gives_no_decision(self) -> None:
        for more in ({}, {"noise": 1, "texture": 1, "glare": 1, "light_drift_per_min": 1.0}):
            made = run_simulated(line_of({"lead_in_s": 60, **more}), 8)
            assert made.decisions == []

    @pytest.mark.parametrize("frames", [25, 30, 40, 52, 63])
    def test_products_in_view_at_the_end_are_decided_once_if_they_were_whole(self, frames: int) -> None:
        line = line_of()
        assert isinstance(line.source, SimulatorSource)
        schedule, end_s = truth(line.source, 0), (frames - 1) / RATE_HZ
        made = Run(line).feed(timed(images()[:frames]))
        before = len(made.decisions)
        made.finish()
        seen = schedule.products_between(0, end_s)
        whole = [one for one in seen if (span := schedule.whole_s(one)) and span.first_s <= end_s - 2 / RATE_HZ]
        at_least_one = [one for one in seen if (span := schedule.whole_s(one)) and span.first_s <= end_s]
        assert len(whole) <= len(made.decisions) <= len(at_least_one)
        assert before < len(made.decisions)
        assert made.said() == [one.bin for one in seen][: len(made.decisions)]

    def test_a_film_shorter_than_the_learning_time_is_decided_at_its_end(self) -> None:
        line = line_of(belt={"learn_s": 60})
        made = Run(line).feed(timed(images()))
        assert made.decisions == []
        assert made.finish().said() == list(usual())

    def test_one_frame_gives_no_decision_and_no_error(self) -> None:
        assert run(images()[:1]).decisions == []

    def test_finishing_twice_decides_nothing_twice(self) -> None:
        made = run(images()[:40])
        assert made.pipeline is not None
        assert made.pipeline.finish() == []


class TestDisturbance:
    @pytest.mark.parametrize("at", [62, 75, 91])
    def test_a_belt_that_stops_gives_no_second_decision(self, at: int) -> None:
        stopped = [*images()[:at], *[images()[at]] * 400, *images()[at:]]
        assert run(stopped).said() == list(usual())

    @pytest.mark.parametrize("reach_px", [60, 180, 310])
    @pytest.mark.parametrize("speed_px", [6, 25])
    def test_a_hand_from_the_downstream_side_gives_none(self, reach_px: int, speed_px: int) -> None:
        there = [min(reach_px, speed_px * step) for step in range(2 * reach_px // speed_px)]
        reaches = [0] * 30 + there + there[::-1] + [0] * 20
        empty = [frame.image_bgr for frame in simulated(line_of({"lead_in_s": 60}), 1)] * len(reaches)
        pictures = []
        for reach, picture in zip(reaches, empty, strict=False):
            with_hand = picture.copy()
            if reach:
                cv2.rectangle(with_hand, (320 - reach, 60), (320, 100), (150, 180, 225), -1)
                cv2.circle(with_hand, (320 - reach, 80), 20, (150, 180, 225), -1)
            pictures.append(with_hand)
        assert run(pictures).said() == []

    @pytest.mark.parametrize("spot", [(250, 30, 14), (250, 90, 14), (100, 90, 7)])
    def test_dirt_on_the_lens_is_no_product_and_costs_none(self, spot: tuple[int, int, int]) -> None:
        pictures = [picture.copy() for picture in images()]
        for picture in pictures[50:]:
            cv2.circle(picture, spot[:2], spot[2], (60, 200, 60), -1)
        made = run(pictures)
        assert len(made.decisions) == len(usual())
        # What is under the dirt when it is sampled may be no color of a bin.
        assert sum(one == other for one, other in zip(made.said(), usual(), strict=True)) > 0.8 * len(usual())

    def test_the_light_may_go_off_and_on_again(self) -> None:
        dark = [(picture * 0.04).astype(np.uint8) for picture in images()[60:75]]
        made = run([*images()[:60], *dark, *images()[75:]])
        assert made.said() == list(usual())

    def test_another_lamp_makes_the_belt_be_learned_again(self) -> None:
        line = line_of({"lead_in_s": 5})
        pictures = [frame.image_bgr for frame in simulated(line, 12)]
        lamp = [np.clip(picture * (0.35, 0.75, 1.1), 0, 255).astype(np.uint8) for picture in pictures]
        made = run([*pictures[:30], *lamp[30:50], *pictures[50:]], line)
        assert made.pipeline is not None
        assert made.pipeline.counts.belts_learned == 3
        assert made.score().clean
        assert made.score().decided > 5

    def test_frames_that_are_given_up_cost_no_product(self) -> None:
        dice = np.random.default_rng(1)
        frames = [frame for frame in timed(images()) if dice.random() < 0.6]
        assert Run(line_of()).feed(frames).finish().said() == list(usual())
        frames = [frame for frame in timed(images()) if frame.number % 40 >= 6]
        assert Run(line_of()).feed(frames).finish().said() == list(usual())

    def test_frames_of_equal_time_stamps_cost_no_product(self) -> None:
        frames = [replace(frame, captured_at_s=START_S + frame.number // 2 * 2 / RATE_HZ) for frame in timed(images())]
        assert Run(line_of()).feed(frames).finish().said() == list(usual())

    def test_time_stamps_that_go_back_cost_no_product(self) -> None:
        back_s = [0.0 if frame.number <= 90 else 3.0 for frame in timed(images())]
        frames = [
            replace(frame, captured_at_s=frame.captured_at_s - step_s)
            for frame, step_s in zip(timed(images()), back_s, strict=True)
        ]
        assert Run(line_of()).feed(frames).finish().said() == list(usual())


ODD_LINES: Sequence[dict[str, Any]] = (
    {"region": {"x": 5, "y": 7, "width": 8, "height": 8}},
    {"region": {"x": 5, "y": 0, "width": 8, "height": 180}},
    {"region": {"polygon": [[10, 10], [300, 20], [100, 170]]}, "belt": {"direction": 30.0}},
    {"product": {"min_length_px": 5000}},
    {"product": {"min_length_px": 0.2}},
    {"decision_line": 0},
    {"decision_line": 1},
    {"belt": {"direction": 77.7, "learn_s": 0.001}},
    {"belt": {"direction": "up", "min_contrast": 0.01, "shadow_lightness": 0}},
    {"belt": {"direction": "up", "min_contrast": 100, "shadow_lightness": 100}},
)


@settings(max_examples=20)
@given(st.sampled_from(ODD_LINES), st.integers(0, 10_000))
def test_no_sequence_of_pictures_breaks_it(more: dict[str, Any], seed: int) -> None:
    dice = np.random.default_rng(seed)
    pictures: list[BgrImage] = []
    for _ in range(25):
        plain = np.full((180, 320, 3), dice.integers(0, 256, 3), np.uint8)
        noise = dice.integers(0, 256, (180, 320, 3), dtype=np.uint8)
        real = images()[int(dice.integers(len(images())))]
        picture = (plain, noise, real, real, pictures[-1] if pictures else real)[int(dice.integers(5))]
        if dice.random() < 0.3:
            picture = picture.copy()
            corners = dice.integers(0, 300, 4).tolist()
            cv2.rectangle(picture, corners[:2], corners[2:], dice.integers(0, 256, 3).tolist(), -1)
        pictures.append(picture)
    made = run(pictures, line_of(**more))
    for decision in made.decisions:
        assert decision.branch in DISTANCES_MM
        assert math.isfinite(decision.deadline.act_before_s)
        assert (decision.match is None) == (decision.frames_used == 0)
    assert len({one.product for one in made.decisions}) == len(made.decisions)


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (17, 300), (179, 317)])
def test_any_size_of_picture_is_taken(size: tuple[int, int]) -> None:
    pictures = [np.ascontiguousarray(picture[: size[0], : size[1]]) for picture in images()]
    made = run(pictures)
    assert made.pipeline is not None
    assert made.pipeline.counts.belts_learned >= 1


@pytest.mark.parametrize("more", [ODD_LINES[0], ODD_LINES[3]])
def test_where_no_product_can_be_whole_none_is_made_up(more: dict[str, Any]) -> None:
    assert all(one.verdict is Verdict.INVALID for one in run(images(), line_of(**more)).decisions)


@pytest.mark.parametrize("at", [10, 14, 15, 16, 40, 70])
@pytest.mark.parametrize("kind", ["white", "noise"])
def test_a_flash_decides_nothing_twice(at: int, kind: str) -> None:
    pictures = list(images())
    flash = np.full_like(pictures[at], 255)
    if kind == "noise":
        flash = np.random.default_rng(0).integers(0, 256, flash.shape, dtype=np.uint8)
    pictures[at] = flash
    assert run(pictures).said() == list(usual())


@pytest.mark.parametrize(("on", "off"), [(60, 63), (60, 130), (75, 120)])
def test_another_lamp_while_products_are_in_view_decides_nothing_twice(on: int, off: int) -> None:
    pictures = list(images())
    lamp = [np.clip(picture * (0.35, 0.75, 1.1), 0, 255).astype(np.uint8) for picture in pictures]
    made = run([*pictures[:on], *lamp[on:off], *pictures[off:]])
    assert len(made.decisions) == len(usual())
    numbers = [decision.captured_at_s for decision in made.decisions]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("at", [40, 50, 60])
def test_a_belt_that_stood_while_it_was_learned_leaves_no_ghosts(at: int) -> None:
    made = run([*[images()[at]] * 30, *images()[at:]])
    assert made.pipeline is not None
    assert made.said()[-8:] == list(usual())[-8:]
    assert "merged" not in made.said()


@pytest.mark.parametrize("at", range(45, 120, 5))
@pytest.mark.parametrize("gap_s", [0.5, 4.0, 60.0])
def test_a_belt_that_stood_while_nobody_looked_has_its_products_decided_once(at: int, gap_s: float) -> None:
    """The camera is away, and the line is halted meanwhile: what is in view is decided ahead, and known again."""
    before, after = timed(images())[:at], timed(images())[at - 1 :]
    later = [replace(frame, captured_at_s=frame.captured_at_s + gap_s) for frame in after]
    made = Run(line_of()).feed(before)
    assert made.pipeline is not None
    made.decisions += made.pipeline.foresee()
    assert sorted(made.feed(later).finish().said()) == sorted(usual())


@pytest.mark.parametrize("at", range(45, 100, 5))
@pytest.mark.parametrize("away", [6, 15, 40])
def test_a_belt_that_went_on_while_the_picture_was_frozen_has_no_product_decided_twice(at: int, away: int) -> None:
    frames = timed(images())
    frozen = [replace(frames[at - 1], captured_at_s=frame.captured_at_s) for frame in frames[at : at + away // 2]]
    resumed = replace(frames[at + away], still_since_s=frames[at - 1].captured_at_s)
    made = Run(line_of()).feed([*frames[:at], *frozen])
    assert made.pipeline is not None
    made.decisions += made.pipeline.foresee(frames[at - 1].captured_at_s)
    score = made.feed([resumed, *frames[at + away + 1 :]]).finish().score()
    assert (score.extra, score.wrong) == (0, 0)
    assert score.correct >= len(usual()) - 1 - math.ceil(away / RATE_HZ * 250 / 115)


def test_looks_are_as_far_apart_as_the_belts_speed_allows() -> None:
    lines = [line_of({"belt_speed_mm_per_s": speed}) for speed in (100, 400)]
    slow, fast = (Run(line).feed(simulated(line, 6.0)).pipeline for line in lines)
    assert slow is not None
    assert fast is not None
    assert slow.looks_apart_s == pytest.approx(4 * fast.looks_apart_s, rel=0.1)
    # 320 px of belt at 1.5 mm each.
    assert fast.looks_apart_s == pytest.approx(320 * 1.5 / 400 / 20, rel=0.1)
    assert open_pipeline(line_of(), RECIPE, timed(images())[0], lambda frame: frame.captured_at_s).looks_apart_s == 0
