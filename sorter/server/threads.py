"""Work that blocks, beside the server's loop; nobody waits for it beyond its time, not even the server's end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], end_s: float) -> T:
    """What the work returns or raises.

    Args:
        work: must end by itself at about ``end_s``, or it keeps its thread.
        end_s: when it is given up, by the monotonic clock.

    Raises:
        TimeoutError: it was.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(result: T | None, error: BaseException | None) -> None:
        if done.done():  # given up meanwhile
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type] # None only where T is None

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as raised:  # noqa: BLE001 - handed on
            error = raised
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(finish, result, error)

    threading.Thread(target=run, name="request", daemon=True).start()
    return await asyncio.wait_for(done, max(end_s - time.monotonic(), 0.0))
