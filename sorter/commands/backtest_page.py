"""The page of ``backtest --html``: what changes, with pictures of products."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sorter.backtest.recorded import Exclusion
from sorter.backtest.rehearsal import Move, Rehearsal
from sorter.color.bins import Bins, bin_colors
from sorter.color.lab import lab_to_hex
from sorter.decision import Outcome, decide_readings, read_samples
from sorter.errors import SorterError
from sorter.evidence import unpack_samples
from sorter.outputs.journal.reading import Pixels, Reader
from sorter.outputs.journal.recorded import message_of, readings_of
from sorter.outputs.messages import Message
from sorter.pages import render
from sorter.readings import unpack_readings
from sorter.records import ColorReading
from sorter.settings.recipe import Recipe

_MOST_PICTURED = 40
"""Moves that are shown with pictures, the most frequent first: a few kilobytes each picture."""
WORDS = {
    Exclusion.LATE: "late",
    Exclusion.DIVERTED: "sent to a safe branch by the fail-safe table",
    Exclusion.INVALID: "invalid",
    Exclusion.NOTHING_KEPT: "of which nothing is kept to judge",
    Exclusion.UNREADABLE: "with readings or pixels that cannot be read",
}
"""Why products were not compared."""
_HEX = re.compile("#[0-9a-f]{6}")


def write_page(path: Path, reader: Reader, facts: dict[str, Any], found: Rehearsal, recipe: Recipe) -> None:
    """Write the page; one that is there is replaced at the end.

    Args:
        path: the file.
        reader: the journal that the products are in.
        facts: what the command tells in JSON.
        found: what would change.
        recipe: that would change it.

    Raises:
        SorterError: it cannot be written.
    """
    judge = _Judge(reader, recipe)
    moves = [{"move": move, "products": list(judge.products(move))} for move in found.moves[:_MOST_PICTURED]]
    swatches = {one.name: lab_to_hex(bin_colors(one)[0]) for one in recipe.bins}
    page = render("backtest.html.j2", facts=facts, found=found, moves=moves, swatches=swatches, words=WORDS)
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        try:
            unfinished.write_text(page, "utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise SorterError(
            f"{path}: it cannot be written ({error.strerror}): name another file, or make room"
        ) from error


class _Judge:
    """Looks products up and judges them one by one: a page tells more of each than its verdict."""

    def __init__(self, reader: Reader, recipe: Recipe) -> None:
        self._reader, self._recipe, self._bins = reader, recipe, Bins.of(recipe)

    def products(self, move: Move) -> Iterator[dict[str, Any]]:
        """The examples of a move that are still in the journal, the newest first."""
        for decision_id in reversed(move.examples):
            message = message_of(self._reader, decision_id)
            if message is not None:
                pixels = self._reader.pixels(decision_id)
                outcome = self._outcome(decision_id, pixels)
                yield self._facts(message, outcome) | {"picture": pixels.thumbnail_jpeg}

    def _outcome(self, decision_id: str, pixels: Pixels) -> Outcome | None:
        packed = readings_of(self._reader, decision_id)
        readings: list[ColorReading] = []
        if packed:
            readings = list(unpack_readings(packed))
        elif pixels.samples:
            readings = read_samples(unpack_samples(pixels.samples).samples)
        return decide_readings(readings, self._bins, self._recipe) if readings else None

    def _facts(self, message: Message, outcome: Outcome | None) -> dict[str, Any]:
        color = str(message["hex"])
        match = None if outcome is None else outcome.ballot.match
        return {
            "id": message["decision_id"],
            "at": datetime.fromisoformat(message["decided_at"]).strftime("%Y-%m-%d %H:%M:%S UTC"),
            "hex": color if _HEX.fullmatch(color) else None,  # else it could ask for a picture from afar
            "then_delta_e": message["delta_e"],
            "then_reason": message["reason"],
            "then_recipe": message["recipe"],
            "now_delta_e": None if match is None else match.delta_e,
            "now_nearest": None if match is None else match.bin,
            "now_reason": None if outcome is None or outcome.doubt is None else outcome.doubt.value,
        }
