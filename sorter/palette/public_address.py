"""Which addresses lead to the public Internet, and how an address on the web is read. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urljoin

from sorter.errors import SourceError

LONGEST_URL = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Written out, not asked of the standard library: what that takes for global differs from version to version.
# IANA's registries of special-purpose addresses, as of 2025.
_NOT_PUBLIC_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
"""All that is given out to anyone; IPv4-mapped, NAT64, local and multicast addresses lie outside."""
_NOT_PUBLIC_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),  # Teredo and 6to4 among them
    )
)
_ISATAP = 0x5EFE
"""Such an address ends in an IPv4 address that a tunnel of the own network leads to."""

# No user info, no backslash, no percent sign or letter beyond ASCII in the host: two readers could part it differently.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""As the last part of a name: system resolvers take the whole name for an IPv4 address then, octal and hex too."""
_ASCII_OF_URLS = "/%:@!$&'()*+,;=?~[]"


class AddressMistakenError(SourceError):
    """No plain address on the web."""


class AddressRefusedError(SourceError):
    """An address that must not be visited; the sentence does not say what lies behind it."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address on the web, read."""

    scheme: Literal["http", "https"]
    host: str
    """A name in lower case, or an IP address without brackets."""
    port: int
    path: str
    """With the query, in ASCII; begins with a slash."""

    @property
    def url(self) -> str:
        """In one piece again."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def is_public(address: str) -> bool:
    """Whether an IP address, as text, is one of the public Internet; False for what is no IP address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_V4)
    is_tunnel = int(ip) >> 32 & 0xFCFF_FFFF == _ISATAP
    is_unicast = ip.scope_id is None and ip in _UNICAST_V6
    return is_unicast and not is_tunnel and not any(ip in network for network in _NOT_PUBLIC_V6)


def read_url(url: str, ports: Collection[int]) -> Target:
    """Read an address so that nobody could read it differently.

    Args:
        url: ``http://`` or ``https://``, at most 2048 letters.
        ports: those that may be visited.

    Raises:
        AddressMistakenError: it is anything else, or has user info or an odd host.
        AddressRefusedError: it names a port or IP address that may not be visited.
    """
    # isprintable() leaves no control characters, no line ends and no spaces but the plain one.
    if len(url) > LONGEST_URL or not url.isprintable() or set(url) & set(" \\"):
        raise AddressMistakenError("the address is too long, or holds a space, backslash or control character")
    found = _URL.fullmatch(url)
    if found is None:
        raise AddressMistakenError("the address is not a plain http:// or https:// one without user name and password")
    scheme: Literal["http", "https"] = "https" if found["scheme"].lower() == "https" else "http"
    port = int(found["port"]) if found["port"] else _DEFAULT_PORTS[scheme]
    if port not in ports:
        raise AddressRefusedError("the address names a port that may not be visited")
    path = quote((found["path"] or "/") + (found["query"] or ""), safe=_ASCII_OF_URLS)
    return Target(scheme, _host(found["host"].lower()), port, path)


def follow(target: Target, location: str, ports: Collection[int]) -> Target:
    """Where a redirect leads, read as strictly.

    Raises:
        AddressMistakenError, AddressRefusedError: as `read_url`.
    """
    try:
        joined = urljoin(target.url, location)
    except ValueError as error:
        raise AddressMistakenError("the address is redirected to one that cannot be read") from error
    return read_url(joined, ports)


def _host(host: str) -> str:
    if host.startswith("["):
        return _public_ip(host[1:-1])
    name = host.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _public_ip(name)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressMistakenError("the host of the address is no name and no IP address")
    return name


def _public_ip(text: str) -> str:
    """Only the usual spelling: the standard library refuses octal, hex and shortened ones."""
    if not is_public(text):
        raise AddressRefusedError("the address does not lead to the public Internet")
    return str(ipaddress.ip_address(text))
