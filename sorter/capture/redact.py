"""Credentials in addresses: put in at the door, taken out of everything that is shown."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

# Greedy up to the last @ before the path: a password typed without percent-encoding may hold @ itself.
_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<userinfo>[^\s/?#]*)@")


def redact(text: str, *secrets: str) -> str:
    """Return ``text`` without the userinfo of its URLs and without ``secrets``, typed or percent-encoded.

    Args:
        text: anything about to be logged, raised or shown.
        secrets: passwords known to the caller; empty ones are ignored.
    """
    clean = _USERINFO.sub(r"\g<scheme>", text)
    for secret in filter(None, secrets):
        for form in {secret, quote(secret, safe=""), quote(secret)}:
            clean = clean.replace(form, "***")
    return clean


def split_credentials(url: str) -> tuple[str, str | None, str | None]:
    """Split a URL into the URL without userinfo, the user name and the password, both percent-decoded."""
    match = _USERINFO.match(url)
    if match is None:
        return url, None, None
    username, colon, password = match["userinfo"].partition(":")
    return match["scheme"] + url[match.end() :], unquote(username), unquote(password) if colon else None


def join_credentials(url: str, username: str | None, password: str | None) -> str:
    """Put percent-encoded credentials into a URL that has none."""
    if username is None:
        return url
    scheme, rest = url.split("://", 1)
    secret = "" if password is None else f":{quote(password, safe='')}"
    return f"{scheme}://{quote(username, safe='')}{secret}@{rest}"
