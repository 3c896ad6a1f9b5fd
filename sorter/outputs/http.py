"""The metrics over HTTP: /metrics for Prometheus, /healthz and /readyz for whoever supervises the service."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app

from sorter.errors import ConfigurationError, Mistake

_log = logging.getLogger(__name__)

CheckResult = bool | tuple[bool, str]
"""Whether all is well; and why, or why not."""
Check = Callable[[], CheckResult]

_REQUEST_TIMEOUT_S = 5.0
_MAX_REQUESTS = 16
_HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Allow", "GET, HEAD")]


class MetricsServer:
    """Serves until closed, in threads of its own.

    Args:
        host: where to listen.
        port: 0 takes any free port; ``port`` tells which.
        registry: what /metrics shows.
        healthy: answers /healthz: whether the service runs at all.
        ready: answers /readyz: whether it decides products and can tell them.

    Raises:
        ConfigurationError: nothing can listen at this address.
    """

    def __init__(self, host: str, port: int, registry: CollectorRegistry, healthy: Check, ready: Check) -> None:
        try:
            self._server = _Server((host, port), _QuietHandler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            sentence = f"cannot listen on {host}:{port} ({reason}): choose another host or port"
            raise ConfigurationError([Mistake("metrics", sentence)]) from error
        self._server.set_app(_application(registry, {"/healthz": healthy, "/readyz": ready}))
        self.host = host
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True)
        self._thread.start()
        _log.info("metrics at http://%s:%d/metrics", host, self.port)

    def close(self) -> None:
        """Stop listening; safe to call twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _application(
    registry: CollectorRegistry, checks: dict[str, Check]
) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    metrics = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if method not in {"GET", "HEAD"}:
            return _say(start_response, "405 Method Not Allowed", {"error": "only GET and HEAD"})
        if path == "/metrics":
            body = metrics(environ | {"REQUEST_METHOD": "GET"}, start_response)
        elif path in checks:
            body = _check(checks[path], start_response)
        else:
            body = _say(start_response, "404 Not Found", {"error": "see /metrics, /healthz, /readyz"})
        return body if method == "GET" else ()

    return answer


def _check(check: Check, start_response: StartResponse) -> Iterable[bytes]:
    try:
        result = check()
    except Exception:  # noqa: BLE001 - logged; a supervisor must get an answer, and it is "no"
        _log.exception("a health check failed")
        result = (False, "the check itself failed: see the log")
    well, why = result if isinstance(result, tuple) else (result, "all is well" if result else "not now")
    return _say(start_response, "200 OK" if well else "503 Service Unavailable", {"ok": well, "why": why})


def _say(start_response: StartResponse, status: str, facts: dict[str, Any]) -> Iterable[bytes]:
    body = json.dumps(facts).encode() + b"\n"
    start_response(status, [*_HEADERS, ("Content-Length", str(len(body)))])
    return (body,)


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread per request, but only so many, and none for longer than its time."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 2 * _MAX_REQUESTS

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self._places = threading.BoundedSemaphore(_MAX_REQUESTS)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # The library's own looks the host up in the DNS, which can take seconds on a plant's network.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # The handler's own timeout starts anew with each byte; this one does not.
        guard = threading.Timer(_REQUEST_TIMEOUT_S, _break_off, (request,))
        guard.daemon = True
        guard.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            guard.cancel()
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's
        """A client that vanished is no news, and a traceback on stderr is nobody's help."""
        _log.debug("a request from %s broke off", client_address, exc_info=True)


def _break_off(request: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        request.shutdown(socket.SHUT_RDWR)


class _QuietHandler(WSGIRequestHandler):
    timeout = _REQUEST_TIMEOUT_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        _log.debug("%s %s", self.address_string(), format % args)
