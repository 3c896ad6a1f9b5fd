"""A line that decides at an even rate, as the service holds it; here, or in a process of its own.

``python -m benchmarks.contract.source PORT RATE_HZ LEFT_S BOOT_ID JOURNAL`` decides until its standard input ends, and
tells of each decision and of its counts on standard output, one JSON object a line; all is in the journal as well.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.belt import ROOT
from sorter.capture.clock import SystemClock
from sorter.errors import SorterError
from sorter.logs import set_up_log
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.writer import Journal
from sorter.outputs.ledger import Ledger
from sorter.outputs.messages import LineIdentity, LineState, Message, decision_message, recipe_message, state_message
from sorter.outputs.mqtt import LinePublisher
from sorter.outputs.topics import Topics
from sorter.records import BinMatch, ColorReading, Deadline, Decision, Lab, PaletteColor, RunnerUp, Verdict
from sorter.settings.confirmation import ConfirmationSettings
from sorter.settings.recipe import Recipe
from sorter.settings.site import MqttSettings

SITE, LINE = "campaign", "line-1"
TOPIC = Topics("sorter", SITE, LINE).of_line
KEEPALIVE_S = 2
ENDS = ("acknowledged", "expired", "dropped", "refused", "unknown")
"""In which a decision's delivery can end."""
_COUNTS_EVERY_S = 0.2
_FAREWELL_S, _JOURNAL_S = 2.0, 5.0
_END_S = 10.0
_LIMITS = Limits(max_bytes=1_000_000_000, max_age_s=86_400.0)
_RED = Lab(50.0, 60.0, 40.0)
_RECIPE = Recipe.model_validate(
    {
        "name": "campaign",
        "bins": [{"name": "red", "lab": [50, 60, 40], "tolerance": 8, "branch": "left"}],
        "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject"),
    }
)


class Source:
    """One line's publisher, ledger and journal, and its decisions.

    Args:
        settings: the broker.
        boot_id: of this run.
        journal: its file.
    """

    def __init__(self, settings: MqttSettings, boot_id: str, journal: Path) -> None:
        self._identity = LineIdentity(SITE, LINE, boot_id, simulated=True)
        self._clock = SystemClock()
        self._seq = 0
        self.journal = Journal(journal, _LIMITS, self._clock)
        self.journal.start()
        self.journal.remember(_RECIPE)
        ledger = Ledger(self._clock, self.journal, ConfirmationSettings())
        self.publisher = LinePublisher(self._identity, settings, self._clock, ledger, Path())
        self.publisher.publish_recipe(recipe_message(_RECIPE, self._identity, {"red": [_RED]}))
        self.publisher.publish_state(self._state(LineState.RUNNING))
        self.publisher.start()

    def decide(self, left_s: float) -> Message:
        """One decision, to be acted on from now until ``left_s`` from now; as it goes on the wire."""
        now_s = self._clock.monotonic_s()
        self._seq += 1
        decision = Decision(
            product=self._seq,
            verdict=Verdict.ROUTED,
            branch="left",
            captured_at_s=now_s - 0.05,
            decided_at_s=now_s,
            deadline=Deadline(now_s, now_s + left_s),
            frames_used=3,
            recipe=_RECIPE.identity,
            match=BinMatch("red", "left", 0.5, is_in_reach=True, runner_up=RunnerUp("green", 30.0), bins_in_reach=1),
            reading=ColorReading((PaletteColor(_RED, 1.0),)),
        )
        message = decision_message(decision, self._identity, self._seq, self._clock.wall_s() - now_s)
        self.publisher.publish_decision(decision, message)
        return message

    def close(self) -> None:
        """Say farewell."""
        self.publisher.close(self._state(LineState.OFFLINE), _FAREWELL_S)
        self.journal.close(self._clock.monotonic_s() + _JOURNAL_S)

    def _state(self, state: LineState) -> Message:
        return state_message(state, "campaign", self._identity, _RECIPE.identity, None, self._clock.wall_s())


def ended(counts: Mapping[str, Any]) -> int:
    """How many decisions have come to an end on their way to the broker."""
    return sum(counts[name] for name in ENDS)


def even_ticks(rate_hz: float) -> Iterator[None]:
    """One at each turn of an even rate, for ever; one that comes late is not made up for by a burst."""
    due_s = time.monotonic()
    while True:
        due_s = max(due_s + 1 / rate_hz, time.monotonic())
        time.sleep(max(0.0, due_s - time.monotonic()))
        yield


class SourceProcess:
    """`Source` in a process of its own, from entering to leaving, and what it tells.

    Args:
        port: of the broker on loopback.
        rate_hz: decisions a second.
        left_s: from each decision to its deadline.
        boot_id: of this run.
    """

    def __init__(self, port: int, rate_hz: float, left_s: float, boot_id: str) -> None:
        self._arguments = (str(port), str(rate_hz), str(left_s), boot_id)
        self.made: list[str] = []
        """Ids of all decisions, in their order."""
        self.act_before_s: dict[str, float] = {}
        """Their deadlines, seconds since 1970."""
        self.counts: Mapping[str, Any] = {}
        """Of the publisher, as last told."""
        self.unbalanced = 0
        """How often the counts did not add up."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="sorter-source-")
        self.journal = Path(self._folder.name) / "journal.sqlite"
        """Its file, until the context ends."""
        command = [sys.executable, "-m", "benchmarks.contract.source", *self._arguments, str(self.journal)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self._folder.cleanup()

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()

    def finish(self) -> None:
        """Let it say farewell, and end.

        Raises:
            SorterError: it did not end.
        """
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired as error:
            raise SorterError(f"the source of decisions did not end in {_END_S:g} s") from error
        self._reader.join(_END_S)

    def _read(self) -> None:
        for told in self.process.stdout or ():
            fact = json.loads(told)
            if "made" in fact:
                self.act_before_s[fact["made"]] = fact["act_before_s"]
                self.made.append(fact["made"])
            else:
                self.counts = fact
                self.unbalanced += fact["made_in_all"] != ended(fact) + fact["waiting"]


def _tell(fact: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def _tell_counts(source: Source) -> None:
    counts = asdict(source.publisher.counts)
    made = counts.pop("made")
    _tell({**counts, "made_in_all": made})


def _set_at_eof(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def _run(port: int, rate_hz: float, left_s: float, boot_id: str, journal: Path) -> None:
    set_up_log(logging.ERROR)  # that the broker is away is what the campaign is about
    stop = threading.Event()
    threading.Thread(target=_set_at_eof, args=(stop,), daemon=True).start()
    source = Source(MqttSettings(port=port, keepalive_s=KEEPALIVE_S), boot_id, journal)
    told_s = 0.0
    for _ in even_ticks(rate_hz):
        if stop.is_set():
            break
        message = source.decide(left_s)
        _tell({"made": message["decision_id"], "act_before_s": time.time() + left_s})
        if time.monotonic() > told_s + _COUNTS_EVERY_S:
            told_s = time.monotonic()
            _tell_counts(source)
    source.close()
    _tell_counts(source)


if __name__ == "__main__":
    _run(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4], Path(sys.argv[5]))
