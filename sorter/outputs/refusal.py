"""Why there is no connection, in words that say what to do; and whether waiting can help. Pure."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from sorter.settings.mqtt import MqttSettings


@dataclass(frozen=True, slots=True)
class Failure:
    """A connection that was not made, or not kept."""

    reason: str
    """Goes on after "no connection to the broker: "; without a full stop."""
    refused: bool = False
    """Somebody answers, and will go on refusing until a person changes something."""


_EXPIRED, _NOT_YET_VALID = 10, 9
_OF_ANOTHER_HOST = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_OF_ANOTHER_AUTHORITY = {2, 18, 19, 20, 21}

_ALERTS = {
    "CERTIFICATE_EXPIRED": "our certificate ({certificate}) has expired: renew it",
    "UNKNOWN_CA": "the broker does not know the authority that signed our certificate ({certificate}): "
    "give one that its own authority signed",
    "CERTIFICATE_REQUIRED": "the broker wants a certificate of us: give mqtt.tls_certificate_file and "
    "mqtt.tls_key_file",
    "CERTIFICATE_REVOKED": "our certificate ({certificate}) was revoked: give another one",
    "BAD_CERTIFICATE": "the broker cannot use our certificate ({certificate}): give one for clients",
    "UNSUPPORTED_CERTIFICATE": "the broker cannot use our certificate ({certificate}): give one for clients",
    "CERTIFICATE_UNKNOWN": "the broker does not accept our certificate ({certificate}): its log says why",
    "ACCESS_DENIED": "the broker does not accept our certificate ({certificate}): its log says why",
    "PROTOCOL_VERSION": "the broker speaks no TLS as new as 1.2: update it",
    "UNSUPPORTED_PROTOCOL": "the broker speaks no TLS as new as 1.2: update it",
    "HANDSHAKE_FAILURE": "the broker and we have no way of TLS in common, or it wants a certificate of us: give "
    "mqtt.tls_certificate_file and mqtt.tls_key_file, or look in its log",
}
_NOT_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")

_CONNACK = {
    "Bad user name or password": "mend mqtt.username and its password, or add this user to the broker",
    "Not authorized": "mend mqtt.username and its password, or the certificate, or allow this user at the broker",
    "Unsupported protocol version": "set mqtt.protocol to {other_protocol}",
    "Client identifier not valid": "set mqtt.client_id to one that the broker allows",
    "Banned": "the broker's own lists bar us: mend them",
    "Packet too large": "the broker's limit of a message is too small for the last will: raise it",
    "Quota exceeded": "the broker allows no more connections: raise its limit",
}


def of_answer(reason: str, settings: MqttSettings) -> Failure:
    """The broker has answered CONNECT with a refusal.

    Args:
        reason: the name of its reason code.
        settings: what was asked for.
    """
    other_protocol = "3.1.1" if settings.protocol == "5" else "5"
    remedy = _CONNACK.get(reason, "look in its log").format(other_protocol=f'"{other_protocol}"')
    return Failure(f"it refuses us ({reason}): {remedy}", refused=True)


def of_error(error: BaseException | None, settings: MqttSettings) -> Failure:
    """No connection could be made, or its encryption could not be agreed on."""
    match error:
        case ssl.SSLCertVerificationError():
            return Failure(_unverified(error, settings), refused=True)
        case ssl.SSLError():
            return Failure(_unencrypted(error, settings), refused=True)
        case socket.gaierror():
            return Failure(f"the name {settings.host} is not known ({error.strerror}): mend mqtt.host, or the DNS")
        case ConnectionResetError() if settings.uses_tls:
            return Failure(_no_tls(settings), refused=True)
        case TimeoutError() | None:
            return Failure("it does not answer")
        case _:
            return Failure(str(error) or type(error).__name__)


def _unverified(error: ssl.SSLCertVerificationError, settings: MqttSettings) -> str:
    code, words = error.verify_code, error.verify_message
    if code == _EXPIRED:
        return "the broker's certificate has expired (certificate verify failed): renew it, or set this machine's clock"
    if code == _NOT_YET_VALID:
        return "the broker's certificate is not valid yet (certificate verify failed): set this machine's clock"
    if code in _OF_ANOTHER_HOST:
        return (
            f"the broker's certificate is not for {settings.host} (certificate verify failed): "
            "set mqtt.host to a name that it holds, or have it made anew"
        )
    if code in _OF_ANOTHER_AUTHORITY:
        trusted = settings.tls_ca_file or "any authority of this system"
        return (
            f"the broker's certificate is not signed by {trusted} (certificate verify failed: {words}): "
            "give the broker's authority as mqtt.tls_ca_file"
        )
    return f"the broker's certificate is not good (certificate verify failed: {words}): have it made anew"


def _unencrypted(error: ssl.SSLError, settings: MqttSettings) -> str:
    reason = error.reason or ""
    if isinstance(error, ssl.SSLEOFError) or reason in _NOT_TLS:
        return _no_tls(settings)
    for name, words in _ALERTS.items():
        if reason.endswith(name):
            return words.format(certificate=settings.tls_certificate_file)
    return f"TLS failed ({reason.replace('_', ' ').lower() or error}): look in the broker's log"


def _no_tls(settings: MqttSettings) -> str:
    return (
        f"port {settings.port} does not speak TLS, or breaks it off: give the broker's TLS port (usually 8883), "
        "or remove mqtt.tls_ca_file and mqtt.tls"
    )


SPEAKS_TLS = Failure(
    "this port speaks TLS, and we do not: add mqtt.tls_ca_file, or give the broker's port without TLS", refused=True
)
SAYS_NOTHING = Failure("the connection is closed before it accepts us, without a word")
OFTEN_LOST = (
    "the connection is lost again and again right after it was made: another client may use the same id, "
    "or the broker refuses a message"
)
TAKEN_OVER = (
    "another client has connected with the same id and thrown us out: give each its own mqtt.client_id, "
    "or leave it out, and look whether the service runs twice"
)
