"""``palette``: the colors of any pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some files in the folder where the command runs."""
    monkeypatch.chdir(tmp_path)
    flag = np.repeat(np.array([[(255, 255, 255), (0, 128, 0), (255, 99, 71)]], np.uint8), (5, 4, 1), axis=1)
    Image.fromarray(flag.repeat(10, axis=0)).save("flag.png")
    Image.new("RGBA", (4, 4)).save("clear.png")
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path


@pytest.mark.usefixtures("pictures")
def test_a_table_names_each_color_with_its_share(run):
    told = run("palette", "flag.png", "clear.png", "--colors", "auto")
    assert (told.code, told.err) == (0, "")
    assert told.out == (
        "flag.png: 10 x 10 pixels, 100 of them counted\n"
        "  color      share     L*      a*      b*  name                  remark\n"
        "  #ffffff   50.00%  100.0     0.0     0.0  white                 background\n"
        "  #008000   40.00%   46.2   -51.7    49.9  green                 foreground\n"
        "  #ff6347   10.00%   62.2    57.8    46.4  tomato                accent\n"
        "clear.png: 4 x 4 pixels, 0 of them counted\n"
        "  no color: every pixel is transparent or ignored\n"
    )


@pytest.mark.usefixtures("pictures")
def test_one_bad_file_is_one_sentence_and_does_not_stop_the_rest(run):
    told = run("palette", "broken.png", "none\n.png", "flag.png", "--ignore-white", "--ignore", "ff6347", "--json")
    assert told.code == 1
    assert told.err.splitlines() == [
        "broken.png: not a readable picture (unknown format): replace or remove it",
        "none\\n.png: no such file",
    ]
    (row,) = told.rows
    assert (row["file"], row["pixels"], row["coolors"]) == ("flag.png", 40, "https://coolors.co/008000")
    assert [color["hex"] for color in row["colors"]] == ["#008000"]
    assert (row["background"]["name"], row["foreground"], row["accent"]) == ("green", None, None)


@pytest.mark.usefixtures("pictures")
def test_the_palette_is_written_for_other_programs(run):
    told = run(
        "palette", "flag.png", "--coolors", "--gpl", "a.gpl", "--ase", "a.ase", "--css", "a.css", "--csv", "a.csv"
    )
    assert (told.code, told.out) == (0, "https://coolors.co/ffffff-008000-ff6347\n")
    assert Path("a.gpl").read_text("utf-8").startswith("GIMP Palette\nName: flag\n")
    assert Path("a.ase").read_bytes().startswith(b"ASEF\x00\x01\x00\x00\x00\x00\x00\x05")
    assert "--color-3: #ff6347;" in Path("a.css").read_text("utf-8")
    assert Path("a.csv").read_text("utf-8").count("\n") == 4
    assert not list(Path().glob("*.unfinished"))


@pytest.mark.parametrize(("kind", "title"), [
    ("summary", "Colors of <i>&.png"), ("colors", "Predominant colors of <i>&.png"),
    ("clusters", "Colors of <i>&.png in L*a*b*"), ("strip", "Colors of <i>&.png by their shares"),
    ("image", "<i>&.png"),
])  # fmt: skip
@pytest.mark.usefixtures("pictures")
def test_each_kind_of_plot_is_a_page_of_its_own(run, kind, title):
    Path("flag.png").rename("<i>&.png")
    told = run("palette", "<i>&.png", "--coolors", "--plot", "a.html", "--plot-kind", kind)
    assert (told.code, told.out, told.err) == (0, "https://coolors.co/ffffff-008000-ff6347\n", "")
    page = Path("a.html").read_text("utf-8")
    assert "<h1>Colors of &lt;i&gt;&amp;.png</h1>" in page
    assert "<i>&" not in page
    # Within the script: escaped for plotly, which reads markup, and again for the page.
    assert f'"text":{_in_script(title)}' in page


def _in_script(title: str) -> str:
    escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps(escaped).replace("<", "\\u003c").replace(">", "\\u003e")


@pytest.mark.parametrize(("arguments", "told"), [
    (("flag.png", "clear.png", "--gpl", "a.gpl"), "--gpl writes the palette of one picture: name one, or leave it out"),
    (("flag.png", "clear.png", "--plot", "a.html"), "--plot writes the palette of one picture: name one, or leave it "
     "out"),
    (("flag.png", "--plot", "a.gif"), "a.gif: a plot is written as .html or .png: let the file's name end so"),
    (("./flag.png", "--plot", "flag.png"), "flag.png: the plot would be written over the picture itself: name "
     "another file"),
    (("flag.png", "--plot", "no/a.png"), "no/a.png: there is no such folder to write into: make it first"),
    (("flag.png", "--css", "no/a.css"), "no/a.css: there is no such folder to write into: make it first"),
    (("flag.png", "--ignore", "nice"), "'nice' is no color: write it as #rrggbb, or by its CSS name"),
    (("flag.png", "--method", "median"), "method is 'median': give one of minibatch, kmeans, opencv, agglomerative"),
    (("flag.png", "--space", "cmyk"), "space is 'cmyk': give one of lab, rgb, hsv, oklab"),
    (("flag.png", "--frame", "-1"), "frame is -1: give a whole number from 0 to 1000000000"),
    (("https://example.org/a.png",), "https://example.org/a.png: addresses are not read: download the picture, and "
     "name the file"),
])  # fmt: skip
@pytest.mark.usefixtures("pictures")
def test_what_makes_no_sense_is_refused(run, arguments, told):
    run("palette", *arguments).refuses(2, told)


@pytest.mark.usefixtures("pictures")
def test_a_file_that_cannot_be_written_is_told(run):
    Path("folder.csv").mkdir()
    told = run("palette", "flag.png", "--csv", "folder.csv", "--coolors")
    assert (told.code, told.err) == (1, "folder.csv: it cannot be written (Is a directory): name another file\n")


@pytest.mark.usefixtures("pictures")
def test_swatches_are_shown_where_a_person_watches(run, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[48;2;255;99;71m  \x1b[0m #ff6347" in run("palette", "flag.png").out
