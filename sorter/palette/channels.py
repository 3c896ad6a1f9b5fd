"""What Pillow decodes, in whatever mode, as sRGB and opacity."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from sorter.palette.sample import FULL

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
_KIND = {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}
"""Which kind of profile describes an image of a mode."""


def rgb_and_alpha(picture: Image.Image) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Gamma-encoded sRGB, shape (h, w, 3), and opacity, shape (h, w), 0..65535.

    Grays of 16 bits keep them; in color Pillow decodes 8. An ICC profile is converted to sRGB; where there is none, or
    it cannot be read, RGB and gray are taken for sRGB, and CMYK for the complement of RGB, as browsers do.
    """
    if picture.mode.startswith("I") or picture.mode == "F":
        gray = _deep_gray(picture)
        mark = picture.info.get("transparency")
        alpha = np.where(gray == mark, 0, FULL) if isinstance(mark, int) else np.full(gray.shape, FULL)
        return np.repeat(gray[..., None], 3, axis=2), alpha.astype(np.uint16)
    rgb = np.asarray(_in_srgb(picture), np.uint16) * np.uint16(257)
    return rgb, _alpha(picture)


def _alpha(picture: Image.Image) -> NDArray[np.uint16]:
    if not picture.has_transparency_data:
        return np.full((picture.height, picture.width), FULL, np.uint16)
    return np.asarray(picture.convert("RGBA").getchannel("A"), np.uint16) * np.uint16(257)


def _deep_gray(picture: Image.Image) -> NDArray[np.uint16]:
    """Grays of more than 8 bits: whole numbers are of 16 bits; fractions are 0..1, or 0..255 where one is above 1."""
    values = np.nan_to_num(np.asarray(picture).astype(np.float64))
    if picture.mode == "F":
        values *= FULL if values.max(initial=0.0) <= 1 else FULL / 255
    return np.rint(np.clip(values, 0, FULL)).astype(np.uint16)


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Mode RGB; without transparency."""
    if picture.mode == "LAB":
        return _converted(picture, _LAB)
    plain = _plain(picture)
    profile = _profile(picture)
    if profile is not None:
        kind = profile.profile.xcolor_space.strip()
        if kind == "RGB" and plain.mode == "L":
            plain = plain.convert("RGB")
        if kind == _KIND[plain.mode]:
            # One that leads nowhere is passed over like one that cannot be read.
            with suppress(ImageCms.PyCMSError):
                return _converted(plain, profile)
    return plain.convert("RGB")


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode in _KIND:
        return picture
    if picture.mode in {"LA", "La", "1"}:
        return picture.convert("LA").convert("L") if picture.mode == "La" else picture.convert("L")
    return picture.convert("RGBA").convert("RGB") if picture.mode == "RGBa" else picture.convert("RGB")


def _profile(picture: Image.Image) -> ImageCms.ImageCmsProfile | None:
    embedded = picture.info.get("icc_profile")
    if not embedded:
        return None
    try:
        return ImageCms.ImageCmsProfile(BytesIO(embedded))
    except OSError:
        return None  # as every browser does: a broken profile is no reason to show no picture


def _converted(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """Relative colorimetric, black on black, which is what browsers and printers agree on."""
    done = ImageCms.profileToProfile(
        picture,
        profile,
        _SRGB,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if done is None:
        msg = "the color profile could not be applied"
        raise ValueError(msg)
    return done
