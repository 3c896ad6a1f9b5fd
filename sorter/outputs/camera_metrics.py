"""How live sources do, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from sorter.line_reports import CameraReport
from sorter.outputs.running_totals import RunningTotals

_LINKS = ("connecting", "live", "stalled", "lost", "refused", "ended")
_GRADES = ("excellent", "fair", "poor", "unusable")


class CameraMetrics:
    """One set of camera metrics for all lines of a service.

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._totals = RunningTotals()
        self._link = Gauge("sorter_camera_link", "1 for the connection's state", ("line", "state"), registry=registry)
        self._quality = Gauge(
            "sorter_camera_quality", "1 for the grade of the last ten seconds", ("line", "grade"), registry=registry
        )
        self._reconnects = Counter(
            "sorter_camera_reconnects", "Times a lost camera was found again", ("line",), registry=registry
        )
        self._outage = Counter(
            "sorter_camera_outage_seconds", "Without pictures, in outages that are over", ("line",), registry=registry
        )
        self._clock_offset = Gauge(
            "sorter_camera_clock_offset_seconds",
            "How far the camera's clock seems to be behind ours, its pictures' way to us included",
            ("line",),
            registry=registry,
        )

    def set(self, line: str, camera: CameraReport) -> None:
        """Take a line's newest report."""
        for state in _LINKS:
            self._link.labels(line, state).set(int(state == camera.link))
        for grade in _GRADES:
            self._quality.labels(line, grade).set(int(grade == camera.quality))
        self._totals.pass_on(self._reconnects, line, total=camera.reconnects)
        self._totals.pass_on(self._outage, line, total=camera.outage_s)
        if camera.clock_offset_s is not None:
            self._clock_offset.labels(line).set(camera.clock_offset_s)
