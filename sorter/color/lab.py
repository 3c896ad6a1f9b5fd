"""sRGB to CIE L*a*b* and back, in float, exact to the standards (no 8-bit scaled Lab anywhere)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sorter.records import Lab, LabPixels

_Float = TypeVar("_Float", bound=np.floating)
# IEC 61966-2-1 primaries, white point D65 (CIE 15:2004, 2 degree observer), scaled so that white has Y = 1.
_RGB_TO_XYZ = np.array(
    [
        [0.4123907993, 0.3575843394, 0.1804807884],
        [0.2126390059, 0.7151686788, 0.0721923154],
        [0.0193308187, 0.1191947798, 0.9505321522],
    ]
)
_XYZ_TO_RGB = np.linalg.inv(_RGB_TO_XYZ)
# The white of these primaries, so that R = G = B is exactly neutral.
_WHITE_XYZ = _RGB_TO_XYZ.sum(axis=1)
EPSILON = 216 / 24389
KAPPA = 24389 / 27
"""Where the cube root of CIE 15:2004, 8.2.1, gives way to a straight line, and the slope of that."""


def decode_gamma(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gamma-encoded sRGB 0..1 to linear light 0..1 (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0.0) + 0.055) / 1.055) ** 2.4)


def encode_gamma(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear light 0..1 to gamma-encoded sRGB 0..1 (IEC 61966-2-1)."""
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 0.0) ** (1 / 2.4) - 0.055)


_LINEAR_OF_BYTE = decode_gamma(np.arange(256) / 255).astype(np.float32)
_BGR_TO_WHITE_RELATIVE_XYZ = (_RGB_TO_XYZ / _WHITE_XYZ[:, None])[:, ::-1].astype(np.float32)


def _lab_of_xyz(ratios: NDArray[_Float]) -> NDArray[_Float]:
    """Convert XYZ, divided by the white's XYZ, to Lab (CIE 15:2004, 8.2.1).

    Args:
        ratios: shape (..., 3); 1 is the white's.

    Returns:
        The same shape and kind of float.
    """
    curve = np.where(ratios > EPSILON, np.cbrt(ratios), (KAPPA * ratios + 16) / 116)
    lab = np.empty_like(curve)
    lab[..., 0] = 116 * curve[..., 1] - 16
    lab[..., 1] = 500 * (curve[..., 0] - curve[..., 1])
    lab[..., 2] = 200 * (curve[..., 1] - curve[..., 2])
    return lab


def _xyz_of_lab(lab: NDArray[np.floating]) -> NDArray[np.float64]:
    """Convert Lab, shape (..., 3), to XYZ divided by the white's XYZ, of the same shape."""
    lab = np.asarray(lab, np.float64)
    curve = np.empty_like(lab)
    curve[..., 1] = (lab[..., 0] + 16) / 116
    curve[..., 0] = curve[..., 1] + lab[..., 1] / 500
    curve[..., 2] = curve[..., 1] - lab[..., 2] / 200
    cubed = curve * curve * curve
    return np.where(cubed > EPSILON, cubed, (116 * curve - 16) / KAPPA)


def srgb_to_lab(pixels_rgb: NDArray[np.floating]) -> LabPixels:
    """Convert sRGB pixels to CIE L*a*b*, D65, 2 degree observer (CIE 15:2004, 8.2.1).

    Args:
        pixels_rgb: shape (..., 3), 0..1, gamma-encoded (IEC 61966-2-1).

    Returns:
        The same shape, float32: L* 0..100, a* and b* unscaled (not OpenCV's 8-bit Lab).
    """
    linear = decode_gamma(np.asarray(pixels_rgb, np.float64))
    return _lab_of_xyz(linear @ _RGB_TO_XYZ.T / _WHITE_XYZ).astype(np.float32)


def bgr_to_lab(pixels_bgr: NDArray[np.uint8]) -> LabPixels:
    """Convert 8-bit BGR pixels, shape (..., 3), to Lab of the same shape, as `srgb_to_lab` does, to 0.001.

    Channels are worked on one after another, each in one piece of memory, and a list of pixels, shape (n, 3), stays so:
    NumPy takes three times as long for what lies in threes.
    """
    linear = _LINEAR_OF_BYTE[pixels_bgr.reshape(-1, 3).T]
    lab = _lab_of_xyz((_BGR_TO_WHITE_RELATIVE_XYZ @ linear).T)
    return lab if pixels_bgr.ndim == 2 else np.ascontiguousarray(lab).reshape(pixels_bgr.shape)


def rgb_to_lab(red: int, green: int, blue: int) -> Lab:
    """Convert one sRGB color, 0..255 each."""
    lightness, a, b = srgb_to_lab(np.array([red, green, blue]) / 255).tolist()
    return Lab(lightness, a, b)


def lab_to_srgb(lab: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Convert Lab to gamma-encoded sRGB.

    Args:
        lab: shape (..., 3).

    Returns:
        Pixels of shape (..., 3), clipped to 0..1, and for each whether it lay outside the sRGB gamut by more
        than rounding (a quarter of an 8-bit step) and was clipped.
    """
    encoded = encode_gamma((_xyz_of_lab(lab) * _WHITE_XYZ) @ _XYZ_TO_RGB.T)
    slack = 0.25 / 255
    clipped = ((encoded < -slack) | (encoded > 1 + slack)).any(axis=-1)
    return np.clip(encoded, 0.0, 1.0), np.asarray(clipped)


def lab_to_hex(lab: Lab) -> str:
    """The nearest sRGB color as "#rrggbb"; colors outside the sRGB gamut are clipped to it."""
    encoded, _ = lab_to_srgb(np.array(lab))
    red, green, blue = np.rint(encoded * 255).astype(int).tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"
