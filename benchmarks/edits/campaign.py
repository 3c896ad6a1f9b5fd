"""The recipe is edited again and again while the sorter runs, in every way that files are written."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from benchmarks.belt import CONFIG, BenchBelt
from benchmarks.contract.broker import Mosquitto
from benchmarks.contract.journals import entries_of
from benchmarks.contract.service import LINE, TOPICS, RunningService
from benchmarks.edits.contents import Edit, plan_edits
from benchmarks.edits.verdicts import Kept, Published, gaps, hash_of, keep_up, out_of_order, strange_hashes
from benchmarks.edits.ways import Place, editable
from benchmarks.table import Limit, Table, limits_table
from benchmarks.wire import Wire
from sorter.capture.simulator.truth import Schedule
from sorter.settings.site import TimingSettings

CAUSE = "recipe_refused"
_GIVEN_UP_S = 10.0
_STAYS_S = 1.6
"""So long after a wrong edit nothing may have changed: a reload takes less."""
_TOLD_S = 0.4
"""So long after an alarm that is a new one: what it tells of has been looked at."""
_POLL_S = 0.01
_LANES = 3
_GAP_MM = 20.0
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class EditsPlan:
    """How many, and beside how many products."""

    edits: int
    rate_hz: float = 10.0
    """Products a second."""
    seed: int = 1
    within_s: float = 2.0
    """The promise: from the last byte to a decision under the recipe."""
    counts_products: bool = True
    """Whether every product of the simulator must have a decision; a machine that others starve gives up pictures."""


FULL = EditsPlan(200)
SHORT = EditsPlan(14, rate_hz=6.0, within_s=8.0, counts_products=False)
"""For machines whose times say nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one edit."""

    way: str
    kind: str
    live_s: float | None
    """From the last byte to the recipe's publication and a decision under it; None where there were none."""
    fault: str
    """Empty where all is well."""


@dataclass(frozen=True, slots=True)
class EditsResult:
    """All edits, and what the wire and the journal tell of them."""

    plan: EditsPlan
    outcomes: Sequence[Outcome]
    decisions: int
    """In the journal."""
    kept: Kept
    """How they keep up with what was drawn."""
    faults: Sequence[str]
    """Of the whole run: products without a decision, recipes that nobody wrote, and the like."""

    @property
    def live_s(self) -> Sequence[float]:
        """Of each edit that went live."""
        return [one.live_s for one in self.outcomes if one.live_s is not None]

    @property
    def wrong(self) -> int:
        """Edits with a fault."""
        return sum(bool(one.fault) for one in self.outcomes)

    @property
    def limits(self) -> Sequence[Limit]:
        """The promises."""
        return (
            Limit("edits not taken or not refused as they must be", self.wrong, 1, ""),
            Limit("slowest edit to be live", max(self.live_s, default=_GIVEN_UP_S), self.plan.within_s, "s"),
            Limit("faults of the whole run", len(self.faults), 1, ""),
        )

    @property
    def failed(self) -> bool:
        """Whether a promise was broken."""
        return not all(limit.holds for limit in self.limits)

    def tables(self) -> Iterator[Table]:
        """For people."""
        names = list(dict.fromkeys(one.way for one in self.outcomes))
        rows = [_row(name, [one for one in self.outcomes if one.way == name]) for name in sorted(names)]
        columns = ("way", "edits", "live", "median s", "slowest s", "refused", "wrong")
        yield Table(f"edits of a running recipe (seed {self.plan.seed})", columns, [*rows, _row("all", self.outcomes)])
        figures = [
            ("decisions in the journal, their numbers without a gap", str(self.decisions)),
            ("products a second", f"{self.kept.products_per_s:.1f}"),
            ("products of the simulator without a decision", f"{abs(self.kept.missed):.1f}"),
        ]
        yield Table("products", ("what", "is"), figures)
        faults = [f"{one.way}, {one.kind}: {one.fault}" for one in self.outcomes if one.fault] + list(self.faults)
        if faults:
            yield Table("what may not be", ("edit and fault",), [(fault,) for fault in faults[:_SHOWN]])
        yield limits_table(self.limits)


