"""Small pictures of products. Pure, and apart from other evidence: the service packs samples without OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from sorter.records import BgrImage

THUMBNAIL_PX = 96
"""Its longer side, at most."""
_JPEG_QUALITY = 80


def shrink(window_bgr: BgrImage) -> BgrImage:
    """A picture in its own memory, its longer side at most `THUMBNAIL_PX`."""
    height, width = window_bgr.shape[:2]
    scale = THUMBNAIL_PX / max(height, width)
    if scale >= 1:
        return window_bgr.copy()
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(window_bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


def to_jpeg(picture_bgr: BgrImage | None) -> bytes:
    """A small picture as JPEG; nothing of nothing."""
    if picture_bgr is None or not picture_bgr.size:
        return b""
    encoded, data = cv2.imencode(".jpg", picture_bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes() if encoded else b""
