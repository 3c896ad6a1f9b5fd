"""Each way in which a connection fails, in words that say what to do."""

from __future__ import annotations

import re
import socket
import ssl

import pytest

from sorter.outputs.refusal import of_answer, of_error
from sorter.settings.mqtt import MqttSettings

PLAIN = MqttSettings(host="broker.plant")
TLS = MqttSettings(host="broker.plant", port=8883, tls_ca_file="ca.pem", tls_certificate_file="s.pem", tls_key_file="k")


def unverified(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "as OpenSSL says"
    return error


def encryption(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "refused", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), False, "refused"),
        (TimeoutError("timed out"), False, "it does not answer"),
        (None, False, "it does not answer"),
        (socket.gaierror(-2, "Name or service not known"), False, "mend mqtt.host"),
        (ConnectionResetError(104, "reset by peer"), True, "does not speak TLS"),
        (unverified(10), True, "the broker's certificate has expired"),
        (unverified(9), True, "set this machine's clock"),
        (unverified(62), True, "is not for broker.plant"),
        (unverified(64), True, "is not for broker.plant"),
        (unverified(19), True, "not signed by ca.pem"),
        (unverified(99), True, "as OpenSSL says"),
        (encryption("SSLV3_ALERT_CERTIFICATE_EXPIRED"), True, r"our certificate \(s.pem\) has expired"),
        (encryption("TLSV1_ALERT_UNKNOWN_CA"), True, "does not know the authority that signed our certificate"),
        (encryption("TLSV13_ALERT_CERTIFICATE_REQUIRED"), True, "wants a certificate of us"),
        (encryption("WRONG_VERSION_NUMBER"), True, "port 8883 does not speak TLS"),
        (encryption("UNSUPPORTED_PROTOCOL"), True, "no TLS as new as 1.2"),
        (encryption("SOMETHING_NEW"), True, "something new"),
    ],
)
def test_an_error_is_told_with_its_remedy(error, refused, words):
    failure = of_error(error, TLS)
    assert failure.refused == refused
    assert re.search(words, failure.reason)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Bad user name or password", "mend mqtt.username and its password"),
        ("Not authorized", "allow this user"),
        ("Unsupported protocol version", 'set mqtt.protocol to "3.1.1"'),
        ("Client identifier not valid", "mqtt.client_id"),
        ("Server busy", "look in its log"),
    ],
)
def test_a_refused_connect_is_told_with_its_remedy(reason, words):
    failure = of_answer(reason, PLAIN)
    assert failure.refused
    assert failure.reason.startswith(f"it refuses us ({reason}): ")
    assert words in failure.reason
