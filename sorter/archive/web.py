"""A file at a web address that the user of this machine has named."""

from __future__ import annotations

import time
from urllib.request import Request, urlopen

_BLOCK = 2**18


def read_web(url: str, most: int, within_s: float) -> bytes:
    """Download a file.

    Args:
        url: http or https.
        most: bytes; of a longer file one more than that is read, and the rest is not.
        within_s: seconds in all.

    Raises:
        OSError: it cannot be read.
        TimeoutError: not within that time.
    """
    end_s = time.monotonic() + within_s
    request = Request(url, headers={"User-Agent": "conveyor-color-sorter"})  # noqa: S310 - the scheme was looked at
    content = bytearray()
    with urlopen(request, timeout=min(within_s, 20.0)) as answer:  # noqa: S310 - likewise
        # read1 gives what is there: a server that drips a byte at a time is still held to the time.
        while len(content) <= most and (block := answer.read1(min(_BLOCK, most + 1 - len(content)))):
            content += block
            if time.monotonic() > end_s:
                msg = "too slow"
                raise TimeoutError(msg)
    return bytes(content)
