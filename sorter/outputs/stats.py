"""A line's counts and how its camera does, as they go on the wire; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sorter.line_reports import CameraReport
from sorter.outputs.conservation import DeliveryCounts
from sorter.outputs.messages import LineIdentity, Message, header, rfc3339
from sorter.records import Verdict

STATS_SCHEMA = "sorter.stats/1"


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """What became of a line's frames since boot."""

    processed: int = 0
    given_up: int = 0
    """A newer one was there before they could be looked at."""
    passed_over: int = 0
    """Not needed: the belt had hardly moved since the last one that was looked at."""
    corrupt: int = 0
    """Damaged: found by the decoder, or by what the picture shows."""
    repeated: int = 0
    """Showed what the one before showed, and nothing new."""
    frozen: int = 0
    """... for so long that the picture is held to be frozen."""
    gap: int = 0
    """Came after a gap or at the start, before the stream was known to be live."""
    stale: int = 0
    """Too old."""
    dark: int = 0
    overexposed: int = 0

    def __add__(self, other: FrameCounts) -> FrameCounts:
        return FrameCounts(**{key: getattr(self, key) + getattr(other, key) for key in asdict(self)})


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """From the picture to the decision, over the products since boot or a recent window of them."""

    p50_ms: float
    p95_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class TriggerStats:
    """A photo-eye's triggers since boot; those that were read are matched, without_product or pending."""

    matched: int = 0
    without_product: int = 0
    pending: int = 0
    malformed: int = 0
    refused: int = 0
    products_without_trigger: int = 0
    eye_to_picture_ms: float | None = None
    """How late the pictures' times are: the median of the last matches; None before ten."""
    belt_speed_mm_per_s: float | None = None
    """As the encoder tells; None where it does not."""


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """Products decided since the batch began."""

    since_wall_s: float = 0.0
    """Seconds since 1970."""
    by_verdict: Mapping[str, int] = field(default_factory=dict)
    by_branch: Mapping[str, int] = field(default_factory=dict)
    by_bin: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HistoryHead:
    """The newest entry of the history of recipes: whoever notes its hash can tell later whether entries are missing."""

    entries: int
    hash: str
    """Its SHA-256, which tells of all entries before it, too."""


@dataclass(frozen=True, slots=True)
class LineStats:
    """A line's counts since boot."""

    products: int = 0
    by_verdict: Mapping[str, int] = field(default_factory=dict)
    by_branch: Mapping[str, int] = field(default_factory=dict)
    by_bin: Mapping[str, int] = field(default_factory=dict)
    """Routed products only."""
    frames: FrameCounts = field(default_factory=FrameCounts)
    delivery: DeliveryCounts = field(default_factory=DeliveryCounts)
    latency: LatencySummary | None = None
    """None before the first product."""
    camera: CameraReport | None = None
    """None where the source is no live one, and before it has told anything."""
    triggers: TriggerStats | None = None
    """None where no eye numbers the products."""
    batch: BatchCounts = field(default_factory=BatchCounts)
    history: HistoryHead | None = None
    """None before anything is known of it."""


def stats_message(stats: LineStats, identity: LineIdentity, at_wall_s: float) -> Message:
    """A line's counts since boot, as of ``at_wall_s`` (seconds since 1970)."""
    facts = {
        "at": rfc3339(at_wall_s),
        "products": stats.products,
        **_product_facts(stats.by_verdict, stats.by_branch, stats.by_bin),
        "frames": asdict(stats.frames),
        "delivery": asdict(stats.delivery),
        "latency": stats.latency and asdict(stats.latency),
        "camera": stats.camera and _camera_facts(stats.camera),
        "triggers": stats.triggers and asdict(stats.triggers),
        "batch": _batch_facts(stats.batch),
        "recipe_history": stats.history and asdict(stats.history),
    }
    return header(STATS_SCHEMA, identity, **facts)


def _product_facts(verdicts: Mapping[str, int], branches: Mapping[str, int], bins: Mapping[str, int]) -> Message:
    by_verdict = {verdict.value: verdicts.get(verdict.value, 0) for verdict in Verdict}
    return {"verdicts": by_verdict, "branches": dict(branches), "bins": dict(bins)}


def _batch_facts(batch: BatchCounts) -> Message:
    products = sum(batch.by_verdict.values())
    counts = _product_facts(batch.by_verdict, batch.by_branch, batch.by_bin)
    return {"since": rfc3339(batch.since_wall_s), "products": products, **counts}


def _camera_facts(report: CameraReport) -> Message:
    offset_s = report.clock_offset_s
    return {
        "link": report.link,
        "quality": report.quality,
        "quality_reason": report.quality_reason,
        "reconnects": report.reconnects,
        "outage_s": round(report.outage_s, 3),
        "time_base": report.time_base,
        "clock_offset_s": None if offset_s is None else round(offset_s, 3),
    }
