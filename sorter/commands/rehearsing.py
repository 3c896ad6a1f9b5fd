"""A recipe rehearsed on a journal: by several processes, each of which reads its part of the file itself."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from sorter.backtest.recorded import Exclusion, Recorded
from sorter.backtest.rehearsal import Rehearsal, rehearse
from sorter.decision import read_samples
from sorter.errors import SorterError
from sorter.evidence import unpack_samples
from sorter.line import configure_threads
from sorter.outputs.journal.reading import Reader, Wanted
from sorter.outputs.journal.recorded import Numbered, Stretch, products_of, samples_of
from sorter.readings import pack_readings
from sorter.settings.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Task:
    """What is rehearsed, and on what."""

    journal: Path
    wanted: Wanted
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Part:
    """What one stretch of the journal says; those of stretches that follow each other add up."""

    rehearsal: Rehearsal = field(default_factory=Rehearsal)
    from_pixels: int = 0
    """Products whose color was read from their pixels again."""
    rounded: int = 0
    """Those of them whose pixels are not to the bit what voted: this machine rounds otherwise than theirs did."""

    def __add__(self, later: Part) -> Part:
        """With the stretch that follows."""
        rehearsal = self.rehearsal + later.rehearsal
        return Part(rehearsal, self.from_pixels + later.from_pixels, self.rounded + later.rounded)


def rehearse_stretch(task: Task, stretch: Stretch) -> Part:
    """Read a stretch of the journal, and judge its products.

    Raises:
        JournalError: the file cannot be read.
    """
    with Reader(task.journal) as reader:
        rows = products_of(reader, task.wanted, stretch)
        bare = [row.number for row in rows if row.product.excluded is Exclusion.NOTHING_KEPT]
        samples = samples_of(reader, bare)
    products, part = [row.product for row in rows if row.number not in samples], Part()
    if samples:
        products, part = _with_pixels_read(rows, samples)
    return replace(part, rehearsal=part.rehearsal + rehearse(products, task.recipe))


def _with_pixels_read(rows: Sequence[Numbered], samples: dict[int, bytes]) -> tuple[list[Recorded], Part]:
    """The products with what their pixels say; those with damaged pixels are only counted."""
    products: list[Recorded] = []
    damaged = rounded = 0
    for number, product in rows:
        if number not in samples:
            products.append(product)
            continue
        try:
            unpacked = unpack_samples(samples[number])
        except ValueError:
            damaged += 1
            continue
        rounded += not unpacked.is_exact
        products.append(replace(product, readings=pack_readings(read_samples(unpacked.samples))))
    excluded = {Exclusion.UNREADABLE: damaged} if damaged else {}
    return products, Part(Rehearsal(excluded=excluded), len(samples) - damaged, rounded)


def rehearse_all(task: Task, stretches: Sequence[Stretch], jobs: int) -> Part:
    """Judge the products of every stretch, with progress on standard error where a person watches.

    Args:
        task: what is rehearsed.
        stretches: of the journal, in order.
        jobs: so many processes; with one, it is this one.

    Raises:
        JournalError: the file cannot be read.
        SorterError: a process was ended from outside.
    """
    configure_threads()  # other processes inherit what it tells the numeric libraries
    total, found = sum(stretch.products for stretch in stretches), Part()
    parts = _here(task, stretches) if jobs == 1 else _elsewhere(task, stretches, jobs)
    with (
        closing(parts),
        tqdm(total=total, unit=" products", disable=None, file=sys.stderr, leave=False) as progress,
    ):
        for stretch, part in zip(stretches, parts, strict=True):
            found += part
            progress.update(stretch.products)
    return found


def _here(task: Task, stretches: Sequence[Stretch]) -> Generator[Part, None, None]:
    yield from map(partial(rehearse_stretch, task), stretches)


def _elsewhere(task: Task, stretches: Sequence[Stretch], jobs: int) -> Generator[Part, None, None]:
    pool = ProcessPoolExecutor(min(jobs, len(stretches)), multiprocessing.get_context("spawn"), _follow_parent)
    try:
        yield from pool.map(partial(rehearse_stretch, task), stretches)
    except BrokenProcessPool as error:
        remedy = "is there enough memory? --jobs 1 needs the least"
        raise SorterError(f"a process that judged products was ended from outside: {remedy}") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _follow_parent() -> None:
    """Ctrl-C is the first process's to hear, and when that is gone, however it ended, nobody waits for us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