def _row(name: str, outcomes: Sequence[Outcome]) -> Sequence[str]:
    live_s = [one.live_s for one in outcomes if one.live_s is not None]
    times = (f"{statistics.median(live_s):.2f}", f"{max(live_s):.2f}") if live_s else ("-", "-")
    refused = sum(one.kind != "valid" and not one.fault for one in outcomes)
    wrong = sum(bool(one.fault) for one in outcomes)
    return name, str(len(outcomes)), str(len(live_s)), *times, str(refused), str(wrong)


def busy_belt(rate_hz: float) -> BenchBelt:
    """The belt of ``config/sorter.yaml``, drawn small, with so many products a second on three lanes."""
    belt = BenchBelt.of_config()
    pitch_mm = statistics.mean(one.length_mm for one in belt.source.products) + 1.5 * _GAP_MM
    speed = rate_hz * pitch_mm / _LANES
    drawn = belt.with_source(
        realtime=True, lanes=_LANES, gap_mm=_GAP_MM, width_px=480, height_px=270, mm_per_px=1, belt_speed_mm_per_s=speed
    )
    timing = TimingSettings.model_validate(drawn.line.timing.model_dump() | {"belt_speed_mm_per_s": speed})
    changes = {"region": None, "name": LINE, "timing": timing}
    return BenchBelt(drawn.line.model_copy(update=changes), drawn.source, drawn.recipe)


def measure_edits(plan: EditsPlan) -> EditsResult:
    """Start the service, edit its recipe, and judge.

    Raises:
        SorterError: the service ended or does not decide, or mosquitto is not installed.
    """
    belt = busy_belt(plan.rate_hz)
    shipped = CONFIG / "recipes" / "demo.yaml"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place, ways = stack.enter_context(editable("recipe.yaml", shipped.read_bytes()))
        edits = plan_edits(plan.seed, plan.edits, ways, belt.line, shipped)
        broker = stack.enter_context(Mosquitto())
        topics = [f"{TOPICS.of_line}/{leaf}" for leaf in ("recipe", "decision", "alarm")]
        wire = stack.enter_context(Wire(broker.address, *topics))
        line = belt.line.model_copy(update={"recipe": str(place.path)})
        service = RunningService(folder, broker.address, line)
        _let_go_live(folder / "sorter.yaml")
        with service:
            run = _Run(plan, service, wire, place, belt.recipe.identity.hash)
            outcomes = run.make(edits)
        known = {belt.recipe.identity.hash, *(one.hash for one in edits if one.hash)}
        return run.judge(outcomes, known, Schedule(belt.source, belt.degrees))


def _let_go_live(settings: Path) -> None:
    """No edit waits for a person: that is another test's."""
    document = yaml.safe_load(settings.read_text("utf-8"))
    document["recipes"] = {"confirm": {"removed_bins": False, "rerouted_share": None}}
    settings.write_text(yaml.safe_dump(document), encoding="utf-8")


