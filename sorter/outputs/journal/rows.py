"""Decisions made ready for the journal. Pure."""

from __future__ import annotations

from sorter.evidence import pack_samples
from sorter.outputs.journal.counts import Keeping
from sorter.outputs.journal.items import Row
from sorter.outputs.messages import Message, dumps, wall_s
from sorter.records import Evidence
from sorter.settings.recipe import Recipe


def row_of(message: Message, evidence: Evidence | None, keeping: Keeping) -> Row:
    """A decision as it is written.

    Raises:
        ValueError: a number of the message is not finite.
    """
    samples = thumbnail = readings = None
    if evidence is not None:
        samples = pack_samples(evidence.samples) if keeping.samples and evidence.samples else None
        thumbnail = (evidence.thumbnail_jpeg or None) if keeping.thumbnails else None
        readings = (evidence.readings or None) if keeping.readings else None
    return Row(
        decision_id=message["decision_id"],
        boot_id=message["boot_id"],
        line=message["line"],
        seq=message["seq"],
        product=message["product"],
        trigger_id=message["trigger_id"],
        verdict=message["verdict"],
        bin=message["bin"],
        branch=message["branch"],
        captured_at_wall_s=wall_s(message["captured_at"]),
        decided_at_wall_s=wall_s(message["decided_at"]),
        recipe=message["recipe"]["hash"],
        message=dumps(message).decode(),
        samples=samples,
        thumbnail=thumbnail,
        readings=readings,
    )


def meaning_of(recipe: Recipe) -> str:
    """All of a recipe that decides, as JSON: also what was left out, should its default ever change."""
    return recipe.model_dump_json(exclude={"name", "revision", "change"}, exclude_none=True)
