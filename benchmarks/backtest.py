"""How long a recipe takes to be rehearsed on a large journal, by the command as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from benchmarks.belt import CONFIG, ROOT, BenchBelt
from benchmarks.machine import Machine
from benchmarks.table import Limit, Table, limits_table
from benchmarks.timing import cpu_s
from sorter.backtest.recorded import Recorded
from sorter.backtest.rehearsal import rehearse
from sorter.color.bins import Bins
from sorter.decision import decide_readings
from sorter.errors import SorterError
from sorter.outputs.journal.counts import Keeping
from sorter.outputs.journal.items import Row
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.rows import row_of
from sorter.outputs.journal.store import Store
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.pipeline import open_pipeline
from sorter.readings import unpack_readings
from sorter.records import Decision
from sorter.settings.recipe import Recipe

_IDENTITY = LineIdentity("bench", "line", "0123456789abcdef0123456789abcdef", simulated=True)
_EVERY = 3  # a live line looks ten times a second
_AT_ONCE = 250
_WALL_S = 1.7e9
_TOLERANCE = 2.0
"""Narrow enough that many products change."""
_RELOAD = 200
"""Products that a reload rehearses a recipe on."""
_PASSES = 5


@dataclass(frozen=True, slots=True)
class BacktestPlan:
    """How much to rehearse on."""

    seconds: float
    """Of the simulated belt whose products are copied."""
    products: int
    sample: int
    """Products that are also decided one by one."""
    limit_s: float
    """The promise, for this many products."""


FULL = BacktestPlan(seconds=120, products=100_000, sample=1000, limit_s=60.0)
SHORT = BacktestPlan(seconds=8, products=1500, sample=50, limit_s=60.0)


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What was measured."""

    products: int
    distinct: int
    """Products that were really decided, and then copied."""
    journal_bytes: int
    changed: int
    wall_s: float
    """Of the whole command, from its start to its end."""
    one_by_one_ms: float
    """Processor time of a product that `decide_readings` judges alone."""
    together_ms: float
    """Processor time of the same product among many."""
    reload_ms: float
    """Processor time of both recipes on the products of a reload."""
    cores: int
    limits: tuple[Limit, ...]

    @property
    def products_per_s(self) -> float:
        """Of the whole command."""
        return self.products / self.wall_s

    @property
    def times_quicker(self) -> float:
        """Judging many at once, beside judging one by one; the same products, recipe and processor."""
        return self.one_by_one_ms / self.together_ms

    @property
    def failed(self) -> bool:
        """Whether a promise is not kept."""
        return not all(limit.holds for limit in self.limits)

    def tables(self) -> Iterator[Table]:
        """For people."""
        yield Table(
            "backtest: run_sorter.py backtest --recipe FILE --journal FILE --json",
            ("what", "figure"),
            [
                ("products", f"{self.products}"),
                ("of which were really decided, the others are copies", f"{self.distinct}"),
                ("journal, MB", f"{self.journal_bytes / 1e6:.0f}"),
                ("processor cores", f"{self.cores}"),
                ("changed", f"{self.changed}"),
                ("seconds", f"{self.wall_s:.1f}"),
                ("products per second", f"{self.products_per_s:.0f}"),
            ],
        )
        yield Table(
            "backtest: judging alone, processor time on one core",
            ("what", "ms"),
            [
                ("a product, one by one", f"{self.one_by_one_ms:.3f}"),
                ("a product among many", f"{self.together_ms:.3f}"),
                (f"a reload: two recipes on {_RELOAD} products", f"{self.reload_ms:.1f}"),
            ],
        )
        yield Table("backtest: ratio", ("what", "times"), [("quicker than one by one", f"{self.times_quicker:.1f}")])
        yield limits_table(self.limits)


def measure_backtest(plan: BacktestPlan) -> BacktestResult:
    """Decide a simulated belt, fill a journal with its products, and rehearse a narrower recipe on it."""
    belt = BenchBelt.of_config()
    decisions = _decide(belt, plan.seconds)
    recipe = _narrower(belt.recipe)
    with tempfile.TemporaryDirectory() as folder:
        journal, recipe_file = Path(folder) / "journal.sqlite", Path(folder) / "recipe.yaml"
        _write(journal, decisions, plan.products, belt.recipe)
        recipe_file.write_text(recipe.model_dump_json(exclude_none=True), "utf-8")
        size = journal.stat().st_size
        wall_s, changed = _run(recipe_file, journal, plan.products)
    one_by_one_ms, together_ms, reload_ms = _judge(decisions, plan.sample, belt.recipe, recipe)
    return BacktestResult(
        products=plan.products,
        distinct=len(decisions),
        journal_bytes=size,
        changed=changed,
        wall_s=wall_s,
        one_by_one_ms=one_by_one_ms,
        together_ms=together_ms,
        reload_ms=reload_ms,
        cores=Machine.here().cores,
        limits=(
            Limit(f"a backtest of {plan.products} products", wall_s, plan.limit_s, "s"),
            Limit(f"a reload's, of {_RELOAD} products", reload_ms, 100.0, "ms"),
        ),
    )


