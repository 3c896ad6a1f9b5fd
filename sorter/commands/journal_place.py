"""Which journal, and which time in it, the options of a command mean."""

from __future__ import annotations

import argparse
import os
import re
import time
from datetime import datetime
from pathlib import Path

from sorter.errors import UsageError
from sorter.outputs.journal.site import journal_path
from sorter.settings.load import Loaded, load_site
from sorter.settings.site import SiteSettings

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def journal_of(options: argparse.Namespace) -> Path:
    """The file that ``--journal`` names, or the settings of ``--config``.

    Raises:
        ConfigurationError: the settings are mistaken.
    """
    return Path(options.journal) if options.journal is not None else journal_of_site(load_site(options.config))


def journal_of_site(site: Loaded[SiteSettings]) -> Path:
    """The file that settings name."""
    return journal_path(site.value.journal, site.path.parent, os.environ)


def moment(text: str | None, option: str) -> float | None:
    """Seconds since 1970 of ``24h``, or of a time; one without a zone is this machine's.

    Raises:
        UsageError: it is no time.
    """
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago:
        return time.time() - float(ago[1]) * _UNITS_S[ago[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option} {text!r} is no time: write 24h, 30m, 7d, or 2026-01-31T10:00") from error
