"""``replay``: a product decided again from what the journal keeps of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sorter.commands.journal_place import journal_of
from sorter.commands.screen import printable, say, say_json
from sorter.decision import read_samples
from sorter.errors import JournalError
from sorter.evidence import unpack_samples
from sorter.line import configure_threads
from sorter.outputs.journal.reading import Reader, Wanted
from sorter.outputs.journal.recorded import readings_of
from sorter.outputs.messages import Message, dumps
from sorter.readings import unpack_readings
from sorter.records import ColorReading, RecipeId, Verdict
from sorter.replay import Difference, compared_fields, decided_again, differences_of_readings, recipe_of
from sorter.settings.load import load_recipe
from sorter.settings.recipe import Recipe

_DIFFERENT_EXIT_CODE = 1
_TOLD = ("verdict", "bin", "branch", "reason", "delta_e", "margin", "stability")
"""What is told of the decision that another recipe would make."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the journal keeps of a product's color."""

    source: str | None
    """``pixels`` or ``readings``; None where neither is kept, or there never were any."""
    readings: tuple[ColorReading, ...] = ()
    remarks: tuple[str, ...] = ()
    """What makes them less than what voted then."""
    agree: bool = True
    """Whether the readings that were kept are those that the pixels give."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of deciding again."""

    message: Message
    """The decision as it went on the wire."""
    source: str | None
    compared: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    remarks: tuple[str, ...] = ()
    """What could not be compared, and why."""
    is_replayable: bool = True
    agrees: bool = True
    other: RecipeId | None = None
    """The recipe that was asked for with ``--recipe``."""
    would_be: dict[str, Any] = field(default_factory=dict)
    """What that would say."""
    would_change: tuple[Difference, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether all that could be compared is as it was, and that was all there is."""
        return self.is_replayable and self.agrees and not self.differences

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        facts = {
            "decision_id": self.message["decision_id"],
            "equal": self.is_equal,
            "replayable": self.is_replayable,
            "decided_from": self.source,
            "recipe": self.message["recipe"],
            "compared": list(self.compared),
            "differences": [asdict(one) for one in self.differences],
            "remarks": list(self.remarks),
        }
        if self.other is None:
            return facts
        changes = [asdict(one) for one in self.would_change]
        return facts | {"other": {"recipe": asdict(self.other), "says": self.would_be, "differences": changes}}


def execute(options: argparse.Namespace) -> int:
    """Decide again; 1 where something differs, or it cannot be told."""
    configure_threads()
    other = None if options.recipe is None else load_recipe(options.recipe).value
    with Reader(journal_of(options)) as reader:
        message = _message(reader, options.id)
        replay = _replay(reader, message, other)
    if options.json:
        say_json(dumps(replay.as_dict()))
    else:
        for line in _lines(replay):
            say(line)
    return 0 if replay.is_equal else _DIFFERENT_EXIT_CODE


def _message(reader: Reader, decision_id: str) -> Message:
    found = list(reader.entries(Wanted(decision_id=decision_id, last=1)))
    if not found:
        raise JournalError(f"{decision_id}: the journal has no such decision: journal list shows what it has")
    return found[0].message


def _replay(reader: Reader, message: Message, other: Recipe | None) -> Replay:
    kept = _kept(reader, message["decision_id"])
    remarks = [*kept.remarks, *_left_out(message)]
    recipe, why_not = _recipe(reader, message)
    if message["frames_used"] and not kept.readings:
        why_not.append("neither its pixels nor what was read of them is kept, or not any more")
    replay = Replay(message, kept.source, remarks=(*why_not, *remarks), is_replayable=not why_not, agrees=kept.agree)
    if recipe is not None and not why_not:
        differing = tuple(differences_of_readings(message, kept.readings, recipe))
        replay = replace(replay, compared=compared_fields(message), differences=differing)
    if other is not None and kept.readings:
        again = decided_again(message, kept.readings, other)
        fields = [name for name in _TOLD if name in compared_fields(message)]
        changes = tuple(differences_of_readings(message, kept.readings, other))
        replay = replace(
            replay, other=other.identity, would_be={name: again[name] for name in fields}, would_change=changes
        )
    return replay


def _recipe(reader: Reader, message: Message) -> tuple[Recipe | None, list[str]]:
    """The recipe of then, or why it is not to be had."""
    identity = RecipeId(**message["recipe"])
    meaning = reader.recipe_meaning(identity.hash)
    if meaning is None:
        return None, [f"its recipe {identity.hash} is not kept in the journal"]
    try:
        return recipe_of(meaning, identity), []
    except ValueError:
        return None, [f"its recipe {identity.hash} is kept, but this version of the sorter does not understand it"]


def _kept(reader: Reader, decision_id: str) -> Kept:
    """What voted, read from the pixels where they are kept, else as it was read then."""
    read_then, remarks = _read_then(reader, decision_id)
    packed = reader.pixels(decision_id).samples
    if packed:
        try:
            unpacked = unpack_samples(packed)
        except ValueError:
            remarks.append("its pixels are damaged, or of a newer version of the sorter")
        else:
            return _from_pixels(tuple(read_samples(unpacked.samples)), read_then, remarks, exact=unpacked.is_exact)
    elif read_then:
        remarks.append("its pixels are not kept: it was decided again from what was read of them then")
    return Kept("readings" if read_then else None, read_then, tuple(remarks))


def _read_then(reader: Reader, decision_id: str) -> tuple[tuple[ColorReading, ...], list[str]]:
    packed = readings_of(reader, decision_id)
    try:
        return (unpack_readings(packed) if packed else ()), []
    except ValueError:
        return (), ["its readings are damaged, or of a newer version of the sorter"]


def _from_pixels(
    read_now: tuple[ColorReading, ...], read_then: tuple[ColorReading, ...], remarks: Sequence[str], *, exact: bool
) -> Kept:
    told = list(remarks)
    if not exact:
        told.append("its pixels are not to the bit what voted: this machine rounds otherwise than that of then")
    agree = not read_then or read_then == read_now
    if not agree:
        told.append("what is read of its pixels now is not what was read of them then")
    return Kept("pixels", read_now, tuple(told), agree)


def _left_out(message: Message) -> Iterator[str]:
    """What its color did not decide."""
    if "bin" not in compared_fields(message):
        yield f"{message['reason']} of the fail-safe table spoke for it: its verdict and branch are not compared"
    elif message["verdict"] == Verdict.LATE:
        yield "it was late: its verdict and branch are not compared"
    elif message["verdict"] == Verdict.INVALID:
        yield "it was invalid: its verdict and branch are not compared"


def _lines(replay: Replay) -> Iterator[str]:
    recipe = RecipeId(**replay.message["recipe"])
    yield f"{printable(replay.message['decision_id'])}, decided under {_named(recipe)}"
    if not replay.is_replayable:
        yield "it cannot be decided again"
    elif replay.is_equal:
        yield f"equal: {', '.join(replay.compared)}"
    else:
        yield "different"
    yield from (f"  {printable(str(one))}" for one in replay.differences)
    yield from (f"  {printable(one)}" for one in replay.remarks)
    if replay.other is None:
        return
    says = ", ".join(f"{name} {'-' if value is None else value}" for name, value in replay.would_be.items())
    yield f"{_named(replay.other)} would say: {printable(says)}"
    yield from (f"  {printable(str(one))}" for one in replay.would_change)
    if not replay.would_change:
        yield "  nothing would be otherwise"


def _named(recipe: RecipeId) -> str:
    return f"{printable(recipe.name)}, revision {recipe.revision} ({recipe.hash})"
