"""What a bin reaches, as a volume of colors; only of colors that sRGB can show, since a picture holds no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sorter.color.bins import References
from sorter.color.difference import ciede2000
from sorter.color.lab import lab_to_srgb, srgb_to_lab
from sorter.color.light import in_light_of, light_of
from sorter.settings.bins import BinSettings

Labs = NDArray[np.float64]

_RAYS = 96
_FARTHEST = 256.0
_HALVINGS = 17
"""A ray ends where its volume ends, to 256 / 2^17 = 0.002 in Lab."""
_SPREADS = (0.3, 0.12, 0.05, 0.02)
"""How far around a ray a nearer end is looked for, in radians, round by round."""

_NEARLY = 2.0
"""A color that uses up this much of two tolerances may have one near it that both reach."""
_STEPS = (4.0, 2.0, 1.0, 0.5, 0.25, 0.12)
"""How far from it that is looked for, in Lab, round by round."""
# The middle comes first, so that it stays where nothing is better.
_AROUND = np.array(sorted(product((-1.0, 0.0, 1.0), repeat=3), key=lambda way: sum(map(abs, way))))


@dataclass(frozen=True, slots=True)
class Surface:
    """The ends of rays from a volume's middle: one row for each."""

    middles: Labs
    """Shape (n, 3): where each ray begins."""
    rays: Labs
    """Shape (n, 3), of length 1."""
    ends: Labs
    """Shape (n, 3): the last color on it that the volume holds."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What one reference color of a bin reaches."""

    bin: int
    """The bin's position in its recipe."""
    reference: References
    """Of one color, without a leading axis."""
    surface: Surface
    reach: float
    """Largest CIEDE2000 difference between the reference and what it reaches."""

    def fullness(self, colors: Labs) -> NDArray[np.float64]:
        """How much of the tolerance colors use up, 0 at the reference and 1 at the edge; shape (n, 3) to (n,)."""
        return _fullness(colors, self.reference)


