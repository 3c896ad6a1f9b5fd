"""Every message the code can make is what the published schemas say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sorter.capture.health import Grade
from sorter.capture.link import LinkState
from sorter.color.bins import bin_colors
from sorter.line_reports import CameraReport
from sorter.outputs.command import Code, Command, CommandName, Outcome, answer_message, command_message, parse_command
from sorter.outputs.confirm import Confirm, ConfirmOutcome, confirm_message
from sorter.outputs.conservation import DeliveryCounts
from sorter.outputs.messages import (
    Alarm,
    FailSafeFacts,
    LineIdentity,
    LineState,
    Naming,
    Synchronization,
    alarm_message,
    decision_message,
    dumps,
    recipe_message,
    state_message,
)
from sorter.outputs.shadow import (
    MOST_BYTES,
    MOST_EXAMPLES,
    Comparison,
    Example,
    Kind,
    Said,
    ShadowReport,
    shadow_message,
)
from sorter.outputs.stats import (
    BatchCounts,
    FrameCounts,
    HistoryHead,
    LatencySummary,
    LineStats,
    TriggerStats,
    stats_message,
)
from sorter.outputs.trigger import TriggerMessage, trigger_message
from sorter.records import (
    BinMatch,
    ColorReading,
    Deadline,
    Decision,
    Doubt,
    InvalidReason,
    Lab,
    Opinion,
    PaletteColor,
    RecipeId,
    RunnerUp,
    TimeBase,
    Verdict,
)
from sorter.settings.fail_safe import Action, FailSafeTable
from sorter.settings.recipe import Recipe, SortMode
from sorter.timing import Timing, diverted

FOLDER = Path(__file__).parents[2] / "config" / "schema"
WIRE = (
    "decision", "state", "recipe_in_force", "shadow", "stats", "alarm", "confirm", "trigger", "command",
    "command_answer",
)  # fmt: skip
PRODUCT_FIELDS = [
    "schema",
    "decision_id",
    "boot_id",
    "seq",
    "site",
    "line",
    "product",
    "trigger_id",
    "captured_at",
    "time_base",
    "decided_at",
    "age_ms",
    "verdict",
    "bin",
    "branch",
    "lab",
    "hex",
    "share",
    "delta_e",
    "runner_up",
    "margin",
    "spread",
    "stability",
    "palette",
    "frames_used",
    "act_after",
    "act_before",
    "recipe",
    "simulated",
    "clock",
]


def schema(name: str):
    return json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))


def hold(name: str, message) -> None:
    """The message, as a reader gets it, is what the schema says, and no field of it goes undescribed."""
    Draft202012Validator(schema(name)).validate(json.loads(dumps(message)))
    assert set(message) == set(schema(name)["properties"])


names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
amounts = st.integers(0, 10**9)
wall_s = st.floats(0, 4e9)
trigger_stats = st.builds(TriggerStats, *[amounts] * 6, st.none() | st.floats(-1e4, 1e4), st.none() | st.floats(0, 1e5))
labs = st.builds(Lab, st.floats(0, 100), st.floats(-128, 128), st.floats(-128, 128))
differences = st.floats(0, 200)
identities = st.builds(LineIdentity, names, names, names, st.booleans())
sha_256 = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
recipe_ids = st.builds(RecipeId, names, st.integers(1, 999), st.from_regex(r"[0-9a-f]{16}", fullmatch=True))
runners_up = st.builds(RunnerUp, names, differences)
matches = st.builds(BinMatch, names, names, differences, st.booleans(), st.none() | runners_up, st.integers(0, 9))
readings = st.builds(
    ColorReading,
    st.lists(st.builds(PaletteColor, labs, st.floats(0, 1)), min_size=1, max_size=6).map(tuple),
    differences,
)
clocks = st.sampled_from(Synchronization)
namings = st.just(Naming()) | st.builds(Naming, amounts, names)
deadlines = st.builds(Deadline, st.floats(-1e6, 1e6), st.floats(-1e6, 1e6) | st.just(float("inf")))


cameras = st.builds(
    CameraReport,
    st.sampled_from(LinkState).map(str),
    st.sampled_from(Grade).map(str),
    st.text(),
    st.just({}),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
    st.floats(0, 1e9),
    time_base=st.sampled_from(TimeBase).map(str),
    clock_offset_s=st.none() | st.floats(-1e9, 1e9),
)


REASONS = {
    Verdict.INVALID: st.none() | st.sampled_from(InvalidReason),
    Verdict.AMBIGUOUS: st.sampled_from(Doubt),
    Verdict.LATE: st.none() | st.sampled_from(Doubt),
}


@st.composite
def decisions(draw, verdict):
    captured_at_s = draw(st.floats(0, 1e6))
    routed = verdict is Verdict.ROUTED
    return Decision(
        product=draw(amounts),
        verdict=verdict,
        branch=draw(names),
        captured_at_s=captured_at_s,
        decided_at_s=captured_at_s + draw(st.floats(0, 60)),
        deadline=draw(deadlines),
        frames_used=draw(st.integers(0, 99)),
        recipe=draw(recipe_ids),
        reason=draw(REASONS.get(verdict, st.none())),
        stability=draw(st.none() | st.floats(0, 1)),
        match=draw(matches if routed else st.none() | matches),
        reading=draw(readings if routed else st.none() | readings),
        time_base=draw(st.sampled_from(TimeBase)),
    )


@pytest.mark.parametrize("name", WIRE)
def test_a_schema_is_valid_versioned_and_open_to_new_fields(name):
    Draft202012Validator.check_schema(schema(name))
    kind = "recipe" if name == "recipe_in_force" else name
    assert schema(name)["$id"] == f"urn:sorter:schema:{kind}:1"
    assert schema(name)["properties"]["schema"]["const"] == f"sorter.{kind}/1"
    assert schema(name)["additionalProperties"] is True


def test_the_decisions_schema_requires_every_field_of_the_contract():
    assert set(PRODUCT_FIELDS) <= set(schema("decision")["required"])


@pytest.mark.parametrize("verdict", Verdict)
def test_every_decision_the_code_can_make_is_what_the_schema_says(verdict):
    @given(st.data(), decisions(verdict), identities, amounts)
    def holds(data, decision, identity, seq):
        wall_minus_monotonic_s, naming = data.draw(wall_s), data.draw(st.none() | namings)
        clock = data.draw(clocks)
        hold("decision", decision_message(decision, identity, seq, wall_minus_monotonic_s, naming, clock=clock))

    holds()


@pytest.mark.parametrize("field", PRODUCT_FIELDS)
@given(decisions(Verdict.ROUTED), identities)
def test_a_decision_without_a_field_is_refused_by_the_schema(field, decision, identity):
    message = json.loads(dumps(decision_message(decision, identity, 1, 1.7e9)))
    del message[field]
    assert not Draft202012Validator(schema("decision")).is_valid(message)


def test_a_decision_that_names_a_bin_without_a_right_to_is_refused_by_the_schema():
    @given(decisions(Verdict.UNKNOWN), identities)
    def holds(decision, identity):
        message = decision_message(decision, identity, 1, 1.7e9) | {"bin": "red"}
        assert not Draft202012Validator(schema("decision")).is_valid(message)

    holds()


causes = st.sampled_from(sorted(FailSafeTable.model_fields))
fail_safes = st.builds(
    FailSafeFacts, causes, st.sampled_from(Action).map(str), names, st.booleans(), st.lists(causes).map(tuple)
)


@given(st.data(), st.sampled_from(LineState), st.text(), identities)
def test_every_state_is_what_the_schema_says(data, state, reason, identity):
    recipe = data.draw(st.none() | recipe_ids)
    cause, at_wall_s = data.draw(st.none() | names), data.draw(st.none() | wall_s)
    clock, fail_safe = data.draw(clocks), data.draw(st.none() | fail_safes)
    hold("state", state_message(state, reason, identity, recipe, cause, at_wall_s, fail_safe, clock=clock))


@pytest.mark.parametrize("reason", [*InvalidReason, *Doubt])
def test_the_schema_tells_of_every_reason(reason):
    assert reason.value in schema("decision")["properties"]["reason"]["description"]


limits = st.floats(0.1, 100)
tolerances = st.one_of(
    limits,
    st.builds(lambda one, other: {"delta_l": one, "delta_ab": other}, limits, limits),
    st.builds(lambda one, two, three: {"delta_l": one, "delta_a": two, "delta_b": three}, limits, limits, limits),
)
lab_lists = labs.map(lambda lab: {"lab": list(lab)})
ways = st.one_of(
    lab_lists,
    st.lists(lab_lists, min_size=1, max_size=4).map(lambda some: {"any_of": some}),
    st.lists(lab_lists, min_size=2, max_size=4).map(
        lambda some: {"all_of": [one | {"min_share": 0.2} for one in some]}
    ),
)
written_bins = st.lists(
    st.tuples(names, ways, tolerances, st.floats(1, 16)), min_size=1, max_size=5, unique_by=lambda one: one[0]
)


@given(written_bins, st.sampled_from(SortMode), st.floats(0, 1), identities)
def test_every_recipe_in_force_is_what_the_schema_says(bins, sort_mode, min_stability, identity):
    recipe = Recipe.model_validate(
        {
            "name": "any",
            "sort_mode": sort_mode,
            "min_stability": min_stability,
            "bins": [
                {"name": name, "tolerance": tolerance, "exposure_range": exposure, "branch": "left"} | way
                for name, way, tolerance, exposure in bins
            ],
            "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject"),
        }
    )
    message = recipe_message(recipe, identity, {one.name: bin_colors(one) for one in recipe.bins})
    hold("recipe_in_force", message)
    for told, (_, way, tolerance, _) in zip(message["bins"], bins, strict=True):
        assert told["tolerance"] == tolerance
        assert told["colors"][0] | {"lab": told["lab"], "hex": told["hex"]} == told["colors"][0]
        assert [color.get("min_share") for color in told["colors"]] == [0.2 if "all_of" in way else None] * len(
            told["colors"]
        )


branches = st.text(st.characters(categories=["L", "N", "So"]), min_size=1, max_size=64)
opinions = st.builds(
    Opinion,
    recipe_ids,
    st.sampled_from([Verdict.ROUTED, Verdict.UNKNOWN, Verdict.AMBIGUOUS]),
    branches,
    branches,
    differences,
    st.none() | differences,
)
kinds = st.builds(Kind, *[st.builds(Said.of, st.just(Verdict.ROUTED) | st.just(Verdict.UNKNOWN), names, branches)] * 2)


@given(st.data(), identities, wall_s)
def test_every_word_on_a_shadow_recipe_is_what_the_schema_says_and_short(data, identity, at_wall_s):
    decision = data.draw(decisions(Verdict.ROUTED))
    message = decision_message(decision, identity, 1, 1.7e9)
    some = data.draw(st.lists(st.builds(Example.of, kinds, st.just(message), opinions), max_size=MOST_EXAMPLES))
    counts = data.draw(st.dictionaries(st.sampled_from(Comparison), amounts))
    told = data.draw(st.dictionaries(kinds, st.integers(1, 10), max_size=30))
    counts[Comparison.REROUTED] = counts.get(Comparison.REROUTED, 0) + sum(told.values())
    recipe, shadow = data.draw(recipe_ids), data.draw(st.none() | recipe_ids)
    report = ShadowReport(recipe, shadow, data.draw(wall_s), counts, told, some)
    found = shadow_message(report, identity, at_wall_s)
    hold("shadow", found)
    assert len(dumps(found)) <= MOST_BYTES
    assert found["products"] == found["compared"] + found["not_compared"]
    assert found["disagreeing"] == found["other_disagreements"] + sum(one["count"] for one in found["disagreements"])


def test_the_longest_names_leave_a_word_on_a_shadow_recipe_short_and_with_examples():
    longest = "\U0001f7e5" * 62
    said = [
        Kind(Said(Verdict.ROUTED, f"{longest}{n}", longest), Said(Verdict.ROUTED, longest, longest)) for n in range(30)
    ]
    opinion = Opinion(RecipeId(longest, 1, "0" * 16), Verdict.ROUTED, longest, longest, 1.0, 1.0)
    reading = ColorReading((PaletteColor(Lab(50.0, 0.0, 0.0), 1.0),))
    line = LineIdentity(longest, longest, "0" * 32, simulated=False)
    decision = Decision(1, Verdict.ROUTED, longest, 0.0, 0.0, Deadline(1.0, 2.0), 1, opinion.recipe, reading=reading)
    message = decision_message(decision, line, 10**9, 1.7e9)
    examples = [Example.of(kind, message, opinion) for kind in said[:MOST_EXAMPLES]]
    counts = {Comparison.REROUTED: 30}
    report = ShadowReport(opinion.recipe, opinion.recipe, 1.7e9, counts, dict.fromkeys(said, 1), examples)
    found = shadow_message(report, line, 1.7e9)
    assert len(dumps(found)) <= MOST_BYTES
    assert len(found["examples"]) == len(found["disagreements"]) == 5
    assert found["other_disagreements"] == 25


@given(decisions(Verdict.ROUTED), identities, opinions)
def test_a_decision_tells_nothing_of_a_shadow_recipe(decision, identity, opinion):
    message = decision_message(decision, identity, 1, 1.7e9)
    assert decision_message(replace(decision, shadow=opinion), identity, 1, 1.7e9) == message
    assert "shadow" not in schema("decision")["properties"]


@given(st.data(), identities, wall_s)
def test_every_statistic_is_what_the_schema_says(data, identity, at_wall_s):
    stats = LineStats(
        products=data.draw(amounts),
        by_verdict=data.draw(st.dictionaries(st.sampled_from([verdict.value for verdict in Verdict]), amounts)),
        by_branch=data.draw(st.dictionaries(names, amounts, max_size=3)),
        by_bin=data.draw(st.dictionaries(names, amounts, max_size=3)),
        frames=data.draw(st.builds(FrameCounts, *[amounts] * 10)),
        delivery=data.draw(st.builds(DeliveryCounts, *[amounts] * 13)),
        latency=data.draw(st.none() | st.builds(LatencySummary, *[st.floats(0, 1e6)] * 3)),
        triggers=data.draw(st.none() | trigger_stats),
        history=data.draw(
            st.none() | st.builds(HistoryHead, st.integers(1, 10**6), st.from_regex(r"[0-9a-f]{64}", fullmatch=True))
        ),
        camera=data.draw(st.none() | cameras),
        batch=data.draw(st.builds(BatchCounts, wall_s, *[st.dictionaries(names, amounts, max_size=3)] * 3)),
    )
    hold("stats", stats_message(stats, identity, at_wall_s))


@given(st.builds(Alarm, names, st.booleans(), st.text(), wall_s), identities, wall_s)
def test_every_alarm_is_what_the_schema_says(alarm, identity, at_wall_s):
    hold("alarm", alarm_message(alarm, identity, at_wall_s))


@given(st.builds(Confirm, names, st.sampled_from(ConfirmOutcome)), wall_s)
def test_every_confirm_is_what_the_schema_says(confirm, at_wall_s):
    hold("confirm", confirm_message(confirm, at_wall_s))


@given(st.builds(TriggerMessage, amounts, names, wall_s, amounts))
def test_every_trigger_is_what_the_schema_says(trigger):
    hold("trigger", trigger_message(trigger))


texts = st.none() | st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=256)


@given(st.sampled_from(CommandName), texts, texts, texts, names)
def test_every_command_is_what_the_schema_says_and_is_read_as_it_was_meant(name, command_id, by, reason, recipe):
    command = Command(name, command_id, by, reason, recipe)
    message = command_message(command)
    Draft202012Validator(schema("command")).validate(message)
    assert parse_command(name, dumps(message)) == command


outcomes = st.builds(Outcome, st.sampled_from(Code), st.text(min_size=1))


@given(st.text(), texts, outcomes, identities, wall_s)
def test_every_answer_to_a_command_is_what_the_schema_says(name, command_id, outcome, identity, at_wall_s):
    hold("command_answer", answer_message(name, command_id, outcome, identity, at_wall_s))


def test_a_decision_that_the_fail_safe_table_diverts_is_what_the_schema_says():
    @given(decisions(Verdict.ROUTED), identities, causes, names)
    def holds(decision, identity, cause, branch):
        line = Timing({branch: 1.0}, 0.1)
        message = decision_message(diverted(decision, cause, branch, line), identity, 1, 1.7e9)
        hold("decision", message)
        assert (message["verdict"], message["reason"], message["bin"], message["branch"]) == (
            "invalid",
            cause,
            None,
            branch,
        )
        assert message["lab"] is not None

    holds()
