"""Draw docs/belt.jpg: the simulated belt of config/sorter.yaml as the sorter sees it. Run: make picture."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2

from sorter.capture.clock import SystemClock
from sorter.capture.source import open_source
from sorter.line import configure_threads
from sorter.pipeline import open_pipeline
from sorter.records import BgrImage, Decision
from sorter.settings.load import load_project

_ROOT = Path(__file__).resolve().parents[1]
_FRAME = 168
_SHOWN_S = 1.6
_WHITE = (255, 255, 255)


def main() -> None:
    """Sort the first seconds of the belt and draw the last frame with its decisions."""
    configure_threads()
    project = load_project(_ROOT / "config")
    line = project.site.value.lines[0]
    simulator = line.source.model_copy(update={"realtime": False, "lanes": 2, "gap_mm": 40.0})
    line = line.model_copy(update={"source": simulator})
    source = open_source(line, project.base, SystemClock())
    decisions: list[Decision] = []
    for frame in islice(source.frames(), _FRAME):
        if frame.number == 0:
            pipeline = open_pipeline(line, project.recipes[line.name].value, frame, lambda one: one.captured_at_s)
        decisions += pipeline.process(frame)
    picture = frame.image_bgr.copy()
    speed_px_per_s = pipeline.belt_speed_px_per_s or 0.0
    _draw_line(picture, line.decision_line)
    for decision in decisions:
        ago_s = frame.captured_at_s - decision.captured_at_s
        if ago_s < _SHOWN_S:
            _draw_decision(picture, decision, round(ago_s * speed_px_per_s))
    cv2.imwrite(str(_ROOT / "docs" / "belt.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


def _draw_line(picture: BgrImage, part: float) -> None:
    x = int(part * picture.shape[1])
    cv2.line(picture, (x, 0), (x, picture.shape[0]), _WHITE, 1, cv2.LINE_AA)
    _label(picture, "decision line", (x + 6, 18))


def _draw_decision(picture: BgrImage, decision: Decision, moved_px: int) -> None:
    if decision.box is None or decision.match is None:
        return
    x0, y0, x1, y1 = decision.box
    cv2.rectangle(picture, (x0 + moved_px, y0), (x1 + moved_px, y1), _WHITE, 1, cv2.LINE_AA)
    words = f"{decision.match.bin} -> {decision.branch}  dE {decision.match.delta_e:.1f}"
    _label(picture, words, (x0 + moved_px, y0 - 6))


def _label(picture: BgrImage, words: str, at: tuple[int, int]) -> None:
    cv2.putText(picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, _WHITE, 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
