"""The CSV of ``decide --boxes``."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sorter.commands.boxes import PictureBox, read_boxes
from sorter.errors import ConfigurationError, SourceError
from sorter.records import Box

HEADING = "file,x0,y0,x1,y1\n"


def sentences(files, text: str) -> list[str]:
    """The CSV's mistakes, each without the CSV's name."""
    path = files.write_csv(text)
    with pytest.raises(ConfigurationError) as refused:
        read_boxes(path)
    assert all(one.place.startswith("boxes.csv:") for one in refused.value.mistakes)
    return [str(one).removeprefix("boxes.csv:") for one in refused.value.mistakes]


def test_a_row_is_a_box_of_a_picture_beside_the_csv(files):
    (box,) = read_boxes(files.write_csv("color,file,x0,y0,x1,y1\nred,red.png,1,2,30,20\n"))
    ref = {"color": "red", "file": "red.png", "x0": "1", "y0": "2", "x1": "30", "y1": "20"}
    assert box == PictureBox(Path("red.png"), Box(1, 2, 30, 20), ref, "red.png:2")
    assert box.within(40, 30) == Box(1, 2, 30, 20)


def test_without_box_columns_the_whole_picture_is_meant(files):
    (box,) = read_boxes(files.write_csv("file,color\nred.png,red\n"))
    assert box.box is None
    assert box.within(40, 30) == Box(0, 0, 40, 30)


def test_a_byte_order_mark_quotes_and_windows_line_ends_are_no_matter(files):
    (box,) = read_boxes(files.write_csv('\ufeff"file","note"\r\n"red.png","a, ""b""\r\nc"\r\n'))
    assert box.ref == {"file": "red.png", "note": 'a, "b"\r\nc'}


def test_a_box_that_fills_its_picture_is_within_it(files):
    (box,) = read_boxes(files.write_csv(HEADING + "red.png,0,0,40,30\n"))
    assert box.box == Box(0, 0, 40, 30)


def test_a_box_is_held_against_the_picture_as_it_is_turned_upright(files):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (40, 30), (200, 32, 44)).save(files.folder / "turned.jpg", exif=exif)
    assert read_boxes(files.write_csv(HEADING + "turned.jpg,0,0,30,40\n"))
    assert sentences(files, HEADING + "turned.jpg,0,0,40,30\n") == [
        "2:1: the box (0, 0, 40, 30) reaches outside turned.jpg, which is 30 x 40 pixels"
    ]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("red.png,5,5,5,9", "the box is 0 x 4 pixels: x1 and y1 must be beyond x0 and y0"),
        ("red.png,9,5,5,9", "the box is -4 x 4 pixels: x1 and y1 must be beyond x0 and y0"),
        ("red.png,0,0,41,30", "the box (0, 0, 41, 30) reaches outside red.png, which is 40 x 30 pixels"),
        ("red.png,-1,0,9,9", "the box (-1, 0, 9, 9) reaches outside red.png, which is 40 x 30 pixels"),
        ("red.png,0.5,0,9,9", "x0, y0, x1 and y1 must be whole numbers of pixels"),
        ("red.png,,,,", "x0, y0, x1 and y1 must be whole numbers of pixels"),
        ("red.png,0,0,9", "the row has more or fewer fields than the heading: mend it"),
        ("red.png,0,0,9,9,9", "the row has more or fewer fields than the heading: mend it"),
        (",0,0,9,9", "the column 'file' is empty, or holds what no file's name should: mend it"),
        ("re\x1b[2Jd.png,0,0,9,9", "the column 'file' is empty, or holds what no file's name should: mend it"),
        ("re\x00d.png,0,0,9,9", "the column 'file' is empty, or holds what no file's name should: mend it"),
    ],
)
def test_a_row_that_makes_no_sense_is_told_with_its_line(files, row, sentence):
    assert sentences(files, f"{HEADING}red.png,0,0,9,9\n{row}\n") == [f"3:1: {sentence}"]


def test_every_mistake_is_told_at_once(files):
    told = sentences(files, HEADING + "red.png,5,5,5,9\nred.png,0,0,9,9\nred.png,0,0,99,9\nred.png,a,0,9,9\n")
    assert [one.split(":")[0] for one in told] == ["2", "4", "5"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "1:1: the CSV has no column 'file' to name the pictures; its columns are none at all"),
        ("file;x0\nred.png;1\n", "1:1: the CSV has no column 'file' to name the pictures; its columns are 'file;x0'"),
        ("picture\nred.png\n", "1:1: the CSV has no column 'file' to name the pictures; its columns are 'picture'"),
        ("file\n", "1:1: the CSV has no rows: nothing to decide"),
        ("file,file\nred.png,red.png\n", "1:1: the CSV has two columns 'file': rename one"),
        (
            "file,x0,y0,x1\nred.png,0,0,9\n",
            "1:1: the CSV lacks the column 'y1': give all of x0, y0, x1, y1 or none; "
            "its columns are 'file', 'x0', 'y0', 'x1'",
        ),
        ('file\n"red.png\n', "2:1: this is not CSV: unexpected end of data"),
        ('file\nred.png\n"red"x.png\n', "3:1: this is not CSV: ',' expected after '\"'"),
    ],
)
def test_a_csv_that_makes_no_sense_is_told_with_its_line(files, text, sentence):
    assert sentences(files, text) == [sentence]


@pytest.mark.usefixtures("files")
def test_a_csv_in_another_encoding_or_missing_is_told():
    Path("latin.csv").write_bytes("file\nrötlich.png\n".encode("latin-1"))
    with pytest.raises(SourceError, match=r"^latin\.csv: not UTF-8 text: save the CSV as UTF-8$"):
        read_boxes(Path("latin.csv"))
    with pytest.raises(SourceError, match=r"^none\.csv: cannot be read \(No such file or directory\)"):
        read_boxes(Path("none.csv"))
    with pytest.raises(SourceError, match=r"^\.: cannot be read \(Is a directory\)"):
        read_boxes(Path())


def test_a_picture_that_is_missing_or_damaged_is_left_to_be_told_when_it_is_read(files):
    Path("broken.png").write_bytes(b"not a picture")
    boxes = read_boxes(files.write_csv(HEADING + "none.png,0,0,9,9\nbroken.png,0,0,9,9\n"))
    assert [box.name for box in boxes] == ["none.png:2", "broken.png:3"]


inside = st.tuples(st.integers(0, 39), st.integers(0, 29), st.integers(1, 40), st.integers(1, 30))


@given(st.lists(st.tuples(inside, st.text(max_size=20)), min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_other_columns_comes_back_and_boxes_are_read_exactly(files, rows):
    wanted = [
        (Box(x0, y0, x0 + 1 + (x1 - 1) % (40 - x0), y0 + 1 + (y1 - 1) % (30 - y0)), note)
        for (x0, y0, x1, y1), note in rows
    ]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["note", "file", "x0", "y0", "x1", "y1"])
    writer.writerows([note, "red.png", *box] for box, note in wanted)
    read = read_boxes(files.write_csv(text.getvalue()))
    assert [(one.box, one.ref["note"]) for one in read] == wanted
