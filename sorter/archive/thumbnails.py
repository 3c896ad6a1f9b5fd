"""Small pictures of what a search has found, where the pictures are files of this machine."""

from __future__ import annotations

import logging
import stat
import warnings
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

from PIL import Image, ImageOps

from sorter.capture.picture import MAX_PIXELS

SIDE_PX = 320
"""A thumbnail's longer side, at most."""
_QUALITY = 78
_MOST_BYTES = 64 * 2**20
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP")
_PAPER = (255, 255, 255)
"""What is seen through transparent pixels."""
_log = logging.getLogger(__name__)


def local_file(uri: str) -> Path | None:
    """The file that a uri names on this machine, whether there is one or not; None where it names something else."""
    if "://" not in uri:
        return Path(uri)
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    return Path(unquote(parts.path)) if parts.scheme == "file" and parts.netloc in {"", "localhost"} else None


def thumbnail(uri: str) -> bytes:
    """A picture as a small JPEG, upright; empty where the uri is no local file, or no picture within the bounds."""
    path = local_file(uri)
    if path is None:
        return b""
    try:
        # A name may hold a zero, and lead to what waits for a writer, or has no end.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            return b""
        with warnings.catch_warnings():
            # Pillow's words on odd metadata, and its own bomb warning: our limit is below that.
            warnings.simplefilter("ignore")
            return _shrunk(path)
    # Pillow's decoders raise nearly anything on hostile files.
    except Exception:  # noqa: BLE001 - logged; the page is worth having without one picture, and shows its colors
        _log.debug("%r is not shown", uri, exc_info=True)
        return b""


def _shrunk(path: Path) -> bytes:
    with Image.open(path, formats=_FORMATS) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            return b""
        picture.draft("RGB", (2 * SIDE_PX, 2 * SIDE_PX))  # JPEGs are decoded at a part of their size
        upright = ImageOps.exif_transpose(picture)
        upright = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    upright.thumbnail((SIDE_PX, SIDE_PX))
    if upright.mode == "RGBA":
        paper = Image.new("RGBA", upright.size, _PAPER)
        upright = Image.alpha_composite(paper, upright).convert("RGB")
    jpeg = BytesIO()
    upright.save(jpeg, "JPEG", quality=_QUALITY)
    return jpeg.getvalue()
