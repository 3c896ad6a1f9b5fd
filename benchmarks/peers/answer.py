"""Run by the other tools' own Python: reads crops from standard input, and says what each tool makes of them.

A message is four bytes (big-endian) with the length of a JSON object, the object, and behind a question the crop's
bytes (BGR, rows from the top). The first message tells the ways there are; each question names one of them, and its
answer carries the processor seconds of the tool's own call. What a tool takes a picture in is made before its clock
starts: nothing is decoded, and no channel is moved, on its time.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any, BinaryIO

import cv2
import fast_colorthief
import numpy as np
import pylette
from colorthief import ColorThief
from numpy.typing import NDArray
from PIL import Image

_COLORS = 5
"""Of a palette: what ColorThief's own get_color asks for."""

Rgba = NDArray[np.uint8]
Call = Callable[[], Any]


def _fast_colorthief(rgba: Rgba, quality: int) -> Call:
    return lambda: fast_colorthief.get_dominant_color(rgba, quality)


def _colorthief(rgba: Rgba, quality: int) -> Call:
    # Its constructor only decodes a file into this attribute.
    thief = ColorThief.__new__(ColorThief)
    thief.image = Image.fromarray(rgba)
    return lambda: thief.get_color(quality)


def _pylette(rgba: Rgba, resize: int | None) -> Call:
    picture = Image.fromarray(rgba)
    return lambda: pylette.extract_colors(picture, _COLORS, resize, sort_mode="frequency").colors[0].rgb


_WAYS: dict[str, Callable[[Rgba], Call]] = {
    "fast-colorthief, quality 1": partial(_fast_colorthief, quality=1),
    "fast-colorthief, quality 10": partial(_fast_colorthief, quality=10),
    "colorthief, quality 1": partial(_colorthief, quality=1),
    "Pylette, k-means with resize": partial(_pylette, resize=256),
    "Pylette, k-means without resize": partial(_pylette, resize=None),
}
_PACKAGES = ("fast-colorthief", "colorthief", "Pylette", "scikit-learn")


def _tell(stream: BinaryIO, message: dict[str, object]) -> None:
    text = json.dumps(message).encode()
    stream.write(struct.pack(">I", len(text)) + text)
    stream.flush()


def _answer(question: dict[str, Any], pixels: bytes) -> dict[str, object]:
    bgr = np.frombuffer(pixels, np.uint8).reshape(question["height"], question["width"], 3)
    call = _WAYS[question["way"]](cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA))
    began_s = time.process_time()
    color = call()
    took_s = time.process_time() - began_s
    return {"rgb": [int(channel) for channel in color], "took_s": took_s}


def main() -> None:
    """Answer until the questions end."""
    cv2.setNumThreads(1)
    questions = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a tool prints must not get between the answers
    _tell(answers, {"ways": list(_WAYS), "versions": {name: version(name) for name in _PACKAGES}})
    while head := questions.read(4):
        question = json.loads(questions.read(*struct.unpack(">I", head)))
        _tell(answers, _answer(question, questions.read(question["height"] * question["width"] * 3)))


if __name__ == "__main__":
    main()
