"""``search``: pictures by their colors, on the screen and as a contact sheet."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.unit.archive.palettes_table import write_palettes

RED, TEAL, WHITE = "c0392b", "008080", "ffffff"
HOSTILE = "javascript:alert(1)//<script>\n\x1b[2J.jpg"


@pytest.fixture(autouse=True)
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures in the folder where the command runs, of which one is on this machine, and one has an odd name."""
    monkeypatch.chdir(tmp_path)
    picture = Image.new("RGB", (800, 400), "#c0392b")
    picture.paste((0, 128, 128), (0, 0, 800, 100))
    picture.save("red & teal.jpg", quality=95)
    Path("broken.jpg").write_bytes(b"\xff\xd8\xff")
    return write_palettes(
        Path("palettes.parquet"),
        ("red & teal.jpg", [(RED, 0.75), (TEAL, 0.25)]),
        ("s3://bucket/red.jpg", [(WHITE, 0.5), (RED, 0.5)]),
        (HOSTILE, [(RED, 0.4), (WHITE, 0.6)]),
        broken="broken.jpg",
    )


def test_a_table_has_the_best_first_with_what_matched(run):
    told = run("search", "#c0392b", "--in", "palettes.parquet")
    assert (told.code, told.err) == (0, "")
    assert told.out == (
        " score  #c0392b    share  differs  picture\n"
        " 0.750  #c0392b   75.00%     0.00  red & teal.jpg\n"
        " 0.500  #c0392b   50.00%     0.00  s3://bucket/red.jpg\n"
        " 0.400  #c0392b   40.00%     0.00  javascript:alert(1)//<script>\\n\\x1b[2J.jpg\n"
        "3 of 4 pictures have it\n"
    )


def test_all_colors_are_wanted_and_json_tells_everything(run):
    told = run("search", "c0392b", "teal:0.2", "--in", "palettes.parquet", "--tolerance", "3", "--json")
    (answer,) = told.rows
    assert [(one["hex"], one["tolerance"], one["min_share"]) for one in answer["wanted"]] == [
        ("#c0392b", 3.0, 0.05),
        ("#008080", 3.0, 0.2),
    ]
    assert answer["total"] == 1
    (found,) = answer["found"]
    assert (found["uri"], found["score"]) == ("red & teal.jpg", round((0.75 * 0.25) ** 0.5, 6))
    assert [[one["hex"] for one in matches] for matches in found["matches"]] == [["#c0392b"], ["#008080"]]
    assert [one["share"] for one in found["palette"]] == [0.75, 0.25]


def test_pictures_like_an_example(run):
    told = run("search", "--like", "red & teal.jpg", "--in", "palettes.parquet", "--limit", "1")
    assert told.code == 0
    assert re.search(r"^ (1\.000|0\.9\d\d)  .*  red & teal.jpg$", told.out, re.MULTILINE)
    assert told.out.endswith("1 of 4 pictures have them all\n")


def test_nothing_found_is_no_failure(run):
    told = run("search", "lime", "--in", "palettes.parquet", "--html", "sheet.html")
    assert (told.code, told.out) == (0, "0 of 4 pictures have it\nthe contact sheet is sheet.html\n")
    assert "No picture has it: widen the tolerance" in Path("sheet.html").read_text("utf-8")


def test_the_contact_sheet_holds_small_pictures_and_runs_nothing(run):
    told = run("search", "c0392b", "--in", "palettes.parquet", "--limit", "3", "--html", "sheet.html")
    assert told.out.endswith("3 of 4 pictures have it\nthe contact sheet is sheet.html\n")
    page = Path("sheet.html").read_text("utf-8")
    (jpeg,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)" alt="red &amp; teal.jpg"', page)
    with Image.open(BytesIO(base64.b64decode(jpeg))) as picture:
        assert picture.size == (320, 160)
    assert "<script" not in page
    assert re.findall(r'href="([^"]*)"', page) == [
        Path("red & teal.jpg").absolute().as_uri(),
        Path(HOSTILE).absolute().as_uri(),  # taken for a file's name
    ]
    assert set(re.findall(r'(?:src|href)="(\w+):', page)) == {"data", "file"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "nothing is searched for: name a color, or a picture by --like"),
        (("rde",), 2, "'rde' is no color: write it as #rrggbb, or by its CSS name"),
        (("red", "--tolerance", "31"), 2, "the tolerance is 31.0: give a CIEDE2000 difference from 0 to 30"),
        (("red", "--min-share", "nan"), 2, "the least share is nan: give a part of the picture from 0 to 1"),
        (("red", "--html", "none/a.html"), 2, "none/a.html: there is no such folder to write into: make it first"),
        (("--like", "none.jpg"), 1, "none.jpg: no such file"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(run, arguments, code, sentence):
    run("search", *arguments, "--in", "palettes.parquet").refuses(code, sentence)


def test_a_table_that_is_not_there_is_told(run):
    told = run("search", "red", "--in", "none.parquet")
    told.refuses(1, "none.parquet: no such file: name the Parquet file that palette --out wrote")
