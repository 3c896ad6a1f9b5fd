"""How fit a picture is to learn a color from: whether it is sharp, and how much of it shines."""

from __future__ import annotations

import cv2
import numpy as np

from sorter.color.lab import bgr_to_lab
from sorter.color.sample import GLARE_LIGHTNESS, is_glare
from sorter.records import BgrImage, Lab

_LEAST_CONTRAST = 24.0
"""Levels of 255: below it noise has the steepest edges."""
_SIDE_PX = 64
"""Shorter side at which a picture is judged; smaller ones as they are."""


def edge_width(region_bgr: BgrImage) -> float | None:
    """How wide the sharpest edges of a picture are, as a part of its shorter side.

    The picture's contrast divided by its steepest slope: unlike the variance of a Laplacian it depends neither on the
    picture's size nor on how strong its contrast is.

    Args:
        region_bgr: shape (height, width, 3), at least 3 x 3 pixels.

    Returns:
        Above 0; None where the picture has too little contrast to tell.
    """
    gray = cv2.cvtColor(region_bgr, cv2.COLOR_BGR2GRAY)
    shrink = min(1.0, _SIDE_PX / min(gray.shape))
    if shrink < 1:  # an edge is fewer of a large picture's pixels
        gray = cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    gray = cv2.medianBlur(gray, 3).astype(np.float32)
    low, high = np.percentile(gray, (2, 98))
    if high - low < _LEAST_CONTRAST:
        return None
    across = cv2.Sobel(gray, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(gray, cv2.CV_32F, 0, 1, scale=1 / 8)
    steepest = float(np.percentile(np.hypot(across, down), 99))
    return float((high - low) / max(steepest, 1e-6) / min(gray.shape))


def glare_share(region_bgr: BgrImage, color: Lab) -> float:
    """Part of a picture's middle that is highlight, 0..1; 0 where the product is as white as that itself.

    Args:
        region_bgr: shape (height, width, 3).
        color: of the product.
    """
    if color.lightness >= GLARE_LIGHTNESS:
        return 0.0
    height, width = region_bgr.shape[:2]
    middle = region_bgr[height // 5 : height - height // 5, width // 5 : width - width // 5]
    step = max(1, min(middle.shape[:2]) // _SIDE_PX)
    return float(is_glare(bgr_to_lab(middle[::step, ::step].reshape(-1, 3))).mean())
