"""Pictures at addresses that strangers name: visited only where they lie on the public Internet, and within bounds."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sorter.errors import SourceError
from sorter.palette.public_address import AddressRefusedError, Target, follow, is_public, read_url

Resolve = Callable[[str, float], Sequence[str]]
"""The IP addresses of a host, asked for within so many seconds; raises OSError."""
Connect = Callable[[str, int, float], socket.socket]
"""To an IP address and port, within so many seconds; raises OSError."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AT_ONCE = 65_536
_MOST_ADDRESSES = 4
"""Of a host, so many are tried."""


class DownloadFailedError(SourceError):
    """Nothing that could be used came from there."""


class DownloadTooLargeError(SourceError):
    """More bytes than wanted."""


class DownloadTooSlowError(SourceError):
    """Not here in time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a download may take."""

    max_bytes: int = 20_000_000
    deadline_s: float = 10.0
    """For all of it: names, redirects, the last byte."""
    max_redirects: int = 3
    ports: tuple[int, ...] = (80, 443)


def system_addresses(host: str, within_s: float) -> Sequence[str]:
    """Ask the system's resolver, which knows no time limit itself: it is left behind where it takes too long.

    Raises:
        OSError: there is no such name, or no answer in time.
    """
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.append(error)

    thread = threading.Thread(target=ask, name="resolver", daemon=True)
    thread.start()
    thread.join(within_s)
    if not answers:
        raise TimeoutError("the name's addresses did not come in time")
    if isinstance(answers[0], Exception):
        raise OSError("the name has no address") from answers[0]
    return list(dict.fromkeys(str(address[0]) for *_, address in answers[0]))


def connect_directly(address: str, port: int, within_s: float) -> socket.socket:
    """Connect to an IP address; no name is looked up, no proxy is asked.

    Raises:
        OSError: nothing answers.
    """
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(within_s)
        connection.connect((address, port))
    except BaseException:
        connection.close()
        raise
    return connection


def download(  # noqa: PLR0913 - what a test puts in place of the network
    url: str,
    limits: Limits | None = None,
    *,
    resolve: Resolve = system_addresses,
    connect: Connect = connect_directly,
    tls: ssl.SSLContext | None = None,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> bytes:
    """The content of an address, from wherever it leads to on the public Internet and nowhere else.

    Each host is resolved once, all its addresses must be public, and the connection is made to one of exactly these:
    a name that leads elsewhere a moment later gains nothing. TLS still checks the name. Redirects are checked likewise.

    Args:
        url: see `read_url`.
        limits: what it may take.
        resolve: asks for a host's addresses.
        connect: makes a connection.
        tls: whom to trust; None: whom the system trusts.
        monotonic_s: the time.

    Raises:
        AddressMistakenError: it is no plain address.
        AddressRefusedError: it must not be visited.
        DownloadTooLargeError: more than ``limits.max_bytes``.
        DownloadTooSlowError: not here within ``limits.deadline_s``.
        DownloadFailedError: there is nothing to be had.
    """
    limits = limits or Limits()
    time_left = _TimeLeft(monotonic_s() + limits.deadline_s, monotonic_s)
    visit = _Visit(limits, resolve, connect, tls or ssl.create_default_context(), time_left)
    try:
        return visit.fetch(read_url(url, limits.ports))
    except TimeoutError as error:
        raise DownloadTooSlowError(f"the address did not answer in full within {limits.deadline_s:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise DownloadFailedError("the address has no certificate that can be trusted for its name") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadFailedError("the address gave no answer that could be read") from error


@dataclass(frozen=True, slots=True)
class _TimeLeft:
    end_s: float
    monotonic_s: Callable[[], float]

    def __call__(self) -> float:
        left_s = self.end_s - self.monotonic_s()
        if left_s <= 0:
            raise TimeoutError
        return left_s


@dataclass(frozen=True, slots=True)
class _Visit:
    limits: Limits
    resolve: Resolve
    connect: Connect
    tls: ssl.SSLContext
    time_left: _TimeLeft

    def fetch(self, target: Target) -> bytes:
        for _ in range(self.limits.max_redirects + 1):
            found = self._ask(target)
            if isinstance(found, bytes):
                return found
            target = found
        raise DownloadFailedError(f"the address is redirected more than {self.limits.max_redirects} times")

    def _ask(self, target: Target) -> bytes | Target:
        """The content, or where else it is."""
        with self._open(target) as connection:
            asking = http.client.HTTPConnection(target.host, target.port)
            asking.auto_open = 0  # it would look the name up again
            asking.default_port = 80 if target.scheme == "http" else 443
            # All that it does with a socket is to send, and to read a file made of it.
            asking.sock = _TimedSocket(connection, self.time_left)
            headers = {"Accept": "image/*", "Accept-Encoding": "identity", "Connection": "close"}
            asking.request("GET", target.path, headers=headers | {"User-Agent": "conveyor-color-sorter"})
            with asking.getresponse() as answer:
                if answer.status in _REDIRECTS and answer.getheader("Location"):
                    return follow(target, str(answer.getheader("Location")), self.limits.ports)
                return self._read(answer)

    def _open(self, target: Target) -> socket.socket:
        addresses = self._addresses(target.host)
        for last, address in enumerate(addresses, 1 - len(addresses)):
            try:
                connection = self.connect(address, target.port, self.time_left())
            except TimeoutError:
                raise
            except OSError:
                if last == 0:
                    raise
                continue
            return connection if target.scheme == "http" else self._secured(connection, target.host)
        raise DownloadFailedError("the host of the address has no address")

    def _addresses(self, host: str) -> Sequence[str]:
        is_ip = ":" in host or host.rpartition(".")[2].isdecimal()
        addresses = [host] if is_ip else list(self.resolve(host, self.time_left()))
        if not all(is_public(address) for address in addresses):
            raise AddressRefusedError("the address does not lead to the public Internet")
        return addresses[:_MOST_ADDRESSES]

    def _secured(self, connection: socket.socket, host: str) -> socket.socket:
        try:
            connection.settimeout(self.time_left())
            return self.tls.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        if answer.status != http.client.OK:
            raise DownloadFailedError(f"the address answers with status {answer.status}")
        if answer.getheader("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            raise DownloadFailedError("the address answers with a compressed body, which was not asked for")
        most, promised = self.limits.max_bytes, answer.length
        content = bytearray()
        while (promised or 0) <= most and (part := answer.read(min(_AT_ONCE, most + 1 - len(content)))):
            content += part
            if len(content) > most:
                break
        if max(promised or 0, len(content)) > most:
            raise DownloadTooLargeError(f"the address gives more than {most / 1e6:g} MB")
        if promised is not None and len(content) < promised:
            raise DownloadFailedError("the address broke off in the middle of the picture")
        return bytes(content)


class _TimedSocket:
    """Ends with the deadline, however a byte at a time arrives: a socket's own timeout begins anew with each."""

    def __init__(self, connection: socket.socket, time_left: _TimeLeft) -> None:
        self._connection = connection
        self._time_left = time_left

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(self._time_left())
        self._connection.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedStream(self._connection, self._time_left))

    def close(self) -> None:
        """Whoever opened the connection closes it."""


class _TimedStream(io.RawIOBase):
    def __init__(self, connection: socket.socket, time_left: _TimeLeft) -> None:
        super().__init__()
        self._connection = connection
        self._time_left = time_left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._time_left())
        return self._connection.recv_into(buffer)
