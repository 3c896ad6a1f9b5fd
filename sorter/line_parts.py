"""What a line at the service's desk is made of, and who listens to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sorter.line_process import LineProcess
from sorter.line_reports import Heartbeat
from sorter.live.line_recipes import LineRecipes
from sorter.live.pauses import Pauses
from sorter.outputs.command_inbox import CommandInbox
from sorter.outputs.messages import LineIdentity, Message
from sorter.outputs.mqtt import LinePublisher
from sorter.outputs.steps import NoRecorder, Recorder
from sorter.records import Decision
from sorter.settings.load import Loaded
from sorter.settings.recipe import Recipe
from sorter.settings.site import LineSettings
from sorter.shadow_desk import ShadowDesk
from sorter.trigger_desk import TriggerDesk

_NOBODY = NoRecorder()

DecisionListener = Callable[[Decision, Message], None]
HeartbeatListener = Callable[[str, Heartbeat], None]
TroubleSource = Callable[[], Mapping[str, str]]
"""What is wrong with some part now: cause of the fail-safe table to reason, in the operator's words."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who else wants to know; called in the service's own thread, and must be quick."""

    on_decision: DecisionListener = lambda _decision, _message: None
    on_heartbeat: HeartbeatListener = lambda _line, _beat: None


@dataclass(frozen=True, slots=True)
class LineParts:
    """What belongs to one line, made by the service; nothing of it has been started."""

    identity: LineIdentity
    """Who speaks on the wire."""
    settings: LineSettings
    recipes: LineRecipes
    """As the files tell them."""
    recipe_folder: Path
    """Where a command that names one looks for it."""
    shadow: Loaded[Recipe] | None
    """At the start."""
    pauses: Pauses
    """Whether it is paused: over a restart, too."""
    process: LineProcess
    publisher: LinePublisher
    commands: CommandInbox
    """What the publisher hears on the command topics."""
    shadow_desk: ShadowDesk
    """A candidate recipe beside the one in force, where there is one."""
    eye: TriggerDesk | None = None
    """The photo-eye that numbers the products; None where the line does so itself."""
    troubles: tuple[TroubleSource, ...] = ()
    """Parts beyond these that may be in trouble."""
    remember: Callable[[Recipe], None] = lambda _recipe: None
    """Keeps a recipe that is to decide, so that its decisions can be made again."""
    recorder: Recorder = _NOBODY
    """Is told what befalls the line."""