def volumes_of(bins: Sequence[BinSettings]) -> list[Volume]:
    """The volumes of all bins; bins of several colors at once, and what no picture can show, have none."""
    found = []
    for index, one in enumerate(bins):
        if one.all_of:
            continue
        references = References.of([one])
        for number in range(len(references.lab)):
            reference = References(*(part[number] for part in references))
            if len(middles := _middles(reference)):
                rays = _directions(_RAYS // len(middles))
                surface = _cast(np.repeat(middles, len(rays), axis=0), np.tile(rays, (len(middles), 1)), reference)
                reach = float(ciede2000(surface.ends, reference.lab).max())
                found.append(Volume(index, reference, surface, reach))
    return found


def nearest_ends(pairs: Sequence[tuple[Volume, Volume]]) -> tuple[NDArray[np.float64], Labs]:
    """The nearest colors of pairs of volumes that share none.

    The nearest of the ends of all rays are found first, then nearer ones about their rays, in ever smaller turns.

    Returns:
        The CIEDE2000 differences, shape (pairs,), and the two colors of each, shape (pairs, 2, 3).
    """
    begun = [_nearest_rays(one.surface, other.surface) for one, other in pairs]
    middles, rays, ends = (np.array([side[part] for side in begun]) for part in range(3))
    sides = [References(*map(np.array, zip(*(pair[side].reference for pair in pairs), strict=True))) for side in (0, 1)]
    gaps = ciede2000(ends[:, 0], ends[:, 1])
    rows = np.arange(len(pairs))
    for spread in _SPREADS:
        tried_rays = _about(rays, spread)
        tried = np.stack([_tried(middles[:, side], tried_rays[:, side], sides[side]) for side in (0, 1)], axis=1)
        apart = ciede2000(tried[:, 0, :, None], tried[:, 1, None, :]).reshape(len(pairs), -1)
        least = apart.argmin(axis=1)
        gaps = np.minimum(gaps, apart[rows, least])
        chosen = np.stack(np.divmod(least, tried.shape[2]), axis=1)
        rays = np.take_along_axis(tried_rays, chosen[:, :, None, None], axis=2)[:, :, 0]
        ends = np.take_along_axis(tried, chosen[:, :, None, None], axis=2)[:, :, 0]
    return gaps, ends


def shared_color(one: Volume, other: Volume) -> Labs | None:
    """A color that both volumes hold, deep in both, shape (3,); None where none is found."""
    steps = np.linspace(0, 1, 17)[:, None]
    between = one.reference.lab * (1 - steps) + other.reference.lab * steps
    inner = [(part.surface.middles + part.surface.ends) / 2 for part in (one, other)]
    best, fullness = _deepest(one, other, np.concatenate([between, one.surface.ends, other.surface.ends, *inner]))
    if 1 < fullness < _NEARLY:
        for step in _STEPS:
            moved = True
            while moved:
                before = fullness
                best, fullness = _deepest(one, other, best + step * _AROUND)
                moved = fullness < before
    return best if fullness <= 1 else None


def _deepest(one: Volume, other: Volume, tried: Labs) -> tuple[Labs, float]:
    """The color that uses up least of the tighter tolerance, and how much; infinite where none can be shown."""
    fullness = np.where(is_shown(tried), np.maximum(one.fullness(tried), other.fullness(tried)), np.inf)
    best = int(fullness.argmin())
    return tried[best], float(fullness[best])


def is_shown(colors: Labs) -> NDArray[np.bool_]:
    """Whether sRGB can show colors; shape (..., 3) to (...)."""
    return ~lab_to_srgb(colors)[1]


def _fullness(colors: Labs, references: References) -> NDArray[np.float64]:
    measures = references.measure(colors)
    return np.asarray((measures / references.limits[..., : measures.shape[-1]]).max(axis=-1))


def _middles(reference: References) -> Labs:
    """Colors that the volume's rays begin at: the reference, in the weakest and strongest light too."""
    times = np.unique(np.array([1 / reference.exposure, 1.0, reference.exposure]))
    wanted = light_of(reference.lab[0]) * times
    colors = np.where(times[:, None] == 1, reference.lab, in_light_of(reference.lab[None], wanted, reference.exposure))
    shown, is_clipped = lab_to_srgb(colors)
    # A color that cannot be shown gives way to the nearest that can, if the bin reaches it; else to a paler one.
    colors = np.where(is_clipped[:, None], srgb_to_lab(shown), colors)
    held = colors[_holds(colors, reference)]
    if len(held):
        return np.asarray(held)
    paler = reference.lab * np.stack([np.ones(65), *[np.linspace(1, 0, 65)] * 2], axis=1)
    return np.asarray(paler[_holds(paler, reference)][:1])


def _holds(colors: Labs, references: References) -> NDArray[np.bool_]:
    return (_fullness(colors, references) <= 1) & is_shown(colors)


def _cast(middles: Labs, rays: Labs, references: References) -> Surface:
    """Follow rays to where the volumes end; all arguments broadcast against each other."""
    least = np.zeros(np.broadcast_shapes(middles.shape, rays.shape)[:-1])
    most = np.full_like(least, _FARTHEST)
    for _ in range(_HALVINGS):
        half = (least + most) / 2
        held = _holds(middles + rays * half[..., None], references)
        least, most = np.where(held, half, least), np.where(held, most, half)
    return Surface(middles, rays, middles + rays * least[..., None])


def _directions(count: int) -> Labs:
    """Evenly spread over the sphere: a golden spiral."""
    number = np.arange(count) + 0.5
    height = 1 - 2 * number / count
    around = np.pi * (1 + np.sqrt(5)) * number
    across = np.sqrt(1 - height**2)
    return np.stack([height, across * np.cos(around), across * np.sin(around)], axis=1)


def _nearest_rays(one: Surface, other: Surface) -> tuple[Labs, Labs, Labs]:
    """Middles, rays and ends of the two ends that are nearest to each other, each of shape (2, 3)."""
    apart = ciede2000(one.ends[:, None], other.ends)
    row, column = np.unravel_index(int(apart.argmin()), apart.shape)
    parts = ((getattr(one, key)[row], getattr(other, key)[column]) for key in ("middles", "rays", "ends"))
    middles, rays, ends = (np.array(part) for part in parts)
    return middles, rays, ends


def _about(rays: Labs, spread: float) -> Labs:
    """Rays around rays, shape (..., 3) to (..., 25, 3); the first ones are among them."""
    helper = np.where(np.abs(rays[..., :1]) < 0.9, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
    sideways = np.cross(rays, helper)
    sideways /= np.linalg.norm(sideways, axis=-1, keepdims=True)
    turns = np.linspace(-spread, spread, 5)
    across, along = (turn.reshape(-1, 1) for turn in np.meshgrid(turns, turns))
    tried = rays[..., None, :] + across * sideways[..., None, :] + along * np.cross(rays, sideways)[..., None, :]
    return np.asarray(tried / np.linalg.norm(tried, axis=-1, keepdims=True))


def _tried(middles: Labs, rays: Labs, references: References) -> Labs:
    spread = References(references.lab[:, None], references.limits[:, None], references.exposure[:, None])
    return _cast(middles[:, None], rays, spread).ends
