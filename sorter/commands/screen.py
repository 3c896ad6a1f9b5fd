"""Standard output: text for people, JSON for programs; what cannot be written there is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from sorter.errors import SorterError


def open_standard_streams() -> None:
    """Make standard input, output and error fit for use, whatever the program was started with.

    One that is closed becomes the null device: else the next file or socket opened gets its number, and what is
    written to the screen goes there. A name that the terminal's encoding lacks is written with escapes.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def say(line: str) -> None:
    """Write one line for a person to read.

    Raises:
        SorterError: it cannot be written.
        BrokenPipeError: whoever read has enough.
    """
    with _told_if_impossible():
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def say_json(document: bytes) -> None:
    """Write one line of JSON for a program to read: UTF-8, whatever the terminal speaks.

    Raises:
        SorterError: it cannot be written.
        BrokenPipeError: whoever reads has enough.
    """
    with _told_if_impossible():
        sys.stdout.buffer.write(document + b"\n")
        sys.stdout.buffer.flush()


def swatch(hex_color: str | None) -> str:
    """Two cells of a color on a terminal that a person watches; empty elsewhere, and where NO_COLOR is set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return ""
    if hex_color is None:
        return "   "
    red, green, blue = bytes.fromhex(hex_color[1:])
    return f"\x1b[48;2;{red};{green};{blue}m  \x1b[0m "


def printable(text: str) -> str:
    """A file's name may hold anything: line breaks, or what a terminal takes for orders."""
    return text if text.isprintable() else repr(text)[1:-1]


def flush_output() -> None:
    """Write what others have left waiting.

    Raises:
        SorterError: it cannot be written.
        BrokenPipeError: whoever reads has enough.
    """
    with _told_if_impossible():
        sys.stdout.flush()


def discard_output() -> None:
    """What is still waiting to be written goes nowhere: it would fail again when the program ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _told_if_impossible() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        sentence = f"standard output cannot be written ({error.strerror}): send it elsewhere, or make room"
        raise SorterError(sentence) from error
