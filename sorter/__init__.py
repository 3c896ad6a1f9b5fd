"""Sort products on a conveyor by color: frames in, branch routing decisions out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sorter.palette.analyzer import ColorAnalyzer

__version__ = "0.1.0"
__all__ = ["ColorAnalyzer", "__version__"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: most of the sorter needs none of it, and it takes a second."""
    if name == "ColorAnalyzer":
        return import_module("sorter.palette.analyzer").ColorAnalyzer
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
