"""What every request is held to before anything reads it: how many at a time, how large, how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sorter.settings.palettes import ServerSettings

END_S = "sorter.end_s"
"""In a request's scope: when it must be answered, by the monotonic clock."""
API = "/api/"
_FORM_BYTES = 64_000
"""What a form, or a question in JSON, may have beside the picture."""
_DRAIN_S = 1.0
"""So long is read on, and thrown away, before a no: a client that still sends would not hear it."""
_RETRY_AFTER_S = 1
_HEADERS = {
    "Cache-Control": "no-store",
    # One request a connection: nobody can hold one open by sending the next request's head for ever.
    "Connection": "close",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class SecurityHeaders:
    """Tells browsers to guess, keep and embed nothing, and to load nothing from elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Bounds:
    """Takes on so many requests at a time, and reads each one's body, no larger and no longer than may be.

    Args:
        app: what answers.
        settings: the bounds.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._most = settings.max_requests
        self._max_bytes = settings.max_mb * 1_000_000 + _FORM_BYTES
        self._deadline_s = settings.deadline_s
        self._taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return
        if self._taken >= self._most:
            headers = {"Retry-After": str(_RETRY_AFTER_S)}
            await _refuse(503, "the server has its hands full: ask again in a moment", headers)(scope, receive, send)
            return
        self._taken += 1
        try:
            await self._handle(scope, receive, send)
        except asyncio.CancelledError:  # its time to end, after a stop was asked for, is over
            await _refuse(503, "the server is stopping")(scope, receive, send)
        finally:
            self._taken -= 1

    async def _handle(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        scope[END_S] = time.monotonic() + self._deadline_s
        if Headers(scope=scope).get("content-encoding", "identity").lower() != "identity":
            refusal = _refuse(415, "compressed requests are not read: send the picture's file as it is")
            await refusal(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._deadline_s):
                body = await self._read(scope, receive)
        except TimeoutError:
            await _refuse(504, "the request did not arrive in time")(scope, receive, send)
        except _TooLargeError:
            await _drain(receive)
            sentence = f"the request is larger than the {self._max_bytes / 1e6:g} MB that are taken"
            await _refuse(413, sentence)(scope, receive, send)
        else:
            if body is not None:
                await self._app(scope, _replay(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body; None where the client has gone."""
        promised = Headers(scope=scope).get("content-length", "0")
        if not promised.isdecimal() or len(promised) > 18 or int(promised) > self._max_bytes:
            raise _TooLargeError
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                raise _TooLargeError
            if not message.get("more_body", False):
                return bytes(body)


class _TooLargeError(Exception):
    pass


def _replay(body: bytes, receive: Receive) -> Receive:
    parts = [body]

    async def receive_again() -> Message:
        if parts:
            return {"type": "http.request", "body": parts.pop(), "more_body": False}
        return await receive()

    return receive_again


async def _drain(receive: Receive) -> None:
    end_s = time.monotonic() + _DRAIN_S
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            # The timeout alone does not end a client that always has more at hand.
            while time.monotonic() < end_s and (await receive()).get("more_body", False):
                pass


def _refuse(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, headers)
