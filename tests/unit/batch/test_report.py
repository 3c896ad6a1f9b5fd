from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sorter.batch.report import Report, Subject, make_report
from sorter.batch.span import Span, batches_of
from sorter.batch.telling import report_as_dict
from sorter.outputs.events import BatchReason, Event
from sorter.outputs.messages import Message, dumps
from sorter.outputs.steps import Step, StepTaken
from tests.unit.batch.told import RECIPE, T0, batch, decision, numbered, state


def report_of(decisions: list[Message], steps: dict[int, list[Step]] | None = None) -> Report:
    events = [batch(0), state(1, "starting"), state(10, "running"), batch(130, BatchReason.COMMAND, after_seq=9)]
    one, _ = batches_of(numbered(*events))
    told: list[Event] = events[:3]
    subject = Subject("one", Span(T0, T0 + 130), {"boot-1": T0 + 200}, one)
    ledger = steps or {}
    entries = [
        (one, tuple(StepTaken(one["decision_id"], step, T0) for step in ledger.get(one["seq"], [])))
        for one in decisions
    ]
    return make_report(subject, told, entries, lambda _identity: RECIPE)


def test_a_batch_is_told_with_all_its_sums() -> None:
    report = report_of(
        [
            decision(1, 15),
            decision(2, 20, delta_e=5.0, lab=[42.0, 60.0, 40.0]),
            decision(3, 30, bin="green", branch="gate-2", margin=None, runner_up=None, delta_e=2.0),
            decision(4, 40, verdict="unknown", bin=None, branch="reject", reason="no_bin_in_reach"),
            decision(6, 70, verdict="ambiguous", bin=None, branch="reject", reason="samples_disagree"),
            decision(7, 129, verdict="invalid", bin=None, branch="reject", reason="cut_off", lab=None, hex=None),
        ],
        {1: [Step.SENT, Step.ACKNOWLEDGED, Step.ACTUATED], 2: [Step.SENT, Step.ACKNOWLEDGED], 3: [Step.EXPIRED]},
    )
    told = json.loads(dumps(report_as_dict(report)))
    assert told["batch"] == {"number": 1, "reason": "start", "boot_id": "boot-1"}
    assert (told["products"], told["duration_s"], told["running"], told["simulated"]) == (6, 130, False, False)
    assert told["by"] == {
        "verdict": {"routed": 3, "unknown": 1, "ambiguous": 1, "invalid": 1},
        "reason": [
            {"verdict": "unknown", "reason": "no_bin_in_reach", "products": 1},
            {"verdict": "ambiguous", "reason": "samples_disagree", "products": 1},
            {"verdict": "invalid", "reason": "cut_off", "products": 1},
        ],
        "branch": {"gate-1": 2, "gate-2": 1, "reject": 3},
        "bin": {"red": 2, "green": 1},
        "delivery": {"acknowledged": 2, "expired": 1, "under_way": 3},
        "confirmation": {"actuated": 1, "no_answer": 1},
    }
    assert told["throughput"]["per_min_while_deciding"] == 3.0
    assert told["throughput"]["slot_s"] == 5
    assert sum(told["throughput"]["per_min"]) * 5 / 60 == 6
    red, green = told["bins"]["red"], told["bins"]["green"]
    assert (red["products"], red["tolerance_delta_e"], green["tolerance_delta_e"]) == (2, 10.0, None)
    assert [red["delta_e"][f"p{percent}"] for percent in (5, 50, 95)] == [1.0, 1.0, 5.0]
    assert green["margin_delta_e"] is None
    assert red["drift"]["of_few_products"]
    assert red["drift"]["mean"]["lab"] == [41.0, 60.0, 40.0]
    assert told["time"]["by_state"]["running"]["seconds"] == 120
    assert [(one["hash"], one["products"]) for one in told["recipes"]] == [(RECIPE.identity.hash, 6)]
    assert [(one["seq"], one["certainty"], one["limit"]) for one in told["least_certain"]] == [
        (2, 0.5, "tolerance"), (1, 0.9, "tolerance"), (3, 1.0, "stability"),
    ]  # fmt: skip
    assert [[one["seq"] for one in told[kind]] for kind in ("ambiguous", "unknown")] == [[6], [4]]
    gaps = [(one["first_seq"], one["last_seq"]) for one in told["missing"]["gaps"]]
    assert (told["missing"]["decisions"], gaps) == (3, [(5, 5), (8, 9)])


def test_a_batch_of_nothing_is_told_as_such() -> None:
    told = report_as_dict(report_of([]))
    assert (told["products"], told["bins"], told["least_certain"]) == (0, {}, [])
    assert told["missing"]["decisions"] == 9


VERDICTS = ["routed", "unknown", "ambiguous", "late", "invalid"]


@given(
    st.lists(st.tuples(st.sampled_from(VERDICTS), st.sampled_from(["red", "green"]), st.floats(0, 130)), max_size=30)
)
def test_every_product_is_in_each_sum_once(products: list[tuple[str, str, float]]) -> None:
    messages = [
        decision(seq, at_s, verdict=verdict, bin=name if verdict == "routed" else None, reason=None)
        for seq, (verdict, name, at_s) in enumerate(products, start=1)
    ]
    report = report_of(messages)
    counts = report.counts
    for sums in (counts.by_verdict, counts.by_branch, counts.by_delivery):
        assert sums.total() == counts.products == len(products)
    assert sum(report.by_slot) == len(products)
    assert counts.by_bin.total() == sum(one.products for one in report.bins.values()) == counts.by_verdict["routed"]
    assert sum(use.products for use in counts.recipes.values()) == len(products)
