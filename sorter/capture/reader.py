"""The thread that drains a live source, so that its frames are never older than one."""

from __future__ import annotations

import logging
import threading

from sorter.capture.latest import LatestFrame
from sorter.capture.redact import redact
from sorter.errors import SourceError
from sorter.ports import FrameSource

_log = logging.getLogger(__name__)

# A read that hangs in a native library is left to its own timeout; the line does not wait for it.
_STOP_WAIT_S = 0.9


class Reader:
    """Reads a source in its own thread onto a shelf, from `start` until the source ends or `stop`.

    A reader slower than its stream falls behind without limit (measured: 17 s stale after 25 s); this one
    decodes every frame and keeps only the newest.

    Args:
        source: the source to drain; closed by `stop`.
        name: of the line, for the thread's name.

    Attributes:
        shelf: where the frames are taken; a failure of the source is raised there.
    """

    def __init__(self, source: FrameSource, name: str = "line") -> None:
        self.shelf = LatestFrame()
        self._source = source
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"capture-{name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> bool:
        """Stop reading and close the source, within a second; safe to call twice.

        Returns:
            Whether the thread has ended; False where the source hangs in a native read, which then ends by
            its own timeout.
        """
        self._stopping.set()
        self._source.close()
        self.shelf.close()
        if self._thread.is_alive():
            self._thread.join(_STOP_WAIT_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._drain()
        except SourceError as error:
            self.shelf.close(error)
        except Exception as error:  # noqa: BLE001 - a thread that died silently would leave the line waiting for ever
            _log.exception("reading frames failed")
            self.shelf.close(_unexpected(error))
        finally:
            self.shelf.close()

    def _drain(self) -> None:
        for frame in self._source.frames():
            if self._stopping.is_set():
                return
            self.shelf.put(frame)


def _unexpected(error: Exception) -> SourceError:
    """Wrap what no source should raise, keeping it as the cause."""
    wrapped = SourceError(redact(f"reading frames failed: {type(error).__name__}: {error}: restart the line"))
    wrapped.__cause__ = error
    return wrapped
