"""Commands run in the test's own process, and the files that they are given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sorter.cli import main

BINS = [
    {"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate-1"},
    {"name": "green", "hex": "#2e9e4f", "tolerance": 11, "branch": "gate-2"},
]
FALLBACK = dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject")
RECIPE = {"name": "two colors", "bins": BINS, "fallback": FALLBACK}
LINE = {
    "name": "one",
    "recipe": "recipe.yaml",
    "source": {"kind": "file", "path": "film.mp4"},
    "belt": {"direction": "right", "learn_s": 0.3},
    "branches": {name: {"distance_mm": 800} for name in ("gate-1", "gate-2", "reject")},
    "timing": {"belt_speed_mm_per_s": 250},
}


@dataclass(frozen=True)
class Outcome:
    """What a user sees of a command."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def refuses(self, code: int, sentence: str) -> None:
        """One sentence, nothing else, and the exit code."""
        assert (self.code, self.out, self.err) == (code, "", f"{sentence}\n")


@pytest.fixture
def run(capsys) -> Callable[..., Outcome]:
    """Runs a command as ``run_sorter.py`` would."""

    def execute(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(one) for one in arguments])
        told = capsys.readouterr()
        return Outcome(code, told.out, told.err)

    return execute


@dataclass(frozen=True)
class Files:
    """A folder of settings, recipes and pictures; JSON is YAML too, each value on a line of its own."""

    folder: Path

    @property
    def recipe(self) -> Path:
        return self.folder / "recipe.yaml"

    @property
    def settings(self) -> Path:
        return self.folder / "sorter.yaml"

    def write_recipe(self, **changes: object) -> Path:
        self.recipe.write_text(json.dumps({**RECIPE, **changes}, indent=1), "utf-8")
        return self.recipe

    def write_settings(self, *lines: Mapping[str, object], **changes: object) -> Path:
        chosen = [{**LINE, **line} for line in lines or [{}]]
        document = {"site": "plant", "lines": chosen, **changes}
        self.settings.write_text(json.dumps(document, indent=1), "utf-8")
        return self.settings

    def write_picture(self, name: str, rgb: Sequence[int], size: tuple[int, int] = (40, 30)) -> Path:
        """A picture of one color; ``size`` is width and height in pixels."""
        image = np.full((size[1], size[0], 3), rgb[::-1], np.uint8)
        assert cv2.imwrite(str(self.folder / name), image)
        return self.folder / name

    def write_csv(self, text: str) -> Path:
        path = self.folder / "boxes.csv"
        path.write_bytes(text.encode())
        return path


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """A recipe, settings that name it, and two pictures; the command runs in their folder."""
    monkeypatch.chdir(tmp_path)
    made = Files(Path())
    made.write_recipe()
    made.write_settings()
    made.write_picture("red.png", (200, 32, 44))
    made.write_picture("green.png", (46, 158, 79))
    return made
