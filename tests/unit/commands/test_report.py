from __future__ import annotations

import json

import pytest

from sorter.commands.report import DecisionReport
from sorter.settings.recipe import Recipe

LONG = "a bin with a name as long as a recipe lets it be"
RECIPE = Recipe.model_validate({
    "name": "r",
    "bins": [{"name": LONG, "hex": "#c8202c", "tolerance": 5, "branch": "g"}],
    "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "the last branch of all"),
})  # fmt: skip
ROUTED = {
    "product": 1, "verdict": "routed", "bin": LONG, "branch": "g", "reason": None, "hex": "#c8202c", "share": 0.876,
    "delta_e": 1.26, "margin": None, "stability": 0.875, "age_ms": 12,
}  # fmt: skip
INVALID = {
    "product": 12345, "verdict": "invalid", "bin": None, "branch": "the last branch of all", "reason": "cut_off",
    "hex": None, "share": None, "delta_e": None, "margin": None, "stability": None, "age_ms": 4,
}  # fmt: skip


def lines(capsys, *messages, name: str = "", **options) -> list[str]:
    report = DecisionReport([RECIPE], **{"as_json": False, **options})
    for message in messages:
        report.show(message, name)
    report.close()
    return capsys.readouterr().out.splitlines()


def test_the_columns_stand_under_their_headings_whatever_the_names(capsys):
    heading, routed, invalid, totals = lines(capsys, ROUTED, INVALID, with_age=True)
    for column, shown in (("verdict", "routed"), ("bin", LONG), ("branch", "g"), ("color", "#c8202c")):
        assert routed.index(f"  {shown}") == heading.index(f"  {column}")
    for column, shown in (("share", " 88%"), ("dE00", " 1.3"), ("margin", " -"), ("age ms", " 12")):
        end = heading.index(column) + len(column)
        assert routed[:end].endswith(shown)
    assert invalid.endswith("4  cut off")
    assert heading.index("remark") == invalid.index("cut off")
    assert totals == "2 products decided: 1 routed, 1 invalid"


def test_a_product_that_no_eye_announced_has_no_number(capsys):
    _, row, _ = lines(capsys, ROUTED | {"product": None})
    assert row.startswith("    -  routed")


def test_a_film_has_no_ages(capsys):
    heading, *_ = lines(capsys, ROUTED)
    assert "age" not in heading


def test_names_come_last_and_cannot_give_the_terminal_orders(capsys):
    _, routed, invalid, _ = lines(capsys, ROUTED, INVALID, name="a\x1b[2J\nb.png")
    assert routed.endswith(r"  a\x1b[2J\nb.png")
    assert invalid.endswith(r"  cut off, a\x1b[2J\nb.png")


@pytest.mark.parametrize(("count", "totals"), [(0, "0 products decided"), (1, "1 product decided: 1 routed")])
def test_the_totals_are_told_even_of_nothing(count, totals, capsys):
    assert lines(capsys, *[ROUTED] * count)[-1] == totals


def test_a_program_gets_each_decision_as_it_is_and_no_totals(capsys):
    shown = lines(capsys, ROUTED, INVALID, as_json=True, name="a.png")
    assert [json.loads(line) for line in shown] == [ROUTED, INVALID]
