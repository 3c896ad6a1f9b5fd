"""Which journal is meant, and which time: what all commands that read one ask alike."""

from __future__ import annotations

import argparse
import os
import re
import time
from datetime import datetime
from pathlib import Path

from sorter.errors import UsageError
from sorter.outputs.journal.site import journal_path
from sorter.settings.load import load_site

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def journal_path_of(options: argparse.Namespace) -> Path:
    """The file that ``--journal`` names, or the one of the settings that ``--config`` names.

    Raises:
        ConfigurationError: the settings cannot be read.
    """
    if options.journal is not None:
        return Path(options.journal)
    site = load_site(options.config)
    return journal_path(site.value.journal, site.path.parent, os.environ)


def moment(text: str | None, option: str) -> float | None:
    """Seconds since 1970 of ``24h``, or of a time; one without a zone is this machine's.

    Raises:
        UsageError: it is neither; ``option`` is named.
    """
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago:
        return time.time() - float(ago[1]) * _UNITS_S[ago[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is no time: write 24h, 30m, 7d, or 2026-01-31T10:00") from error
