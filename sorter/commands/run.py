"""``run``: the service, until stopped."""

from __future__ import annotations

import argparse
import logging
import os
import uuid

from sorter.capture.clock import SystemClock
from sorter.commands.stopping import StopSignals
from sorter.errors import ConfigurationError, Mistake
from sorter.live.beginning import begin
from sorter.service import Service

_REFUSED_EXIT_CODE = ConfigurationError.exit_code


def execute(options: argparse.Namespace) -> int:
    """Run the service; 78 where every line's settings were refused."""
    if not options.verbose:
        logging.getLogger().setLevel(logging.INFO)
    project = begin(options.config, os.environ)
    service = Service(project, SystemClock(), uuid.uuid4().hex)
    with StopSignals() as stop:
        service.run(stop.requested)
    if service.refusals and len(service.refusals) == len(project.site.value.lines):
        raise ConfigurationError([Mistake(*_split(sentence)) for sentence in service.refusals])
    return 0


def _split(sentence: str) -> tuple[str, str]:
    place, _, rest = sentence.partition(": ")
    return place, rest
