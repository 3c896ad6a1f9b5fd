"""A program of its own: a figure as JSON on standard input, its PNG on standard output, drawn by Chrome or Chromium.

`plot_files` starts it, so that neither a browser that hangs nor the threads and event loops that drive it are its own.
It imports nothing of the sorter: the sorter's folder need not be on Python's path. Arguments: width and height in
pixels, and the seconds after which the browser is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from threading import Timer
from typing import Any

from choreographer.errors import BrowserFailedError, ChromeNotFoundError
from kaleido import Kaleido

NO_BROWSER, TOO_SLOW, BROKEN = 3, 4, 5
"""Exit codes."""


def main() -> int:
    """Draw; what went wrong is the exit code, with details on standard error."""
    width, height, limit_s = (int(argument) for argument in sys.argv[1:])
    figure = json.load(sys.stdin.buffer)
    try:
        png = asyncio.run(_draw(figure, width, height, limit_s))
    except ChromeNotFoundError:
        return NO_BROWSER
    except (BrowserFailedError, OSError, RuntimeError, ValueError) as error:
        # Some of them hold several sentences, of which the first says what happened.
        sys.stderr.write(f"\n{error.args[0] if error.args else error!r}")
        return BROKEN
    sys.stdout.buffer.write(png)
    sys.stdout.buffer.flush()
    return 0


async def _draw(figure: dict[str, Any], width: int, height: int, limit_s: int) -> bytes:
    # No MathJax: it would be fetched from the network.
    browser = Kaleido(n=1, timeout=None, mathjax=False)
    # A thread's, and not the event loop's: that stands still where the browser no longer reads what is sent to it.
    limit = Timer(limit_s, _give_up, [browser])
    limit.start()
    try:
        await browser.open()
        png: bytes = await browser.calc_fig(figure, opts={"format": "png", "width": width, "height": height})
        return png
    finally:
        limit.cancel()
        _end(browser)


def _give_up(browser: Kaleido) -> None:
    _end(browser)
    os._exit(TOO_SLOW)


def _end(browser: Kaleido) -> None:
    """End the browser with all that it started, which a polite request would not where it hangs."""
    process = getattr(browser, "subprocess", None)
    if process is not None and hasattr(os, "killpg"):
        # It leads a group of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    code = main()
    # Threads that wait for a browser that is gone must not keep this process.
    os._exit(code)
