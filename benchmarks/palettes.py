"""Palettes a second over a folder of JPEGs: this command's engines, Pylette's batch, the seeds' way, bare decoding."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.palette_ways import WAYS, quiet, run
from benchmarks.peers.process import PeerError
from benchmarks.peers.venv import peers_python
from benchmarks.photos import make_photos
from benchmarks.ray_cluster import ray_cluster
from benchmarks.table import Limit, Table, limits_table
from sorter.archive.cluster import daft_engine
from sorter.archive.job import Engine, Job, run_job
from sorter.archive.row import Row, Wish
from sorter.archive.workers import Workers
from sorter.errors import SorterError

_OURS = "palette --out, local engine"
_BARE, _WHOLE, _SEEDS = WAYS
_TIMES_SEEDS, _OF_BARE = 10.0, 0.7
_WARM = 16
_PEER = Path(__file__).with_name("peers") / "batch.py"
_WISH = Wish(4, None)


@dataclass(frozen=True, slots=True)
class PalettesPlan:
    """How much to do."""

    pictures: int
    few: int
    """Of them, for the slow ways."""
    rounds: int


FULL = PalettesPlan(pictures=480, few=64, rounds=3)
SHORT = PalettesPlan(pictures=24, few=8, rounds=1)


@dataclass(frozen=True, slots=True)
class WayRate:
    """One way of doing it."""

    way: str
    pictures: int
    rate: float
    """Pictures a second, the median of all rounds."""
    remark: str

    def row(self) -> Sequence[str]:
        """For the table."""
        return self.way, f"{self.pictures}", f"{self.rate:.1f}", self.remark


@dataclass(frozen=True, slots=True)
class PalettesResult:
    """All of them."""

    processes: int
    megabytes: float
    ways: Sequence[WayRate]
    limits: Sequence[Limit]

    @property
    def failed(self) -> bool:
        """Whether a promise is not kept."""
        return not all(limit.holds for limit in self.limits)

    def tables(self) -> Iterator[Table]:
        """For people."""
        title = f"palettes of JPEGs of 1 to 3 megapixels ({self.megabytes:.2f} MB each), {self.processes} processes"
        yield Table(title, ("way", "pictures", "pictures/s", "remark"), [way.row() for way in self.ways])
        yield limits_table(self.limits)


def measure_palettes(plan: PalettesPlan, data: Path, *, peers: bool) -> PalettesResult:
    """Time every way on the same files with the same number of processes, the fast ones in turn."""
    processes = min(2, len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "photos")
        folder.mkdir()
        paths = make_photos(folder, plan.pictures, data)
        ways = [*_in_turn(plan, folder, paths, processes), *_on_daft(plan, folder, processes)]
        if peers:
            ways.append(_pylette(plan, folder, processes))
        megabytes = sum(path.stat().st_size for path in paths) / len(paths) / 1e6
    return PalettesResult(processes, megabytes, ways, _limits({way.way: way.rate for way in ways}))


def _limits(rates: dict[str, float]) -> Sequence[Limit]:
    return (
        Limit("times the seeds' way", rates[_OURS] / rates[_SEEDS], _TIMES_SEEDS, "", at_least=True),
        Limit("of bare reduced-size decoding", rates[_OURS] / rates[_BARE], _OF_BARE, "", at_least=True),
    )


def _in_turn(plan: PalettesPlan, folder: Path, paths: list[Path], processes: int) -> list[WayRate]:
    """Processes are up and have done a few pictures before the clock starts."""
    rates: dict[str, list[float]] = {way: [] for way in (_OURS, *WAYS)}
    with Workers(processes, _WISH, _fail) as workers, _pool(processes) as pool:
        list(workers.rows(map(str, paths[:_WARM]), lambda: False))
        for way in WAYS:
            run(pool, way, paths[:_WARM])
        for _ in range(plan.rounds):
            rates[_OURS].append(_job_rate(workers.rows, folder, plan.pictures))
            for way in WAYS:
                some = paths[: plan.few] if way == _SEEDS else paths
                rates[way].append(_rate(lambda way=way, some=some: run(pool, way, some), len(some)))
    remarks = {_OURS: "to the finished table; processes were up", _BARE: "no palette", _WHOLE: "no palette"}
    counts = {_SEEDS: plan.few}
    return [
        WayRate(way, counts.get(way, plan.pictures), median(found), remarks.get(way, "RGB, no table"))
        for way, found in rates.items()
    ]


@contextmanager
def _pool(processes: int) -> Iterator[multiprocessing.pool.Pool]:
    with multiprocessing.get_context("spawn").Pool(processes, initializer=quiet) as pool:
        yield pool


def _on_daft(plan: PalettesPlan, folder: Path, processes: int) -> Iterator[WayRate]:
    """In processes of their own, as Daft has one runner in a process."""
    remark = "to the finished table; with the start of its processes"
    asked = (folder, plan.pictures, processes)
    yield WayRate("palette --out --engine daft", plan.pictures, _apart(*asked, None), remark)
    with ray_cluster() as address:
        rate = _apart(*asked, address)
    yield WayRate("palette --out --engine daft --ray-address, 2 nodes of one core", plan.pictures, rate, remark)


def _apart(*asked: object) -> float:
    pool = multiprocessing.get_context("spawn").Pool(1)
    try:
        return pool.apply(_daft_rate, asked)
    finally:
        pool.close()  # and not by a signal, which Ray would complain about
        pool.join()


def _daft_rate(folder: Path, pictures: int, processes: int, ray_address: str | None) -> float:
    return _job_rate(daft_engine(_WISH, processes, ray_address), folder, pictures)


def _job_rate(engine: Engine, folder: Path, pictures: int) -> float:
    """Of the whole job: listing, rows, parts, table."""
    out = folder.parent / "palettes.parquet"
    return _rate(lambda: run_job(Job((str(folder),), _WISH, out), engine, _NoWatcher(), lambda: False), pictures)


def _rate(work: Callable[[], object], pictures: int) -> float:
    began_s = time.perf_counter()
    work()
    return pictures / (time.perf_counter() - began_s)


def _pylette(plan: PalettesPlan, folder: Path, processes: int) -> WayRate:
    command = [str(peers_python()), str(_PEER), str(folder), str(processes), str(plan.few)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise PeerError(f"Pylette's batch failed: {(done.stderr.strip().splitlines() or ['no word of why'])[-1]}")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return WayRate(
        "Pylette, batch_extract_colors", told["palettes"], told["palettes"] / told["seconds"], "threads; as it comes"
    )


def _fail(sentence: str) -> None:
    raise SorterError(sentence)


class _NoWatcher:
    """Nobody looks on."""

    def listed(self) -> None:
        """One more picture."""

    def begins(self, total: int, done: int) -> None:
        """So many."""

    def finished(self, row: Row) -> None:
        """One more row."""
        if row.error is not None:
            raise SorterError(row.error)
