"""The broker is killed, frozen, cut off and robbed under load; what the reference consumer made of each decision."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice

from tqdm import tqdm

from benchmarks.camera.proxy import Proxy
from benchmarks.contract.broker import Mosquitto
from benchmarks.contract.consumer import Consumer
from benchmarks.contract.journals import complete_row
from benchmarks.contract.rows import Row
from benchmarks.contract.source import ENDS, KEEPALIVE_S, TOPIC, SourceProcess, ended
from sorter.errors import SorterError

ALL = "every decision of all outages"
RATE_HZ = 50.0
LEFT_S = 1.0
"""From each decision to its deadline."""
_RECOVER_S = 40.0
_SETTLE_S = 5.0
_STAMP_S = 0.02
"""The consumer looks at its clock, moves the gate, and stamps the event: this much later at most."""
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Rig:
    """What an outage can be made with."""

    broker: Mosquitto
    cable: Proxy


def _kill(rig: Rig) -> Callable[[], None]:
    rig.broker.stop(signal.SIGKILL)
    return rig.broker.start


def _freeze(rig: Rig) -> Callable[[], None]:
    rig.broker.freeze()
    return rig.broker.thaw


def _hold(rig: Rig) -> Callable[[], None]:
    rig.cable.hold()
    return rig.cable.restore


def _tear(rig: Rig) -> Callable[[], None]:
    rig.cable.hold(drop=True)

    def restore() -> None:
        # TCP never loses bytes and goes on: who dropped them, as a firewall that restarts, resets the connection.
        rig.cable.cut()
        rig.cable.restore()

    return restore


def _rob(rig: Rig) -> Callable[[], None]:
    rig.broker.stop()
    rig.broker.rob()
    return rig.broker.start


KINDS: Mapping[str, Callable[[Rig], Callable[[], None]]] = {
    "broker killed": _kill,
    "broker frozen": _freeze,
    "broker blackholed": _hold,
    "broker blackholed, then reset": _tear,
    "broker restarted with its data lost": _rob,
}


@dataclass(frozen=True, slots=True)
class Outage:
    """One of them."""

    kind: str
    lasted_s: float
    resumed_s: float
    """From its end until the consumer acted on a decision made after it."""
    decisions: Sequence[str]
    """Ids of those made from its beginning until then."""

    @property
    def text(self) -> str:
        """For whoever watches."""
        return f"{self.kind} for {self.lasted_s:.1f} s, resumed after {self.resumed_s:.2f} s"


def measure_outages(count: int, shortest_s: float, longest_s: float, seed: int) -> Iterator[Row]:
    """So many outages in a row, of every kind in turn, of random lengths; a row for each kind, for all, the journal.

    Raises:
        SorterError: nothing works even before the first one, or not any more after one.
    """
    chance = random.Random(seed)  # noqa: S311  # no secret
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto())
        cable = stack.enter_context(Proxy(broker.port))
        options = ("--keepalive", str(KEEPALIVE_S))
        consumer = stack.enter_context(Consumer(cable.port, [TOPIC], *options))
        source = stack.enter_context(SourceProcess(cable.port, RATE_HZ, LEFT_S, "campaign-boot"))
        _wait(lambda: consumer.events("actuated"), "the consumer acts on a first decision")
        suffering = _Suffering(Rig(broker, cable), consumer, source)
        kinds = tqdm(islice(cycle(KINDS), count), "outages", count, leave=False, disable=None)
        outages: list[Outage] = []
        for kind in kinds:
            outages.append(suffering.suffer(kind, chance.uniform(shortest_s, longest_s)))
            tqdm.write(f"outage {len(outages)} of {count}: {outages[-1].text}", file=sys.stderr)
        time.sleep(LEFT_S)  # so that nothing of the last outage waits any more
        source.finish()
        _wait(lambda: consumer.events("falls back")[-1]["reason"].startswith("offline"), "the farewell", _SETTLE_S)
        consumer.finish()
        complete = complete_row(source.journal, source.made, source.counts, len(outages))
    yield from _rows(outages, _Judge(consumer, source), source)
    yield complete


@dataclass(frozen=True, slots=True)
class _Suffering:
    """What is let down, and who is watched meanwhile."""

    rig: Rig
    consumer: Consumer
    source: SourceProcess

    def suffer(self, kind: str, lasts_s: float) -> Outage:
        """One outage, until the consumer acts again."""
        first = len(self.source.made)
        restore = KINDS[kind](self.rig)
        try:
            time.sleep(lasts_s)
        finally:
            restore()
        ended_s, made = time.monotonic(), len(self.source.made)
        _wait(lambda: self._acts(made), f"after {kind} for {lasts_s:.1f} s: the consumer acts again")
        return Outage(kind, lasts_s, time.monotonic() - ended_s, self.source.made[first:])

    def _acts(self, made: int) -> bool:
        """Whether it has acted on a decision made after so many."""
        last = self.consumer.last("actuated")
        return last is not None and last["decision_id"] in self.source.made[made:]


class _Judge:
    """What the consumer did with each decision."""

    def __init__(self, consumer: Consumer, source: SourceProcess) -> None:
        told = consumer.events("actuated", "missed", "blocked")
        self.acted = Counter(one["decision_id"] for one in told if one["event"] == "actuated")
        self.reached = {one["decision_id"] for one in told}
        self.missed = Counter(one["decision_id"] for one in told if one["event"] == "missed")
        self.late = Counter(
            one["decision_id"]
            for one in told
            if one["event"] == "actuated" and _wall_s(one["at"]) > source.act_before_s[one["decision_id"]] + _STAMP_S
        )

    def figures(self, decisions: Sequence[str]) -> dict[str, float | str]:
        """Of these."""
        return {
            "made": len(decisions),
            "acted on": sum(self.acted[name] > 0 for name in decisions),
            "acted late": sum(self.late[name] for name in decisions),
            "acted twice": sum(self.acted[name] > 1 for name in decisions),
            "arrived late, not acted on": sum(self.missed[name] for name in decisions),
        }


def _wall_s(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()


def _rows(outages: Sequence[Outage], judge: _Judge, source: SourceProcess) -> Iterator[Row]:
    for kind in KINDS:
        own = [one for one in outages if one.kind == kind]
        if not own:
            continue
        figures = judge.figures([name for one in own for name in one.decisions])
        figures |= {
            "away s": round(sum(one.lasted_s for one in own)),
            "slowest resumed s": max(one.resumed_s for one in own),
        }
        yield Row(kind, len(own), passed=not (figures["acted late"] or figures["acted twice"]), figures=figures)
    counts = source.counts
    figures = judge.figures(source.made) | {name: counts[name] for name in ENDS}
    figures |= {"unaccounted": len(source.made) - ended(counts), "sums that did not hold": source.unbalanced}
    # The broker had them, and the consumer was not there yet, or the broker was gone before it could have them.
    figures["acknowledged, never read"] = max(0, counts["acknowledged"] - len(judge.reached))
    bad = ("acted late", "acted twice", "unaccounted", "sums that did not hold")
    yield Row(ALL, len(outages), passed=not any(figures[name] for name in bad), figures=figures)


def _wait(true: Callable[[], object], what: str, timeout_s: float = _RECOVER_S) -> None:
    end_s = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > end_s:
            raise SorterError(f"waited {timeout_s:g} s in vain: {what}")
        time.sleep(_POLL_S)
