"""What is asked of a picture and what is answered, in the server and in the processes that look at pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

from sorter.errors import SourceError
from sorter.palette.analyzer import ColorAnalyzer, PredominantColor
from sorter.palette.exports import as_coolors_url
from sorter.palette.pictures import PictureTooLargeError


class ReadingTooSlowError(SourceError):
    """The picture was not read in time."""


class ReaderLostError(SourceError):
    """The process that read the picture ended over it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The colors of a picture, largest share first, in each form that is asked for."""

    predominant_colors: list[PredominantColor]
    hex: list[str]
    """Each as "#rrggbb"."""
    coolors: str
    """The palette's address at coolors.co."""


class ReadColors(Protocol):
    """Looks at pictures; may be called from several threads at once."""

    def __call__(self, content: bytes, colors: int, end_s: float) -> Reading:
        """The colors of a picture.

        Args:
            content: a file's bytes.
            colors: 1 to 256.
            end_s: when it must be done, by the monotonic clock.

        Raises:
            PictureTooLargeError: too many pixels.
            ReadingTooSlowError: not done by then.
            SourceError: no picture.
        """
        ...


def read_colors(content: bytes, colors: int) -> bytes:
    """A `Reading` as JSON, or why there is none: out of a hostile picture's process come data, never objects."""
    try:
        analyzer = ColorAnalyzer(content, colors)
        found = {
            "predominant_colors": analyzer.get_predominant_colors(),
            "hex": [swatch.hex for swatch in analyzer.palette.colors],
            "coolors": as_coolors_url(analyzer.palette),
        }
    except PictureTooLargeError as error:
        return json.dumps({"too_large": str(error)}).encode()
    except SourceError as error:
        return json.dumps({"unreadable": str(error)}).encode()
    return json.dumps(found).encode()


def reading_of(answer: bytes) -> Reading:
    """The other end of `read_colors`.

    Raises:
        PictureTooLargeError: too many pixels.
        SourceError: no picture.
    """
    facts = json.loads(answer)
    if "too_large" in facts:
        raise PictureTooLargeError(facts["too_large"])
    if "unreadable" in facts:
        raise SourceError(facts["unreadable"])
    return Reading(**facts)
