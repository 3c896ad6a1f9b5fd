"""One opening of a live source, drained in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sorter.capture.redact import redact
from sorter.errors import ConfigurationError, SourceError
from sorter.ports import FrameSource
from sorter.records import Frame

_log = logging.getLogger(__name__)


class Opening:
    """Opens a source and reads it until it ends, fails or is abandoned.

    A reader slower than its stream falls behind without limit (measured: 17 s stale after 25 s); this one hands on
    every picture as it comes.

    Args:
        open_source: opens the source.
        on_frame: takes each picture, in this thread.
        on_end: told once how it ended, in this thread: with an error, or at its end.
        name: of the line.
    """

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        on_frame: Callable[[Opening, Frame], None],
        on_end: Callable[[Opening, SourceError | None], None],
        name: str,
    ) -> None:
        self._open_source = open_source
        self._on_frame = on_frame
        self._on_end = on_end
        self._source: FrameSource | None = None
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"capture-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether its thread still runs, or hangs."""
        return self._thread.is_alive()

    @property
    def frames_skipped(self) -> int:
        """Pictures that could not be decoded."""
        return 0 if self._source is None else self._source.frames_skipped

    @property
    def clock_offset_s(self) -> float | None:
        """See `capture.stream_clock.StreamClock.camera_offset_s`; None where the source keeps no such clock."""
        return getattr(self._source, "clock_offset_s", None)

    def abandon(self) -> None:
        """Hand on nothing more, and end as soon as the read returns."""
        self._abandoned.set()
        source = self._source
        if source is not None:
            # A driver may hold on to a camera that hangs: never wait for it here.
            threading.Thread(target=source.close, name="close", daemon=True).start()

    def wait(self, timeout_s: float) -> None:
        """Wait for its thread to end, at most so long."""
        if self._thread.is_alive():
            self._thread.join(max(timeout_s, 0.0))

    def _run(self) -> None:
        error: SourceError | None = None
        try:
            self._drain()
        except SourceError as failure:
            error = failure
        except ConfigurationError as failure:
            error = SourceError(str(failure))
        except Exception as failure:  # noqa: BLE001 - a thread that died silently would leave the line waiting for ever
            _log.exception("reading frames failed")
            error = _unexpected(failure)
        self._on_end(self, error)

    def _drain(self) -> None:
        self._source = source = self._open_source()
        try:
            for frame in source.frames():
                if self._abandoned.is_set():
                    return
                self._on_frame(self, frame)
        finally:
            source.close()


def _unexpected(error: Exception) -> SourceError:
    """Wrap what no source should raise, keeping it as the cause."""
    wrapped = SourceError(redact(f"reading frames failed: {type(error).__name__}: {error}: restart the line"))
    wrapped.__cause__ = error
    return wrapped
