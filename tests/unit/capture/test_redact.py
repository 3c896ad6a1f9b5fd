from __future__ import annotations

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from sorter.capture.redact import join_credentials, redact, split_credentials


def test_a_password_in_an_address_is_taken_out() -> None:
    assert redact("cannot open rtsp://me:p%40ss@cam:554/a: 401") == "cannot open rtsp://cam:554/a: 401"
    assert redact("rtsp://me:p@ss@cam/a and rtsp://x@y/z") == "rtsp://cam/a and rtsp://y/z"
    assert redact("key s/cret", "s/cret") == "key ***"
    assert redact("key s%2Fcret", "s/cret") == "key ***"


def test_text_without_secrets_is_unchanged() -> None:
    assert redact("rtsp://cam/a@b", "") == "rtsp://cam/a@b"


def test_credentials_are_split_from_an_address() -> None:
    assert split_credentials("rtsp://me:p%40ss@cam:554/a") == ("rtsp://cam:554/a", "me", "p@ss")
    assert split_credentials("rtsp://me@cam/a") == ("rtsp://cam/a", "me", None)
    assert split_credentials("rtsp://cam/a") == ("rtsp://cam/a", None, None)


@given(st.text(min_size=1), st.text(min_size=4))
def test_what_is_joined_can_be_split_and_redacted(username: str, password: str) -> None:
    joined = join_credentials("rtsp://cam:554/a", username, password)
    assert split_credentials(joined) == ("rtsp://cam:554/a", username, password)
    assert redact(joined) == "rtsp://cam:554/a"
    assert quote(password, safe="") not in redact(f"odd: {joined}", password)