class _Run:
    """A running service whose recipe is edited."""

    def __init__(self, plan: EditsPlan, service: RunningService, wire: Wire, place: Place, first: str) -> None:
        self._plan = plan
        self._service = service
        self._wire = wire
        self._place = place
        self._in_force = first

    def make(self, edits: Sequence[Edit]) -> list[Outcome]:
        """One after the other, each to its end."""
        self._service.wait_for("it decides", lambda: len(self._decided()) >= 2 * _LANES)
        return [self._make(edit) for edit in tqdm(edits, "edits", unit=" edits", leave=False, disable=None)]

    def judge(self, outcomes: Sequence[Outcome], known: set[str], schedule: Schedule) -> EditsResult:
        """All that the journal has and the wire saw, once the service has ended."""
        decided = sorted((one.message for one in entries_of(self._service.journal)), key=lambda one: int(one["seq"]))
        published = self._published()
        kept = keep_up(decided, schedule)
        faults = [f"a recipe that nobody wrote whole: {one}" for one in strange_hashes(published, decided, known)]
        faults += [f"the number {one} has no decision, or two" for one in gaps(decided)]
        faults += out_of_order(published, decided)
        faults += _unlike(self._decided(), decided)
        if self._plan.counts_products and not kept.all:
            faults.append(f"about {kept.missed:.1f} products have no decision")
        faults += ["a traceback in the log"] * ("Traceback" in self._service.log)
        return EditsResult(self._plan, outcomes, len(decided), kept, faults)

    def _make(self, edit: Edit) -> Outcome:
        was_refused, began = self._refusal() is not None, len(self._wire.everything)
        edit.way.write(self._place, edit.content)
        written_s = time.monotonic()
        if edit.is_valid:
            return self._valid(edit, began, written_s)
        fault = self._refused(edit, written_s, was_refused=was_refused)
        return Outcome(edit.way.name, edit.kind, None, fault)

    def _valid(self, edit: Edit, began: int, written_s: float) -> Outcome:
        """It must be live in time, and an alarm of before be over."""
        live_s, within_s = None, self._plan.within_s
        while live_s is None and time.monotonic() < written_s + _GIVEN_UP_S:
            time.sleep(_POLL_S)
            live_s = self._live_s(str(edit.hash), began)
        after_s = None if live_s is None else live_s - written_s
        fault = "" if after_s is not None and after_s <= within_s else f"not live in {within_s:g} s"
        if after_s is not None:
            self._in_force = str(edit.hash)
            if not self._until(written_s + within_s, lambda: self._refusal() is None):
                fault = fault or "the alarm of the edit before is not over"
        return Outcome(edit.way.name, edit.kind, after_s, fault)

    def _refused(self, edit: Edit, written_s: float, *, was_refused: bool) -> str:
        """It must be told of in time, with its place, and change nothing; what is wrong with that."""
        within_s = self._plan.within_s
        if not self._until(written_s + within_s, lambda: self._refusal() is not None):
            return f"no alarm in {within_s:g} s"
        said = str(self._refusal())
        time.sleep(max(0.0, written_s + _STAYS_S - time.monotonic()) if was_refused else _TOLD_S)
        now = self._published()[-1].hash
        if now != self._in_force:
            return f"{now} is in force, and should not be"
        # An alarm that is raised already is not raised again for another mistake.
        return "" if was_refused or edit.said in said else f"the alarm says {said!r:.160}, not {edit.said!r:.160}"

    def _live_s(self, wanted: str, began: int) -> float | None:
        """When the recipe was published and a product decided under it; None where that is not so."""
        news = self._wire.everything[began:]
        told = [one.at_s for one in news if one.leaf == "recipe" and one.content["hash"] == wanted]
        decided = [one.at_s for one in news if one.leaf == "decision" and hash_of(one.content) == wanted]
        return max(told[0], decided[0]) if told and decided else None

    def _until(self, end_s: float, true: Any) -> bool:
        while not true():
            if time.monotonic() > end_s:
                return False
            time.sleep(_POLL_S)
        return True

    def _refusal(self) -> str | None:
        """The words of the alarm that is raised; None where none is."""
        told = [one.content for one in self._wire.on(LINE, "alarm") if one.content["cause"] == CAUSE]
        return str(told[-1]["reason"]) if told and told[-1]["raised"] else None

    def _decided(self) -> list[Mapping[str, Any]]:
        return [one.content for one in self._wire.on(LINE, "decision")]

    def _published(self) -> list[Published]:
        offset_s = time.time() - time.monotonic()
        return [Published(one.content["hash"], one.at_s + offset_s) for one in self._wire.on(LINE, "recipe")]


def _unlike(on_wire: Sequence[Mapping[str, Any]], written: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Decisions that the wire saw and the journal has not, or has otherwise."""
    by_number = {int(one["seq"]): hash_of(one) for one in written}
    for one in on_wire:
        if by_number.get(int(one["seq"])) != hash_of(one):
            yield f"decision {one['seq']} is not in the journal as it was on the wire"
