"""The server itself: a socket, uvicorn on it, and an end within seconds."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from sorter.archive.search import PaletteIndex
from sorter.errors import ConfigurationError, Mistake
from sorter.server.app import make_app
from sorter.server.search_routes import router
from sorter.settings.palettes import ServerSettings

_log = logging.getLogger(__name__)

_GRACE_S = 2
"""What is being answered when the end comes has so long."""
_HEAD_S = 10.0
"""A connection whose request has not begun by then is closed."""
_MOST_CONNECTIONS = 256
_MOST_HEAD_BYTES = 16_384


def run_server(settings: ServerSettings, stop_requested: Callable[[], bool]) -> None:
    """Serve until ``stop_requested`` answers yes, which is asked ten times a second; then end within three seconds.

    Args:
        settings: see `make_app`.
        stop_requested: signals are the caller's to mind.

    Raises:
        ConfigurationError: nothing can listen there, or there is no such folder.
        SourceError: the index is no table of palettes.
        UsageError: what reads it is not installed.
    """
    if settings.folder is not None and not Path(settings.folder).is_dir():
        sentence = f"there is no folder {settings.folder!r} to read pictures from: make it, or name another"
        raise ConfigurationError([Mistake("palettes.folder", sentence)])
    index = None if settings.index is None else PaletteIndex.load(Path(settings.index))
    with contextlib.closing(_listen(settings.host, settings.port)) as listener:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        _log.info("palettes at http://%s:%d/docs", host, listener.getsockname()[1])
        config = uvicorn.Config(
            make_app(settings, routers=[] if index is None else [router(index)]),
            http=_PunctualProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,  # addresses that clients name may hold their keys
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
            timeout_graceful_shutdown=_GRACE_S,
        )
        _Server(config, stop_requested).run([listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no such host"
        sentence = f"cannot listen on {host}:{port} ({reason}): choose another host or port"
        raise ConfigurationError([Mistake("palettes", sentence)]) from error


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stop_requested: Callable[[], bool]) -> None:
        super().__init__(config)
        self._stop_requested = stop_requested

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone: uvicorn would raise them again at its end, and the command would die of them."""
        yield

    async def on_tick(self, counter: int) -> bool:
        return self._stop_requested() or await super().on_tick(counter)


class _PunctualProtocol(H11Protocol):
    """Uvicorn's own waits for ever for a request to begin."""

    def connection_made(self, transport: object) -> None:
        super().connection_made(transport)  # type: ignore[arg-type] # asyncio's own
        self.loop.call_later(_HEAD_S, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()
