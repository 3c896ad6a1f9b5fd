"""What a line has decided and looked at, as counts and in words; pure."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from sorter.line_reports import Heartbeat
from sorter.outputs.stats import BatchCounts, FrameCounts, LatencySummary
from sorter.records import Decision, Verdict

_RECENT_AGES = 1000


@dataclass(slots=True)
class Products:
    """Decided products, by what became of them."""

    verdicts: Counter[str] = field(default_factory=Counter)
    branches: Counter[str] = field(default_factory=Counter)
    bins: Counter[str] = field(default_factory=Counter)

    def count(self, decision: Decision) -> None:
        """One product was decided."""
        self.verdicts[decision.verdict.value] += 1
        self.branches[decision.branch] += 1
        if decision.verdict is Verdict.ROUTED and decision.match is not None:
            self.bins[decision.match.bin] += 1


@dataclass(slots=True)
class Tally:
    """What a line has decided and looked at since boot, and decided in the batch that runs."""

    batch_since_wall_s: float
    """Seconds since 1970."""
    products: Products = field(default_factory=Products)
    batch: Products = field(default_factory=Products)
    frames: FrameCounts = field(default_factory=FrameCounts)
    ages_s: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT_AGES))

    def count(self, decision: Decision) -> None:
        """One product was decided."""
        self.products.count(decision)
        self.batch.count(decision)
        self.ages_s.append(decision.decided_at_s - decision.captured_at_s)

    def begin_batch(self, now_wall_s: float) -> None:
        """Count the batch from zero; what is counted since boot stays."""
        self.batch, self.batch_since_wall_s = Products(), now_wall_s

    def batch_counts(self) -> BatchCounts:
        """The batch as it is told."""
        batch = self.batch
        return BatchCounts(self.batch_since_wall_s, dict(batch.verdicts), dict(batch.branches), dict(batch.bins))

    def latency(self) -> LatencySummary | None:
        """Of the recent products; None before the first."""
        if not self.ages_s:
            return None
        ranked = sorted(self.ages_s)
        p50, p95 = (ranked[min(int(part * len(ranked)), len(ranked) - 1)] * 1000 for part in (0.5, 0.95))
        return LatencySummary(p50_ms=p50, p95_ms=p95, max_ms=ranked[-1] * 1000)


def frame_counts(beat: Heartbeat) -> FrameCounts:
    """Every picture has one fate."""
    counts = FrameCounts(processed=beat.frames_processed, given_up=beat.frames_given_up, corrupt=beat.frames_corrupt)
    if beat.camera is None:
        return counts
    return counts + FrameCounts(passed_over=beat.camera.passed_over, repeated=beat.camera.repeated, **beat.camera.unfit)


def in_words(line: str, decision: Decision, number: int | None) -> str:
    """One decision for a person to read; ``number`` is the product's on the wire."""
    match, reading = decision.match, decision.reading
    color = "no color"
    if reading is not None:
        lightness, a, b = reading.dominant.lab
        color = f"Lab {lightness:.0f} {a:.0f} {b:.0f}, {reading.dominant.share:.0%}"
    nearest = "" if match is None else f", nearest {match.bin} at {match.delta_e:.1f} dE00"
    reason = decision.diverted_by or (None if decision.reason is None else decision.reason.value)
    verdict = decision.verdict.value if reason is None else f"{decision.verdict.value} ({reason})"
    product = "a product without a number" if number is None else f"product {number}"
    return f"{line} {product}: {verdict} -> {decision.branch} ({color}{nearest})"
