"""The same job on Daft: in this machine's processes, or on the machines of a Ray cluster."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from typing import Any

from sorter.archive.job import Engine
from sorter.archive.row import Row, Wish, row_of
from sorter.errors import SorterError, UsageError

BLOCK = 4096
"""Pictures of one query: what waits in memory, and what a kill costs at most."""
_ANSWER_S = 5.0
_BATCH = 32
"""Pictures that a worker is handed at once."""


def daft_engine(wish: Wish, jobs: int, ray_address: str | None = None, block: int = BLOCK) -> Engine:
    """An engine of `sorter.archive.job`.

    Args:
        wish: what is asked of each picture.
        jobs: processes at work at a time, on all machines together.
        ray_address: of a Ray cluster's head, as Ray writes it; None: Daft's own runner on this machine.
        block: pictures of one query.

    Raises:
        UsageError: Daft or Ray is not installed, or another cluster was named before in this process.
        SorterError: the cluster cannot be reached.
    """
    daft = _prepared(ray_address)
    find = _finder(daft, wish, jobs)
    # Its own runner parts the work itself; between machines it goes by partitions.
    partitions = None if ray_address is None else jobs

    def engine(uris: Iterator[str], stopped: Callable[[], bool]) -> Iterator[Row]:
        while not stopped() and (names := list(islice(uris, block))):
            yield from _answers(daft, find, names, partitions)

    return engine


def _prepared(ray_address: str | None) -> Any:
    # Neither of them is to tell anyone about this job, or to draw bars of its own.
    for name, value in (
        ("DO_NOT_TRACK", "true"), ("SCARF_NO_ANALYTICS", "true"), ("DAFT_ANALYTICS_ENABLED", "0"),
        ("DAFT_PROGRESS_BAR", "0"), ("RAY_USAGE_STATS_ENABLED", "0"),
    ):  # fmt: skip
        os.environ.setdefault(name, value)
    try:
        daft = import_module("daft")
        ray = None if ray_address is None else import_module("ray")
    except ImportError as error:
        remedy = 'install it with pip install "conveyor-color-sorter[stores,cluster]"'
        raise UsageError(f"--engine daft needs a package that is not installed: {remedy}") from error
    where = "Daft" if ray_address is None else f"the Ray cluster at {ray_address}"
    try:
        if ray_address is None or ray is None:
            daft.set_runner_native()
        else:
            _see_that_it_answers(ray_address)
            ray.init(address=ray_address, log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True)
            daft.set_runner_ray(noop_if_initialized=True)
    except Exception as error:
        raise SorterError(f"{where} cannot be used ({type(error).__name__}): see that it runs there") from error
    return daft


def _see_that_it_answers(address: str) -> None:
    """Ray itself would try for minutes, and then end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()


def _finder(daft: Any, wish: Wish, jobs: int) -> Any:
    """The work on a batch, as Daft takes it: from names to rows in JSON."""

    @daft.cls(max_concurrency=jobs, use_process=True)
    class Finder:
        @daft.method.batch(return_dtype=daft.DataType.string(), batch_size=_BATCH)  # type: ignore[untyped-decorator]
        def find(self, names: Any) -> Any:
            return [json.dumps(row_of(_text(name), wish).as_dict()) for name in names.to_pylist()]

    return Finder().find


def _answers(daft: Any, find: Any, names: list[str], partitions: int | None) -> Iterator[Row]:
    encoded = [name.encode("utf-8", "surrogateescape") for name in names]
    frame = daft.from_pydict({"number": list(range(len(names))), "name": encoded})
    if partitions is not None:
        frame = frame.into_partitions(partitions)
    frame = frame.with_column("row", find(daft.col("name")))
    try:
        found = frame.select("number", "row").to_pydict()
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise SorterError(f"Daft has failed ({what}): what was finished is kept; start the command again") from error
    # Put in order here: there are few, and Daft would take three more rounds for it.
    return (Row(**json.loads(row)) for _, row in sorted(zip(found["number"], found["row"], strict=True)))


def _text(name: bytes) -> str:
    """A file's name may hold bytes that are no text."""
    return name.decode("utf-8", "surrogateescape")
