from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter

from sorter.errors import ConfigurationError
from sorter.outputs import http as http_module
from sorter.outputs.http import MetricsServer


@pytest.fixture
def registry():
    registry = CollectorRegistry()
    Counter("sorter_tests", "Tests", registry=registry).inc()
    return registry


@pytest.fixture
def answers():
    return {"healthy": True, "ready": (False, "line 1 has no picture")}


@pytest.fixture
def server(registry, answers):
    server = MetricsServer("127.0.0.1", 0, registry, lambda: answers["healthy"], lambda: answers["ready"])
    yield server
    server.close()


def ask(server, path, method="GET"):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_prometheus_reads_the_registry(server):
    status, body = ask(server, "/metrics")
    assert (status, b"sorter_tests_total 1.0" in body) == (200, True)


def test_health_and_readiness_say_why(server, answers):
    assert ask(server, "/healthz") == (200, b'{"ok": true, "why": "all is well"}\n')
    status, body = ask(server, "/readyz")
    assert (status, json.loads(body)) == (503, {"ok": False, "why": "line 1 has no picture"})
    answers["ready"] = (True, "all lines run")
    assert ask(server, "/readyz")[0] == 200


def test_a_check_that_fails_is_a_no(server, answers, caplog):
    answers["ready"] = None  # not iterable, not a bool: as good as a fault
    answers.pop("healthy")
    status, body = ask(server, "/healthz")
    assert (status, json.loads(body)["ok"]) == (503, False)
    assert "a health check failed" in caplog.text


@pytest.mark.parametrize("path", ["/", "/metrics/x", "/etc/passwd", "/..%2f"])
def test_any_other_path_is_not_found(server, path):
    assert ask(server, path)[0] == 404


def test_head_has_no_body_and_post_is_refused(server):
    assert ask(server, "/healthz", "HEAD") == (200, b"")
    assert ask(server, "/metrics", "HEAD") == (200, b"")
    assert ask(server, "/healthz", "POST")[0] == 405


def test_a_taken_port_is_told_in_one_sentence(server, registry):
    with pytest.raises(ConfigurationError, match=rf"127\.0\.0\.1:{server.port} \(Address already in use\)") as caught:
        MetricsServer("127.0.0.1", server.port, registry, lambda: True, lambda: True)
    assert "\n" not in str(caught.value)


def test_a_host_that_is_not_ours_is_told_in_one_sentence(registry):
    with pytest.raises(ConfigurationError, match="choose another host or port"):
        MetricsServer("192.0.2.1", 0, registry, lambda: True, lambda: True)


def test_clients_that_hang_hold_no_place_for_ever(server, monkeypatch):
    monkeypatch.setattr(http_module, "_REQUEST_TIMEOUT_S", 0.3)
    stuck = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(16)]
    for connection in stuck:
        connection.settimeout(5)
        connection.sendall(b"GET /healthz HTTP/1.0\r\nX-Slow: ")
    for connection in stuck:
        assert connection.recv(100) == b""  # cut
        connection.close()
    end_s = time.monotonic() + 5
    while not healthy(server):
        assert time.monotonic() < end_s, "no place was free again"


def healthy(server) -> bool:
    try:
        return ask(server, "/healthz")[0] == 200
    except (OSError, http.client.HTTPException):  # no place is free
        return False


def test_a_closed_server_is_gone(registry, capfd):
    server = MetricsServer("127.0.0.1", 0, registry, lambda: True, lambda: True)
    ask(server, "/healthz")
    server.close()
    with pytest.raises(urllib.error.URLError):
        ask(server, "/healthz")
    assert not [thread for thread in threading.enumerate() if thread.name == "metrics"]
    assert capfd.readouterr() == ("", "")
