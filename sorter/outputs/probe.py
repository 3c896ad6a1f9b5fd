"""One short connection beside the client library's, to learn why it was closed without a word."""

from __future__ import annotations

import contextlib
import socket
import ssl

from sorter.outputs.refusal import SAYS_NOTHING, SPEAKS_TLS, Failure, of_error
from sorter.settings.mqtt import MqttSettings


def ask_why(settings: MqttSettings, context: ssl.SSLContext | None, timeout_s: float = 2.0) -> Failure:
    """Connect, agree on encryption, say nothing, and listen for what the broker has against it.

    Of TLS 1.3 the client thinks that it stands before the broker has looked at its certificate; the alert comes after,
    and the client library takes it for a lost connection. Waits for up to twice ``timeout_s``; sends no secret.
    """
    try:
        with socket.create_connection((settings.host, settings.port), timeout_s) as sock:
            if context is None:
                return SPEAKS_TLS if _speaks_tls(sock, settings.host) else SAYS_NOTHING
            encrypted = context.wrap_socket(sock, server_hostname=settings.host)
            with encrypted, contextlib.suppress(TimeoutError):  # it waits for us to speak: TLS is fine
                encrypted.recv(1)
    except OSError as error:
        return of_error(error, settings)
    return SAYS_NOTHING


def _speaks_tls(sock: socket.socket, host: str) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nothing is told to it, and nothing it says is believed: only whether it speaks TLS is asked.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        context.wrap_socket(sock, server_hostname=host).close()
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # it has something against us, but in TLS
    except OSError:
        return False
    return True
