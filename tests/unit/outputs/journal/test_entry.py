from __future__ import annotations

import pytest

from sorter.outputs.journal.reading import Entry
from sorter.outputs.steps import Step, StepTaken


@pytest.mark.parametrize(
    ("steps", "furthest"),
    [
        ([], None),
        ([Step.SENT], Step.SENT),
        ([Step.SENT, Step.SENT, Step.UNKNOWN], Step.UNKNOWN),
        ([Step.SENT, Step.ACTUATED, Step.ACKNOWLEDGED], Step.ACTUATED),
        ([Step.SENT, Step.ACKNOWLEDGED, Step.UNCONFIRMED], Step.UNCONFIRMED),
    ],
)
def test_an_answer_that_overtook_the_acknowledgement_is_the_later_step(steps: list[Step], furthest: Step | None):
    taken = tuple(StepTaken("one", step, float(number)) for number, step in enumerate(steps))
    assert Entry({}, taken).furthest is furthest
