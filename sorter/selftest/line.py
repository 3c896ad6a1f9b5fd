"""A configured line made fit for the self-test: its own rows, branches and recipe over a simulated belt."""

from __future__ import annotations

import json
from pathlib import Path

from sorter.color.bins import bin_colors
from sorter.color.lab import lab_to_hex
from sorter.demo.broker import Broker
from sorter.settings.fail_safe import FailSafeTable
from sorter.settings.journal import JournalSettings
from sorter.settings.load import Loaded, Project
from sorter.settings.recipe import Recipe
from sorter.settings.recipes import RecipesSettings
from sorter.settings.site import (
    BeltSettings,
    GuardSettings,
    LineSettings,
    MetricsSettings,
    MqttSettings,
    SimulatedProduct,
    SimulatorSource,
    SiteSettings,
    VisionTrigger,
)

LONGEST_HOLD_S = 1.0
_PX_PER_S = 250.0
_PRODUCT_PX = 40
_GUARDS = GuardSettings(max_gap_s=0.5, frozen_s=0.6)


WRONG_RECIPE = "self-test: the wrong recipe"


def testable(project: Project, index: int, broker: Broker, folder: Path) -> Project:
    """The project with this line alone, on a simulated belt and the self-test's broker.

    Name, branches, timing, recipe and fail-safe table are the line's own; a row's ``hold_s`` is cut to a second, and
    the guards are told to be quick, since everything is waited for.

    Args:
        project: as the operator has it.
        index: of the line.
        broker: running.
        folder: empty; a copy of the line's recipe is written there, and a recipe that no product fits.
    """
    site = project.site.value
    settings = site.lines[index]
    recipe = project.recipes[settings.name]
    line = _simulated(settings, recipe.value)
    mqtt = MqttSettings(host=broker.host, port=broker.port, protocol=broker.protocol, base_topic=site.mqtt.base_topic)
    own = {
        "mqtt": mqtt,
        "metrics": MetricsSettings(port=0),
        "journal": JournalSettings(path=str(folder / "journal")),
        "recipes": RecipesSettings(reload=False, history=str(folder / "recipes.jsonl")),
    }
    changed: SiteSettings = site.model_copy(update={"lines": (line,), **own})
    loaded = Loaded(project.site.path, changed, project.site.document)
    path = _write_recipes(recipe.value, folder)
    return Project(loaded, {settings.name: Loaded(path, recipe.value, recipe.document)}, {})


def _write_recipes(recipe: Recipe, folder: Path) -> Path:
    own = recipe.model_dump(mode="json", exclude_unset=True)
    bins = [{**one, "tolerance": 0.01} for one in own["bins"]]
    for one in bins:
        one.pop("exposure_range", None)
    wrong = own | {"name": WRONG_RECIPE, "bins": bins}
    (folder / "wrong.yaml").write_text(json.dumps(wrong), "utf-8")
    path = folder / "own.yaml"
    path.write_text(json.dumps(own, ensure_ascii=False), "utf-8")
    return path


def _simulated(settings: LineSettings, recipe: Recipe) -> LineSettings:
    speed = settings.timing.belt_speed_mm_per_s
    mm_per_px = speed / _PX_PER_S
    size_mm = _PRODUCT_PX * mm_per_px
    products = tuple(
        SimulatedProduct(name=one.name, hex=lab_to_hex(bin_colors(one)[0]), length_mm=size_mm, width_mm=size_mm)
        for one in recipe.bins[:16]
    )
    source = SimulatorSource(
        kind="simulator",
        width_px=320,
        height_px=180,
        mm_per_px=mm_per_px,
        belt_speed_mm_per_s=speed,
        gap_mm=30 * mm_per_px,
        lead_in_s=0.4,
        products=products,
    )
    changes = {
        "source": source,
        "guards": _GUARDS,
        "region": None,
        "belt": BeltSettings(direction="right", learn_s=0.3),
        "product": settings.product.model_copy(
            update={"min_length_px": 16.0, "max_length_px": None, "max_width_px": None}
        ),
        "trigger": VisionTrigger(kind="vision"),
        "fail_safe": _quick(settings.fail_safe),
        "confirmation": None,  # nobody diverts here
    }
    changed: LineSettings = settings.model_copy(update=changes)
    return changed


def _quick(table: FailSafeTable) -> FailSafeTable:
    rows = {cause: row.model_copy(update={"hold_s": min(row.hold_s, LONGEST_HOLD_S)}) for cause, row in table.rows()}
    quick: FailSafeTable = table.model_copy(update=rows)
    return quick
