"""Reports as pages: one self-contained HTML file each, for a browser without a network."""

from __future__ import annotations

import base64
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **facts: Any) -> str:
    """A page from one of the templates beside this file; every fact is escaped.

    Args:
        template: such as ``backtest.html.j2``.
        facts: what it shows.
    """
    return _environment().get_template(template).render(**facts)


def _environment() -> Environment:
    pages = Environment(
        loader=PackageLoader("sorter.pages", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["picture"] = picture
    pages.filters["percent"] = percent
    return pages


def picture(jpeg: bytes) -> str:
    """A JPEG as the address of an image that needs no file beside the page."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def percent(part: float) -> str:
    """A part of one, 0..1, to read."""
    return f"{part:.1%}"
