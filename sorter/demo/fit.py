"""Whether simulated lines fit their own pictures, which are known before anything starts."""

from __future__ import annotations

from sorter.capture.simulator.truth import truth
from sorter.errors import ConfigurationError, Mistake, SourceError
from sorter.product.region import RegionOutsideError, build_grid, direction_deg
from sorter.settings.load import Loaded
from sorter.settings.site import LineSettings, SimulatorSource, SiteSettings


def refuse_misfits(site: Loaded[SiteSettings]) -> None:
    """Refuse regions that reach outside the drawn picture, and belts too narrow for what is to lie on them.

    Raises:
        ConfigurationError: with every one of them.
    """
    found = [_misfit(site, index, line) for index, line in enumerate(site.value.lines)]
    mistakes = [mistake for mistake in found if mistake is not None]
    if mistakes:
        raise ConfigurationError(mistakes)


def _misfit(site: Loaded[SiteSettings], index: int, line: LineSettings) -> Mistake | None:
    source = line.source
    if not isinstance(source, SimulatorSource):
        return None
    size = (source.width_px, source.height_px)
    try:
        truth(source, direction_deg(line.belt.direction))
        build_grid(line.region, line.belt.direction, size, line.product.min_length_px)
    except SourceError as error:
        return site.mistake(str(error), "lines", index, "source")
    except RegionOutsideError as error:
        return site.mistake(str(error), "lines", index, "region")
    return None
