"""Plots by the command, drawn by a real browser; pages that load nothing; the notebook."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import numpy as np
import plotly.graph_objects as go
import pytest
from nbclient import NotebookClient
from PIL import Image

from sorter import ColorAnalyzer
from sorter.errors import SorterError
from sorter.palette.plot_files import WIDTH, draw_png

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        assert os.environ.get("CI") != "true", "chromium must be installed on the build machine"
        pytest.skip("neither Chrome nor Chromium is installed")
    return found


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    """Half of it teal, a quarter orange, a quarter of all colors."""
    chance = np.random.default_rng(2)
    pixels = np.full((120, 160, 3), (0, 90, 100), np.uint8)
    pixels[60:, :80] = (230, 120, 20)
    pixels[60:, 80:] = chance.integers(0, 256, (60, 80, 3))
    path = tmp_path_factory.mktemp("plots") / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


def plot(photo: Path, name: str, *more: str) -> Path:
    """Started from another folder, as users do."""
    command = [sys.executable, str(ROOT / "run_sorter.py"), "palette", photo.name, "--coolors", "--plot", name, *more]
    told = subprocess.run(command, cwd=photo.parent, capture_output=True, text=True, timeout=120, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    return photo.parent / name


@pytest.mark.usefixtures("browser")
def test_the_summary_is_drawn_as_png(photo):
    with Image.open(plot(photo, "summary.png")) as drawn:
        assert (drawn.format, drawn.size) == ("PNG", (WIDTH, 760))
        pixels = np.asarray(drawn.convert("RGB")).reshape(-1, 3)
    # The main color has a panel, a sixth of the figure, and half of the strip.
    main = ColorAnalyzer(photo).palette.dominant
    assert main is not None
    assert 0.18 < (pixels == main.rgb).all(axis=1).mean() < 0.3
    assert len(np.unique(pixels, axis=0)) > 200


class Loaded(HTMLParser):
    """What a browser would fetch of its own accord."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = {"src", "srcset", "data", "poster", "action"} | ({"href"} if tag != "a" else set())
        self.addresses += [value or "" for name, value in attributes if name in names]


def test_a_page_is_drawn_without_a_network_and_asks_for_nothing(photo, browser, tmp_path):
    page = plot(photo, "clusters.html", "--plot-kind", "clusters")
    loaded = Loaded()
    loaded.feed(page.read_text("utf-8"))
    assert loaded.addresses == []
    told = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path}", "--enable-logging=stderr",
            "--virtual-time-budget=2000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    # What the page's policy refused, or what failed.
    assert not re.findall(r"CONSOLE.*(?:refus|polic|error|fail|net::).*", told.stderr, re.IGNORECASE)
    assert 'class="main-svg"' in told.stdout
    assert "<canvas" in told.stdout  # of the three dimensions
    assert "#e67814" in told.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="the browser is a shell script")
def test_a_browser_that_hangs_is_ended_and_one_that_fails_or_is_missing_is_told(tmp_path, monkeypatch):
    hanging = tmp_path / "chromium"
    hanging.write_text(f'#!/bin/sh\necho $$ > "{tmp_path}/pid"\nexec sleep 600\n')
    hanging.chmod(0o755)
    monkeypatch.setenv("BROWSER_PATH", str(hanging))
    figure = go.Figure(layout={"height": 100})
    began = time.monotonic()
    with pytest.raises(SorterError, match=r"^a\.png: the browser had not drawn it after 2 s, and was ended: try again"):
        draw_png(figure, Path("a.png"), 2)
    assert time.monotonic() - began < 15
    hanging.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(SorterError, match=r"^a\.png: the browser could not draw it \(.+\): write \.html instead$"):
        draw_png(figure, Path("a.png"), 10)
    state = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    # Where nothing collects the dead, they stay, as zombies.
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    with pytest.raises(SorterError, match=r"^a\.png: PNG needs Chrome or Chromium, and neither was found: install one"):
        draw_png(figure, Path("a.png"))


def test_the_notebook_runs_from_its_first_cell_to_its_last(tmp_path, monkeypatch):
    # Else the kernel would write into the home of whoever tests.
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    notebook = nbformat.read(ROOT / "docs/palettes.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "outputs are stripped before it is committed"
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": ROOT / "docs"}}
    )
    client.execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("application/vnd.plotly.v1+json" in one.get("data", {}) for one in shown) == 5
    assert not [one for one in shown if one.get("name") == "stderr"]
