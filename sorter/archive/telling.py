"""What a search came to, for programs."""

from __future__ import annotations

from typing import Any

from sorter.archive.search import Answer, Color, Found, Match
from sorter.archive.wanted import Wanted
from sorter.color.lab import lab_to_hex


def answer_facts(answer: Answer, wanted: tuple[Wanted, ...]) -> dict[str, Any]:
    """An answer for JSON; differences are CIEDE2000, shares 0..1."""
    return {
        "wanted": [
            {"hex": lab_to_hex(one.lab), "lab": [round(value, 3) for value in one.lab]}
            | {"tolerance": one.tolerance, "min_share": round(one.min_share, 6), "best_share": round(one.best_share, 6)}
            for one in wanted
        ],
        "total": answer.total,
        "found": [_found(one) for one in answer.found],
    }


def _found(found: Found) -> dict[str, Any]:
    return {
        "uri": found.uri,
        "score": round(found.score, 6),
        "matches": [[_match(one) for one in matches] for matches in found.matches],
        "palette": [_color(one) for one in found.palette],
    }


def _match(match: Match) -> dict[str, Any]:
    return _color(match.color) | {"delta_e": round(match.delta_e, 4)}


def _color(color: Color) -> dict[str, Any]:
    return {
        "hex": color.hex,
        "lab": [round(value, 3) for value in color.lab],
        "share": round(color.share, 6),
    }
