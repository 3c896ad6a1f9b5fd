"""One line's photo-eye at the service's desk: whose product is it, how late are pictures, how fast is the belt."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sorter.line_reports import LineStatus
from sorter.outputs.link import Throttle
from sorter.outputs.messages import Naming
from sorter.outputs.stats import TriggerStats
from sorter.outputs.trigger_inbox import Announcement, TriggerInbox
from sorter.outputs.trigger_metrics import TriggerMetrics
from sorter.ports import Clock
from sorter.records import Decision
from sorter.settings.site import LineSettings, PhotoEyeTrigger
from sorter.timing import Timing, retimed
from sorter.triggers.encoder import BeltEncoder
from sorter.triggers.latency import EyeToPicture
from sorter.triggers.match import GivenUp, Matcher, Trigger
from sorter.triggers.streak import Streak, Unbroken

_log = logging.getLogger(__name__)

_LEAST_PATIENCE_S = 2.0
_NEAR_S = 5.0
"""A trigger farther off than this is not worth naming."""


class TriggerDesk:
    """Takes triggers and decisions and says which belong together.

    Args:
        line: the line's settings.
        eye: its trigger section.
        late_branch: where the recipe sends what is late.
        metrics: told of every match.
        clock: time.
    """

    def __init__(
        self, line: LineSettings, eye: PhotoEyeTrigger, late_branch: str, metrics: TriggerMetrics, clock: Clock
    ) -> None:
        self._line = line
        self._eye = eye
        self._late_branch = late_branch
        self._metrics = metrics
        self._clock = clock
        self._inbox = TriggerInbox(line.name, clock)
        self._patience_s = _patience_s(line)
        self._matcher = Matcher(self._due_s, eye.window_s, self._patience_s)
        self._latency = EyeToPicture(eye.latency_s, eye.max_drift_s)
        self._encoder = None if eye.mm_per_count is None else BeltEncoder(eye.mm_per_count)
        self._streak = Streak()
        self._last_miss = ""
        self._hears, self._watches, self._decides = Unbroken(), Unbroken(), Unbroken()
        self._trigger_log, self._product_log, self._encoder_log = Throttle(), Throttle(), Throttle()
        metrics.expect_line(line.name)

    @property
    def hear(self) -> Callable[[bytes], None]:
        """Takes a message on the trigger topic, in any thread, and never waits."""
        return self._inbox.hear

    def use_late_branch(self, branch: str) -> None:
        """Another recipe sends what is late elsewhere."""
        self._late_branch = branch

    def note_line(self, status: LineStatus) -> None:
        """What the line does: what passes while it does not look at its belt is no alarm of ours."""
        now_s = self._clock.monotonic_s()
        self._watches.note(holds=status in {LineStatus.LEARNING, LineStatus.RUNNING}, now_s=now_s)
        self._decides.note(holds=status is LineStatus.RUNNING, now_s=now_s)

    def listen(self, *, connected: bool) -> None:
        """Read what was heard, and give up the triggers whose product never came."""
        now_s = self._clock.monotonic_s()
        # What passed the eye while we could not hear it is no alarm either: the lost connection is told of already.
        self._hears.note(holds=connected, now_s=now_s)
        for announcement in self._inbox.read():
            self._take_announcement(announcement)
        if self._decides.covers(now_s - self._patience_s) or not self._watches.covers(now_s):
            self._note_given_up(self._matcher.give_up(now_s))

    def announce(self, decision: Decision) -> tuple[Decision, Naming]:
        """The decision with the deadline of the measured speed, and what the eye calls its product."""
        trigger = self._take(decision)
        if self._measured_mm_per_s is not None:
            decision = retimed(decision, self.timing, self._late_branch, self._clock.monotonic_s())
        return decision, Naming() if trigger is None else Naming(trigger.product, trigger.trigger_id)

    @property
    def timing(self) -> Timing:
        """By the belt's speed as the encoder tells it, or as it is set where there is none."""
        return Timing.of(self._line, self._measured_mm_per_s)

    @property
    def troubles(self) -> dict[str, str]:
        """The causes of alarms that hold now, with their reasons."""
        troubles = {}
        if self._streak.raised:
            troubles["triggers_unmatched"] = f"photo-eye and camera do not see the same products: {self._last_miss}"
        measured_s, expected_s = self._latency.measured_s, self._latency.expected_s
        if self._latency.drifted and measured_s is not None and expected_s is not None:
            troubles["latency_drift"] = _drift_in_words(measured_s, expected_s)
        return troubles

    @property
    def stats(self) -> TriggerStats:
        """The counts since boot."""
        counts, late_s, speed = self._matcher.counts, self._latency.measured_s, self._measured_mm_per_s
        return TriggerStats(
            matched=counts.matched,
            without_product=counts.without_product,
            pending=counts.pending,
            malformed=self._inbox.malformed,
            refused=self._inbox.refused,
            products_without_trigger=counts.products_without_trigger,
            eye_to_picture_ms=None if late_s is None else round(late_s * 1000, 1),
            belt_speed_mm_per_s=None if speed is None else round(speed, 2),
        )

    def refresh_metrics(self) -> None:
        """Bring the line's metrics up to date."""
        self._metrics.set_totals(self._line.name, self.stats)

    @property
    def _measured_mm_per_s(self) -> float | None:
        return None if self._encoder is None else self._encoder.mm_per_s

    def _arrives_s(self, seen_at_s: float) -> float:
        """When what the eye saw is at the decision line."""
        distance_mm = self._eye.distance_mm
        arrives_s = None if self._encoder is None else self._encoder.arrives_s(seen_at_s, distance_mm)
        return seen_at_s + self._travel_s if arrives_s is None else arrives_s

    def _due_s(self, seen_at_s: float) -> float:
        """When the pictures will tell that it is there."""
        return self._arrives_s(seen_at_s) + self._latency.guess_s

    @property
    def _travel_s(self) -> float:
        """From the eye to the decision line, on a belt that runs evenly."""
        return self._eye.distance_mm / (self._measured_mm_per_s or self._line.timing.belt_speed_mm_per_s)

    def _take_announcement(self, announcement: Announcement) -> None:
        message, seen_at_s = announcement.message, announcement.seen_at_s
        if self._encoder is not None and message.encoder is not None:
            self._take_count(self._encoder, seen_at_s, message.encoder)
        trigger = Trigger(message.product, message.trigger_id, seen_at_s)
        self._note_given_up(self._matcher.add(trigger, self._clock.monotonic_s()))

    def _take_count(self, encoder: BeltEncoder, at_s: float, count: int) -> None:
        if not encoder.take(at_s, count):
            told = f"the encoder's count fell or leaped to {count}: it wrapped around, was reset, or counts backward"
            self._warn(self._encoder_log, f"line {self._line.name}: {told}; what it did until then is not known")

    def _take(self, decision: Decision) -> Trigger | None:
        crossed_at_s = decision.captured_at_s if decision.crossed_at_s is None else decision.crossed_at_s
        trigger = self._matcher.take(crossed_at_s, self._clock.monotonic_s())
        if trigger is None:
            if self._hears.covers(crossed_at_s - self._travel_s - self._latency.guess_s):
                self._miss(self._product_log, f"a product without a trigger{self._nearest(crossed_at_s)}")
            return None
        late_s = crossed_at_s - self._arrives_s(trigger.seen_at_s)
        self._metrics.observe_match(self._line.name, late_s, decision.decided_at_s - decision.captured_at_s)
        self._latency.take(late_s)
        self._streak.note(matched=True)
        return trigger

    def _nearest(self, crossed_at_s: float) -> str:
        off_s = self._matcher.off_s(crossed_at_s)
        if off_s is None or abs(off_s) > _NEAR_S:
            return ", and none was near"
        side = "after" if off_s > 0 else "before"
        return f"; it crossed {abs(off_s):.2f} s {side} the nearest one foretold, window_s is {self._eye.window_s:g}"

    def _note_given_up(self, given_up: list[GivenUp]) -> None:
        for one in given_up:
            if self._watches.covers(self._due_s(one.trigger.seen_at_s)):
                self._miss(self._trigger_log, f"trigger {one.trigger.trigger_id} without a product: {one.reason}")

    def _miss(self, throttle: Throttle, sentence: str) -> None:
        self._last_miss = sentence
        self._streak.note(matched=False)
        self._warn(throttle, f"line {self._line.name}: {sentence}")

    def _warn(self, throttle: Throttle, sentence: str) -> None:
        said = throttle.say(sentence, self._clock.monotonic_s())
        if said is not None:
            _log.warning("%s", said)


def _patience_s(line: LineSettings) -> float:
    """How long after its crossing a product may still be decided: after its last deadline nobody waits for it.

    What passes while the belt is learned is decided after that, however long it takes: it is waited for from then on.
    """
    longest_s = max(Timing.of(line).travel_s.values()) + line.timing.tolerance_s
    return max(longest_s, _LEAST_PATIENCE_S)


def _drift_in_words(measured_s: float, expected_s: float) -> str:
    return (
        f"by the photo-eye the pictures are {round(measured_s * 1000)} ms late, and {round(expected_s * 1000)} ms are "
        "expected: look for a slower camera or network, a moved eye, another belt speed, or clocks that differ"
    )
