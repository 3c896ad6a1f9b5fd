"""Ten thousand spoiled recipe files: each is refused in plain words, or means what stands in it."""

from __future__ import annotations

import logging
import random
import resource
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from benchmarks.belt import CONFIG
from benchmarks.edits.judging import Judged, judge
from benchmarks.edits.mutations import chosen, mutated
from benchmarks.edits.untouched import WatchedLine
from benchmarks.table import Limit, Table, limits_table

LONGEST_S = 1.0
"""Of processor time, to load one file."""
MOST_MB = 200.0
"""By which the process may grow meanwhile, at its largest."""
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class MutationsPlan:
    """How many, and which."""

    count: int
    seed: int = 1
    watch_every: int = 1
    """Each of so many is put before a running line, too."""


FULL = MutationsPlan(10_000)
SHORT = MutationsPlan(300, watch_every=10)


@dataclass(frozen=True, slots=True)
class MutationsResult:
    """What became of them."""

    count: int
    seed: int
    accepted: int
    untouched: int
    """Of the accepted: recipes that mean what they meant before, since a comment or the order was spoiled."""
    taught: int
    """Of the accepted: where bins were taught into the file; the rest was refused in a sentence."""
    slowest_s: float
    grown_mb: float
    by_mutation: Mapping[str, tuple[int, int]]
    """How many files each was done to, and how many of these were accepted."""
    faults: Sequence[str]
    """What may not be, each with the number of its file."""

    @property
    def failed(self) -> bool:
        """Whether a promise was broken."""
        return bool(self.faults) or not all(limit.holds for limit in self.limits)

    @property
    def limits(self) -> Sequence[Limit]:
        """The promises."""
        return (
            Limit("files that raise, lie or are told of badly", len(self.faults), 1, ""),
            Limit("slowest file, processor time", self.slowest_s, LONGEST_S, "s"),
            Limit("growth of the process", self.grown_mb, MOST_MB, "MB"),
        )

    def tables(self) -> Iterator[Table]:
        """For people."""
        rows = [
            ("refused, each mistake with its place, the running recipe untouched", str(self.count - self.accepted)),
            ("accepted, and say what stands in them", str(self.accepted)),
            ("  of them meaning the same as before", str(self.untouched)),
            ("  of them taught: comments kept, read back as meant", str(self.taught)),
            ("  of them not to be taught, told in a sentence", str(self.accepted - self.taught)),
        ]
        yield Table(f"{self.count} spoiled recipes (seed {self.seed})", ("what", "files"), rows)
        kinds = [(name, str(times), str(accepted)) for name, (times, accepted) in sorted(self.by_mutation.items())]
        yield Table("by what was done to them", ("mutation", "files", "accepted"), kinds)
        if self.faults:
            yield Table("what may not be", ("file and fault",), [(fault,) for fault in self.faults[:_SHOWN]])
        yield limits_table(self.limits)


def shipped_recipes() -> Sequence[bytes]:
    """The recipes that come with the sorter."""
    folders = (CONFIG / "recipes", CONFIG / "examples" / "recipes")
    return [path.read_bytes() for folder in folders for path in sorted(folder.glob("*.yaml"))]


def measure_mutations(plan: MutationsPlan) -> MutationsResult:
    """Spoil so many, load them, teach into those that are accepted, and put each before a line that runs."""
    recipes = shipped_recipes()
    tally = _Tally()
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "recipe.yaml"
        lines = [stack.enter_context(WatchedLine(_folder(path, at), data)) for at, data in enumerate(recipes)]
        hashes = [judge(path, data, longest_s=LONGEST_S).meaning for data in recipes]
        for number in tqdm(range(plan.count), "mutations", unit=" files", leave=False, disable=None):
            chance = random.Random(f"{plan.seed}/{number}")  # noqa: S311  # no secret
            which = chance.randrange(len(recipes))
            steps = chosen(chance)
            spoiled = mutated(chance, recipes[which], steps)
            judged = judge(path, spoiled, longest_s=LONGEST_S, teach=True)
            watched = lines[which].faults(spoiled) if number % plan.watch_every == 0 else []
            faults = (*judged.faults, *watched)
            tally.add(number, [step.__name__ for step in steps], replace(judged, faults=faults), hashes[which])
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    return tally.result(plan, grown_mb)


@contextmanager
def _quiet() -> Iterator[None]:
    """The line says in the log what it refuses, thousands of times."""
    log = logging.getLogger("sorter.live")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _folder(beside: Path, number: int) -> Path:
    folder = beside.with_name(f"line-{number}")
    folder.mkdir()
    return folder


class _Tally:
    def __init__(self) -> None:
        self._accepted = self._untouched = self._taught = 0
        self._slowest_s = 0.0
        self._files: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()
        self._faults: list[str] = []

    def add(self, number: int, names: Sequence[str], judged: Judged, meant: str | None) -> None:
        """One file."""
        self._files.update(set(names))
        self._slowest_s = max(self._slowest_s, judged.took_s)
        self._faults += [f"{number} ({', '.join(names)}): {fault}" for fault in judged.faults]
        if judged.recipe is not None:
            self._passed.update(set(names))
            self._accepted += 1
            self._untouched += judged.meaning == meant
            self._taught += judged.taught

    def result(self, plan: MutationsPlan, grown_mb: float) -> MutationsResult:
        """All of them."""
        return MutationsResult(
            count=plan.count,
            seed=plan.seed,
            accepted=self._accepted,
            untouched=self._untouched,
            taught=self._taught,
            slowest_s=self._slowest_s,
            grown_mb=grown_mb,
            by_mutation={name: (times, self._passed[name]) for name, times in self._files.items()},
            faults=self._faults,
        )
