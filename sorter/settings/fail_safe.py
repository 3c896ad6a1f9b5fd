"""The fail-safe table: what each cause does to the line, and how it clears; one row for each cause."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from sorter.settings.strict import Name, Strict


class Action(StrEnum):
    """What becomes of decisions while a cause holds; the later one is the graver one."""

    CONTINUE = "continue"
    """They are made as ever."""
    DIVERT = "divert"
    """Every product goes to the row's branch: its verdict is invalid, its reason the cause."""
    HALT = "halt"
    """Nothing can be decided; what is still seen is diverted."""


class Clearing(StrEnum):
    """What ends a row."""

    BY_ITSELF = "by_itself"
    """Its cause no longer holds."""
    BY_COMMAND = "by_command"
    """The command resume, once its cause no longer holds."""


class Row(Strict):
    """What one cause does."""

    action: Action = Action.CONTINUE
    """continue: decisions go on; divert: every product goes to the branch; halt: nothing is decided."""
    branch: Name | None = None
    """Where products go meanwhile that nobody decides, and all of them in divert; left out: the recipe's fallback for
    what is invalid."""
    stop_line: bool = False
    """Whether the state tells the line to stop."""
    degrades: bool = True
    """Whether the state is degraded while the row holds and lets decisions go on."""
    alarm: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """The alarm's words; left out: the sorter's own, which tell what was seen."""
    clears: Clearing = Clearing.BY_ITSELF
    """by_itself, or by_command: it stays until the command resume comes after its cause has ended."""
    hold_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """It stays for so long after its cause held last, so that a cause that flickers does not flutter the line."""


class BlindRow(Row):
    """What a cause does that leaves nothing to decide by: no decision is made from a picture that failed a guard."""

    action: Literal[Action.HALT] = Action.HALT
    """Only halt: there is nothing to decide by."""


class NoteRow(Row):
    """What a cause does that is told, and changes nothing by itself."""

    degrades: bool = False
    """Whether the state is degraded while the row holds and lets decisions go on."""


class PausedRow(Row):
    """What the command pause does."""

    action: Literal[Action.DIVERT, Action.HALT] = Action.DIVERT
    """divert, or halt."""


class OverloadedRow(Row):
    """What too much work for this machine does."""

    hold_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """It stays for so long after its cause held last."""
    after: Annotated[int, Field(ge=1, le=1000)] = 3
    """So many products in a row that are decided after their deadline are an overload."""


class UnknownsRow(Row):
    """What products do that no bin takes."""

    after: Annotated[int, Field(ge=1, le=1000)] = 10
    """So many unknown or ambiguous products in a row are too many; one that is routed ends it."""


class DriftRow(Row):
    """What a belt does that looks other than at the start."""

    max_delta_e: Annotated[float, Field(gt=0, le=100)] = 6.0
    """How far the belt's color may be from the one first learned since the service began (CIEDE2000)."""


class FailSafeTable(Strict):
    """One row for each cause; what is left out is as it comes. Of several that hold the gravest rules."""

    camera_lost: BlindRow = BlindRow()
    """The camera is gone, or sends nothing."""
    camera_refused: BlindRow = BlindRow()
    """The camera answers and refuses: password, stream or settings."""
    picture_stale: BlindRow = BlindRow()
    """No picture, or only old ones."""
    picture_frozen: BlindRow = BlindRow()
    """The same picture again and again."""
    picture_corrupt: BlindRow = BlindRow()
    """Damaged pictures."""
    picture_dark: BlindRow = BlindRow()
    """Too dark."""
    picture_overexposed: BlindRow = BlindRow()
    """Too bright."""
    film_ended: BlindRow = BlindRow()
    """The film or folder is at its end."""
    configuration_refused: BlindRow = BlindRow()
    """The settings do not fit the camera; only an edit helps."""
    line_process_lost: BlindRow = BlindRow()
    """The line's process died or hung, and is started again."""
    sorter_lost: BlindRow = BlindRow()
    """The service is gone; this row stands in its last will, which the broker publishes."""
    paused: PausedRow = PausedRow()
    """The command pause came."""
    overloaded: OverloadedRow = OverloadedRow()
    """This machine is too slow: products are decided too late, or most looks at the belt are missed."""
    too_many_unknowns: UnknownsRow = UnknownsRow()
    """Many unknown or ambiguous products in a row: wrong recipe, wrong products, or wrong light."""
    light_drifted: DriftRow = DriftRow()
    """The belt has another color than at the start: lamp, lens, white balance, or a dirty belt."""
    camera_degraded: Row = Row()
    """Many pictures are unfit and left out."""
    broker_lost: Row = Row()
    """No connection to the broker: nothing arrives, and the line must help itself."""
    broker_refused: Row = Row()
    """The broker refuses the sorter: password, certificate or rights."""
    client_id_taken: Row = Row()
    """Another client uses the sorter's id, and they throw each other out."""
    publish_refused: Row = Row()
    """The broker does not pass on what the sorter says."""
    unconfirmed: Row = Row()
    """The diverter does not answer decisions any more."""
    unaccounted: Row = Row()
    """The sums of products and decisions do not agree: a fault of the sorter."""
    clock_jumped: NoteRow = NoteRow()
    """The wall clock was set while the service ran."""
    clock_unsynchronized: NoteRow = NoteRow()
    """The wall clock is not kept by a time server."""
    disk_full: Row = Row()
    """The journal has no room."""
    journal_unwritable: Row = Row()
    """The journal cannot be written."""
    recipe_refused: Row = Row()
    """A changed recipe or settings file is mistaken: the last right one goes on."""
    recipe_waits: NoteRow = NoteRow()
    """A changed recipe waits until a person confirms it."""
    restart_needed: NoteRow = NoteRow()
    """The settings file was changed where only a restart of the sorter takes it up."""
    history_unwritable: Row = Row()
    """The history of recipes cannot be written, or somebody has changed it."""
    journal_damaged: NoteRow = NoteRow()
    """The journal was damaged: it was set aside, and a new one was begun."""
    triggers_unmatched: NoteRow = NoteRow()
    """Photo-eye and camera do not see the same products."""
    latency_drift: NoteRow = NoteRow()
    """By the photo-eye the pictures come later or earlier than they used to."""

    def row(self, cause: str) -> Row:
        """The row of a cause; one that the table does not know is told and changes nothing."""
        found = getattr(self, cause, None) if cause in type(self).model_fields else None
        return found if isinstance(found, Row) else NoteRow()

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Every cause with its row, in the table's order."""
        for cause in type(self).model_fields:
            yield cause, self.row(cause)
