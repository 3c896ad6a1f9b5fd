from __future__ import annotations

from sorter.live.pauses import Pauses


def test_a_pause_outlives_a_restart_and_its_end_does_too(tmp_path):
    path = tmp_path / "state" / "paused.json"
    pauses = Pauses(path)
    pauses.note("one", "paused by Ann: cleaning")
    pauses.note("two", "paused by command")
    pauses.write()
    again = Pauses(path)
    assert (again.of("one"), again.of("two"), again.of("three")) == (
        "paused by Ann: cleaning", "paused by command", None,
    )  # fmt: skip
    again.note("one", None)
    again.write()
    assert Pauses(path).of("one") is None
    again.note("two", None)
    again.write()
    assert not path.exists()


def test_a_file_that_makes_no_sense_pauses_nothing_and_is_told(tmp_path, caplog):
    path = tmp_path / "paused.json"
    for content in (b"", b"[]", b'{"one": 1}', b"\xff"):
        path.write_bytes(content)
        assert Pauses(path).of("one") is None
    assert caplog.text.count("remove it, and pause them again") == 4


def test_what_cannot_be_written_is_told_once_and_written_as_soon_as_it_can_be(tmp_path, caplog):
    (tmp_path / "state").write_text("in the way", "utf-8")
    pauses = Pauses(tmp_path / "state" / "paused.json")
    pauses.note("one", "paused by Ann")
    for _ in range(3):
        pauses.write()
    assert caplog.text.count("a pause cannot be written down") == 1
    assert pauses.of("one") == "paused by Ann"
    (tmp_path / "state").unlink()
    pauses.write()
    assert Pauses(tmp_path / "state" / "paused.json").of("one") == "paused by Ann"
