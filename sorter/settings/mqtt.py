"""The broker's settings: where it is, who we are to it, and how the connection is kept private."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from sorter.settings.source import FilePath, refuse_two_passwords
from sorter.settings.strict import Strict

TOPIC_PATTERN = r"^[^+#\x00/$][^+#\x00]*[^+#\x00/]$|^[^+#\x00/$]$"
CLIENT_ID_PATTERN = r"^[^\x00-\x1f\x7f/+#]+$"


class MqttProtocol(StrEnum):
    """Protocol version spoken with the broker."""

    V5 = "5"
    V311 = "3.1.1"


class MqttSettings(Strict):
    """The broker."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Name or address of the broker."""
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    """Usually 1883, or 8883 with TLS."""
    protocol: MqttProtocol = MqttProtocol.V5
    """5, or 3.1.1 for an old broker; only 5 lets the broker expire late decisions."""
    keepalive_s: Annotated[int, Field(ge=2, le=3600)] = 10
    """How often the connection is proved alive; a dead broker is noticed after this, or twice this with nothing to
    send."""
    base_topic: Annotated[str, Field(pattern=TOPIC_PATTERN)] = "sorter"
    """The first part of every topic."""
    client_id: Annotated[str, Field(pattern=CLIENT_ID_PATTERN, max_length=128)] | None = None
    """For a broker that goes by client ids: each line's is this, a hyphen and the line's name. Left out: sorter, site,
    line and a random part, so that no two are ever the same."""
    username: Annotated[str, Field(min_length=1)] | None = None
    """Left out: the broker asks for none, or takes the certificate's name."""
    username_env: str | None = None
    """Environment variable that holds the user name, in place of username."""
    username_file: FilePath | None = None
    """File that holds the user name, in place of username; relative to this file."""
    password_env: str | None = None
    """Environment variable that holds the password."""
    password_file: FilePath | None = None
    """File that holds the password; relative to this file."""
    tls: bool = False
    """Speak TLS; without tls_ca_file the broker's certificate must be signed by an authority of this system."""
    tls_ca_file: FilePath | None = None
    """Certificate authority of the broker: switches TLS on; relative to this file."""
    tls_certificate_file: FilePath | None = None
    """Our own certificate, for a broker that asks for one; relative to this file."""
    tls_key_file: FilePath | None = None
    """The private key of our certificate, without a passphrase; relative to this file."""

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted and the broker's certificate checked."""
        return self.tls or self.tls_ca_file is not None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        refuse_two_passwords(self.password_env, self.password_file)
        names = [key for key in ("username", "username_env", "username_file") if getattr(self, key) is not None]
        if len(names) > 1:
            msg = f"{' and '.join(names)} are given together: keep one"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _certificate_with_its_key(self) -> Self:
        certificate, key = "tls_certificate_file", "tls_key_file"
        for given, other in ((certificate, key), (key, certificate)):
            if getattr(self, given) is None:
                continue
            if getattr(self, other) is None:
                raise _mistake_at(given, f"it needs {other} beside it: give both, or none")
            if not self.uses_tls:
                raise _mistake_at(given, "it is used with TLS only: add tls_ca_file, or tls: true")
        return self


def _mistake_at(key: str, sentence: str) -> ValidationError:
    """A mistake of several keys together, told at one of them."""
    details = InitErrorDetails(type="value_error", loc=(key,), input=None, ctx={"error": sentence})
    return ValidationError.from_exception_data("mqtt", [details])
