"""``palette-server``: palettes over HTTP, until stopped."""

from __future__ import annotations

import argparse
import logging

from pydantic import ValidationError

from sorter.commands.stopping import StopSignals
from sorter.errors import UsageError
from sorter.server.process import serve
from sorter.settings.palettes import ServerSettings

_OPTIONS = {"cors_origins": "cors", "deadline_s": "deadline"}
"""Whose names are not those of the settings."""


def execute(options: argparse.Namespace) -> int:
    """Serve; 78 where nothing can listen there."""
    if not options.verbose:
        logging.getLogger().setLevel(logging.INFO)
    settings = _settings(options)
    with StopSignals() as stop:
        serve(settings, stop.requested)
    return 0


def _settings(options: argparse.Namespace) -> ServerSettings:
    try:
        return ServerSettings(
            host=options.host,
            port=options.port,
            folder=None if options.folder is None else str(options.folder.absolute()),
            index=None if options.index is None else str(options.index.absolute()),
            allow_urls=options.allow_urls,
            url_ports=tuple(options.url_ports),
            cors_origins=tuple(options.cors),
            max_mb=options.max_mb,
            workers=options.workers,
            max_requests=options.max_requests,
            deadline_s=options.deadline,
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        option = _OPTIONS.get(name, name).replace("_", "-")
        raise UsageError(f"--{option} is {first['input']!r}: {first['msg'].lower()}") from error
