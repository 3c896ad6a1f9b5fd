from collections.abc import Callable
from pathlib import Path

import pytest

from sorter.errors import ConfigurationError

RECIPE = """\
name: fruit
bins:
  - name: red
    lab: [40, 60, 38]
    tolerance: 8
    branch: left
  - name: green
    hex: "#2E9e4f"
    tolerance: 8
    branch: right
fallback: {unknown: right, ambiguous: right, late: right, invalid: right}
"""

SITE = """\
site: plant
lines:
  - name: l1
    source:
      kind: file
      path: film.mp4
    recipe: recipe.yaml
    belt:
      direction: right
    branches:
      left: {distance_mm: 100}
      right: {distance_mm: 200}
    timing: {belt_speed_mm_per_s: 250}
"""

Write = Callable[[str, str | bytes], Path]
Told = Callable[[Callable[[Path], object], str], list[str]]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file into the folder that the test runs in; its path is relative, as an operator would type it."""
    monkeypatch.chdir(tmp_path)

    def _write(name: str, content: str | bytes) -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


@pytest.fixture
def told() -> Told:
    """What an operator is told of a file."""

    def _told(load: Callable[[Path], object], name: str) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            load(Path(name))
        assert str(caught.value) == "\n".join(map(str, caught.value.mistakes))
        return [str(mistake) for mistake in caught.value.mistakes]

    return _told


@pytest.fixture
def recipe_text() -> str:
    return RECIPE


@pytest.fixture
def site_text() -> str:
    return SITE
