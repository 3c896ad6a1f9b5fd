"""Who we are to the broker and whom we trust: read from the environment and files, and read again when they change."""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sorter.errors import ConfigurationError, Mistake
from sorter.settings.mqtt import MqttSettings

_FILES = ("tls_ca_file", "tls_certificate_file", "tls_key_file", "username_file", "password_file")
_SECRET_FILES = ("tls_key_file", "password_file")
_READABLE_BY_ALL = 0o004


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection is made with."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    """None speaks without encryption."""


def read_credentials(settings: MqttSettings, base_folder: Path) -> Credentials:
    """Read everything that the settings name.

    Args:
        settings: the broker.
        base_folder: where relative paths in the settings begin.

    Raises:
        ConfigurationError: a variable is not set, or a file cannot be read or is not what it should be.
    """
    username = settings.username
    if username is None:
        username = _value("username", settings.username_env, settings.username_file, base_folder)
    password = _value("password", settings.password_env, settings.password_file, base_folder)
    if password is not None and username is None:
        raise _mistake("mqtt.username", "a password is given but no user name: add mqtt.username")
    tls = _tls_context(settings, base_folder) if settings.uses_tls else None
    return Credentials(username, password, tls)


def open_to_everybody(settings: MqttSettings, base_folder: Path) -> Iterator[str]:
    """A sentence for each secret file that every user of this machine can read."""
    for key in _SECRET_FILES:
        name = getattr(settings, key)
        if name is not None and (base_folder / name).stat().st_mode & _READABLE_BY_ALL:
            yield f"every user of this machine can read {base_folder / name} (mqtt.{key}): run chmod o-rwx on it"


@dataclass(frozen=True, slots=True)
class Renewed:
    """Files have changed, and are good."""

    credentials: Credentials
    keys: tuple[str, ...]
    """Which settings name them."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Files have changed, and cannot be used as they are: the old ones stay in force. Told once for each change."""

    sentence: str


class CredentialWatch:
    """Looks at the files now and then, and takes them when they have come to rest and are good.

    A certificate and its key are written one after the other, so a change counts once it looks the same twice.

    Args:
        settings: the broker.
        base_folder: where relative paths in the settings begin.
        every_s: how often to look while the connection stands.
        settle_s: how long after a change to look again; and how often to look while somebody may be mending them.
    """

    def __init__(
        self, settings: MqttSettings, base_folder: Path, *, every_s: float = 10.0, settle_s: float = 1.0
    ) -> None:
        self._settings = settings
        self._base_folder = base_folder
        self.every_s = every_s
        self.settle_s = settle_s
        self._in_force = self._prints()
        self._unfit: Mapping[str, bytes | None] | None = None
        self._seen = self._in_force
        self._looked_s: float | None = None

    def look(self, now_s: float, *, connected: bool) -> Renewed | Unfit | None:
        """What is news at ``now_s`` (monotonic); None nearly always. Reads files."""
        wait_s = self.every_s if connected and self._seen in (self._in_force, self._unfit) else self.settle_s
        if self._looked_s is not None and now_s - self._looked_s < wait_s:
            return None
        self._looked_s = now_s
        prints = self._prints()
        settled, self._seen = prints == self._seen, prints
        if prints in (self._in_force, self._unfit) or not settled:
            return None
        try:
            credentials = read_credentials(self._settings, self._base_folder)
        except ConfigurationError as error:
            self._unfit = prints
            return Unfit(" ".join(f"{one.place}: {one.sentence}" for one in error.mistakes))
        if self._prints() != prints:  # written to while they were read: what was read may be of both
            return None
        keys = tuple(key for key in prints if prints[key] != self._in_force[key])
        self._in_force, self._unfit = prints, None
        return Renewed(credentials, keys)

    def _prints(self) -> Mapping[str, bytes | None]:
        """What each file holds, hashed; None where it cannot be read."""
        names = {key: getattr(self._settings, key) for key in _FILES}
        return {key: _print_of(self._base_folder / name) for key, name in names.items() if name is not None}


def _print_of(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None


def _value(what: str, variable: str | None, file: str | None, base_folder: Path) -> str | None:
    """The user name or password, wherever it is kept; None where it is kept nowhere."""
    if variable is not None:
        if variable not in os.environ:
            sentence = f"the environment variable {variable} is not set: set it to the {what}"
            raise _mistake(f"mqtt.{what}_env", sentence)
        return os.environ[variable]
    if file is not None:
        return _first_line(f"mqtt.{what}_file", base_folder / file)
    return None


def _first_line(place: str, path: Path) -> str:
    try:
        line = path.read_text("utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _mistake(place, f"{path} cannot be read ({reason}): mend the path") from error
    if not line:
        raise _mistake(place, f"the first line of {path} is empty: write it there")
    return line


def _tls_context(settings: MqttSettings, base_folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the certificate and that it is the host's
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.tls_ca_file is None:
        context.load_default_certs()
    else:
        _trust(context, base_folder / settings.tls_ca_file)
    if settings.tls_certificate_file is not None and settings.tls_key_file is not None:
        _identify(context, base_folder / settings.tls_certificate_file, base_folder / settings.tls_key_file)
    return context


def _trust(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        sentence = f"{path} holds no certificate in PEM form: give the broker's certificate authority"
        raise _mistake("mqtt.tls_ca_file", sentence) from error
    except OSError as error:
        raise _unreadable("mqtt.tls_ca_file", path, error) from error


def _identify(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    for place, path in (("mqtt.tls_certificate_file", certificate), ("mqtt.tls_key_file", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise _unreadable(place, path, error) from error
    try:
        context.load_cert_chain(certificate, key, password=_refuse_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            sentence = f"{key} is not the key of the certificate {certificate}: give the pair that was made together"
        else:
            sentence = f"{certificate} and {key} are not a certificate and its key in PEM form: give both"
        raise _mistake("mqtt.tls_key_file", sentence) from error
    except ValueError as error:
        sentence = f"{key} is locked with a passphrase: give it without one, readable by the sorter alone"
        raise _mistake("mqtt.tls_key_file", sentence) from error


def _refuse_passphrase() -> str:
    # Without this OpenSSL would ask for it on the terminal, and wait.
    raise ValueError("a passphrase is wanted")


def _unreadable(place: str, path: Path, error: OSError) -> ConfigurationError:
    return _mistake(place, f"{path} cannot be read ({error.strerror}): mend the path")


def _mistake(place: str, sentence: str) -> ConfigurationError:
    return ConfigurationError([Mistake(place, sentence)])