def _decide(belt: BenchBelt, seconds: float) -> list[Decision]:
    frames = (frame for number, frame in enumerate(belt.frames(seconds)) if number % _EVERY == 0)
    first = next(frames)
    pipeline = open_pipeline(belt.line, belt.recipe, first, lambda frame: frame.captured_at_s, keep_evidence=True)
    decisions = pipeline.process(first)
    for frame in frames:
        decisions += pipeline.process(frame)
    kept = [one for one in decisions + pipeline.finish() if one.evidence is not None and one.evidence.readings]
    if not kept:
        raise SorterError(f"{CONFIG}: no product was decided in {seconds:g} s of its simulated belt")
    return kept


def _narrower(recipe: Recipe) -> Recipe:
    document = recipe.model_dump(mode="json", exclude_none=True)
    document["bins"] = [one | {"tolerance": _TOLERANCE} for one in document["bins"]]
    return Recipe.model_validate(document | {"revision": recipe.revision + 1})


def _write(path: Path, decisions: Sequence[Decision], products: int, recipe: Recipe) -> None:
    """Readings and messages; pixels would be gigabytes, and a backtest does not look at them."""
    store = Store(path, Limits(4_000_000_000, 1e12))
    meaning = recipe.model_dump_json(exclude={"name", "revision", "change"}, exclude_none=True)
    with tqdm(total=products, unit=" products", desc="journal", disable=None, file=sys.stderr, leave=False) as progress:
        for first in range(0, products, _AT_ONCE):
            seqs = range(first + 1, min(first + _AT_ONCE, products) + 1)
            store.write(
                [_row(decisions[seq % len(decisions)], seq) for seq in seqs], {recipe.identity.hash: meaning}.get
            )
            progress.update(len(seqs))
    store.close()


def _row(decision: Decision, seq: int) -> Row:
    message = decision_message(replace(decision, product=seq), _IDENTITY, seq, _WALL_S + seq)
    return row_of(message, decision.evidence, Keeping(samples=False, thumbnails=False))


def _run(recipe: Path, journal: Path, products: int) -> tuple[float, int]:
    """Seconds, and how many products changed."""
    command = [sys.executable, str(ROOT / "run_sorter.py"), "backtest"]
    began_s = time.perf_counter()
    done = subprocess.run(
        [*command, "--recipe", str(recipe), "--journal", str(journal), "--json"],
        stdout=subprocess.PIPE,
        check=False,
    )
    wall_s = time.perf_counter() - began_s
    if done.returncode:
        raise SorterError(f"backtest ended with {done.returncode}, not with 0")
    facts = json.loads(done.stdout)
    if facts["judged"] != products:
        raise SorterError(f"backtest judged {facts['judged']} products of {products}")
    return wall_s, int(facts["changed"])


def _judge(decisions: Sequence[Decision], sample: int, then: Recipe, recipe: Recipe) -> tuple[float, float, float]:
    """Milliseconds for a product alone, for one among many, and for the whole of a reload's rehearsal."""
    packed = [one.evidence.readings for one in decisions if one.evidence is not None]
    products = [packed[number % len(packed)] for number in range(sample)]
    recorded = [Recorded(f"b/l/{at}", "l", "unknown", None, "x", None, 0.0, one) for at, one in enumerate(products)]
    recent = (recorded * (_RELOAD // len(recorded) + 1))[:_RELOAD]
    one_by_one, together, reload = (
        min(cpu_s(action) for _ in range(_PASSES))
        for action in (
            partial(_one_by_one, products, recipe),
            partial(rehearse, recorded, recipe),
            partial(rehearse, recent, recipe, then),
        )
    )
    return one_by_one * 1e3 / sample, together * 1e3 / sample, reload * 1e3


def _one_by_one(products: Sequence[bytes], recipe: Recipe) -> None:
    bins = Bins.of(recipe)
    for packed in products:
        decide_readings(unpack_readings(packed), bins, recipe)
