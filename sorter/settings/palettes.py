"""The palette server: where it listens, what it reads, and how much it takes on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sorter.settings.source import FilePath
from sorter.settings.strict import Strict

Origin = Annotated[str, Field(pattern=r"^(\*|https?://[^\s/]+)$", max_length=300)]
Port = Annotated[int, Field(ge=1, le=65535)]


class ServerSettings(Strict):
    """Palettes of pictures over HTTP, in a process of its own."""

    enabled: bool = False
    """Whether the sorter's service runs it beside its lines."""
    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    """The address to listen on; 127.0.0.1 is this machine only, 0.0.0.0 is every network."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8092
    """0 takes any free port and logs it."""
    folder: FilePath | None = None
    """Pictures under this folder, relative to this file, can be named by their paths. Left out: no paths are read."""
    index: FilePath | None = None
    """Table of palettes, relative to this file, that is searched by color. Left out: nothing is."""
    allow_urls: bool = False
    """Whether pictures are fetched from the addresses that clients name; public ones alone in any case."""
    url_ports: Annotated[tuple[Port, ...], Field(min_length=1, max_length=16)] = (80, 443)
    """Ports that such addresses may have."""
    cors_origins: Annotated[tuple[Origin, ...], Field(max_length=64)] = ()
    """Web sites whose pages may ask, such as https://shop.example; "*" is every one."""
    max_mb: Annotated[int, Field(ge=1, le=500)] = 20
    """Largest picture file, in millions of bytes."""
    workers: Annotated[int, Field(ge=1, le=64)] | None = None
    """Processes that look at pictures. Left out: as many as there are cores, at most 8."""
    max_requests: Annotated[int, Field(ge=1, le=1000)] = 16
    """Requests taken on at a time, with those that wait; more are answered with 503."""
    deadline_s: Annotated[float, Field(ge=0.1, le=600)] = 20.0
    """What one request may take from its first byte to its answer."""
