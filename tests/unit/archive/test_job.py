"""A table of palettes is whole and in order, whatever breaks it off and whatever the pictures do to the workers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from pyarrow import parquet

from sorter.archive import job as jobs
from sorter.archive.job import Job, run_job
from sorter.archive.row import Row, Wish, row_of
from sorter.archive.table import schema
from sorter.archive.workers import Workers
from sorter.cli import main
from sorter.errors import UsageError

WISH = Wish(3, None)


class Watch:
    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.begun: tuple[int, int] | None = None

    def listed(self) -> None:
        pass

    def begins(self, total: int, done: int) -> None:
        self.begun = total, done

    def finished(self, row: Row) -> None:
        self.rows.append(row)


def here(uris: Iterator[str], stopped) -> Iterator[Row]:
    for uri in uris:
        if stopped():
            return
        yield row_of(uri, WISH)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        Image.new("RGB", (20, 10), (number * 20, 90, 30)).save(folder / f"{number:02}.jpg")
    (folder / "05.jpg").write_bytes(b"no picture")
    return folder


def made(photos: Path, out: Path, stopped=lambda: False, engine=here) -> Watch:
    watch = Watch()
    run_job(Job([str(photos)], WISH, out), engine, watch, stopped)
    return watch


def test_one_bad_file_is_a_row_with_an_error(photos, tmp_path):
    out = tmp_path / "p.parquet"
    made(photos, out)
    rows = parquet.read_table(out).to_pylist()
    assert [Path(row["uri"]).stem for row in rows] == [f"{number:02}" for number in range(12)]
    assert rows[5]["error"] == f"{photos}/05.jpg: not a readable picture (unknown format): replace or remove it"
    assert rows[5]["hex"] is None
    assert rows[4]["error"] is None
    assert (rows[4]["width"], rows[4]["height"], len(rows[4]["sha256"])) == (20, 10, 64)
    assert rows[4]["dominant_lab"] == rows[4]["lab"][:3]
    assert parquet.read_schema(out).equals(schema())
    assert not list(tmp_path.glob("p.parquet.*"))


@pytest.mark.parametrize("after", [1, 5, 11])
def test_broken_off_and_begun_again_it_is_the_same_table(photos, tmp_path, monkeypatch, after):
    monkeypatch.setattr(jobs, "_PART_ROWS", 2)
    made(photos, tmp_path / "whole.parquet")
    first = Watch()
    run_job(Job([str(photos)], WISH, tmp_path / "p.parquet"), here, first, lambda: len(first.rows) >= after)
    assert not (tmp_path / "p.parquet").exists()
    second = made(photos, tmp_path / "p.parquet")
    assert second.begun == (12, after)
    assert len(first.rows) + len(second.rows) == 12
    assert (tmp_path / "p.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_other_arguments_in_between_are_refused(photos, tmp_path):
    first = Watch()
    run_job(Job([str(photos)], WISH, tmp_path / "p.parquet"), here, first, lambda: len(first.rows) >= 3)
    with pytest.raises(UsageError, match="another job was begun there"):
        run_job(Job([str(photos)], Wish(4, None), tmp_path / "p.parquet"), here, Watch(), lambda: False)


def test_two_at_once_on_one_table_are_refused(photos, tmp_path):
    def engine(uris, stopped):
        with pytest.raises(UsageError, match="another process is at work there"):
            made(photos, tmp_path / "p.parquet")
        return here(uris, stopped)

    made(photos, tmp_path / "p.parquet", engine=engine)


def test_what_two_patterns_mean_is_there_once(photos, tmp_path):
    out = tmp_path / "p.parquet"
    run_job(Job([str(photos), f"{photos}/0*.jpg"], WISH, out), here, Watch(), lambda: False)
    assert parquet.read_metadata(out).num_rows == 12


def test_no_picture_at_all_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(UsageError, match="no picture is there"):
        made(tmp_path, tmp_path / "p.parquet")
    assert not list(tmp_path.iterdir())


def troublesome(uri: str) -> Row:
    """A worker that some pictures kill, some only the first time, and some hold up for ever."""
    kind, _, mark = uri.partition(":")
    if kind == "deadly" or (kind == "once" and not Path(mark).exists()):
        if mark:
            Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "endless":
        time.sleep(60)
    return Row(uri, None)


def test_a_worker_that_dies_or_hangs_costs_the_picture_it_was_about_and_no_other(tmp_path):
    uris = [f"fine:{number}" for number in range(40)]
    uris[7], uris[20], uris[30] = "deadly", f"once:{tmp_path}/mark", "endless"
    told: list[str] = []
    with Workers(2, WISH, told.append, troublesome, hang_s=1.0) as workers:
        rows = list(workers.rows(iter(uris), lambda: False))
    assert [row.uri for row in rows] == uris
    errors = {row.uri: row.error for row in rows if row.error}
    assert set(errors) == {"deadly", "endless"}
    assert "died by signal 9" in errors["deadly"]
    assert "was about it for 1 s" in errors["endless"]
    assert any("once" in one and "tried once more" in one for one in told)


def test_the_command_makes_the_table_and_tells_of_it(photos, tmp_path, capsys):
    out = tmp_path / "p.parquet"
    assert main(["palette", f"{photos}/*.jpg", "--out", str(out), "--jobs", "1", "--colors", "2"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"12 pictures in {out}: 1 with an error")
    assert "05.jpg: not a readable picture" in told.err
    assert parquet.read_metadata(out).num_rows == 12


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--out", "table.csv"], "must end in .parquet"),
        (["--out", "t.parquet", "--coolors"], "--coolors is for single pictures"),
        (["--out", "t.parquet", "--ray-address", "h:1"], "--engine daft"),
        (["--out", "no/such/t.parquet"], "no such folder"),
    ],
)
def test_what_makes_no_sense_with_a_table_is_refused(options, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["palette", "x.jpg", *options]) == 2
    assert words in capsys.readouterr().err
