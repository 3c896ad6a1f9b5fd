"""Whether a recipe says what stands in its file, nothing more and nothing less: judged without the sorter's reader.

The file is read by PyYAML's own BaseLoader, for which all is text, and held against the recipe key by key. What a key
may hold is written down here a second time on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import yaml

from sorter.settings.recipe import Recipe

Compare = Callable[[Any, Any], bool]
"""Whether what stands in the file (text, dict, list) is what the recipe has (a plain dump)."""

_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_HIDDEN_BREAK = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


def differences(data: bytes, recipe: Recipe) -> list[str]:
    """In what the recipe is not what stands in the file; empty where it is.

    Args:
        data: the file's bytes, which were accepted.
        recipe: what was made of them.
    """
    text = data.decode("utf-8")
    if _HIDDEN_BREAK.search(text):
        return ["the file holds a line break that most editors do not show"]
    twice = list(_keys_given_twice(yaml.compose(text, Loader=yaml.BaseLoader)))
    if twice:
        return [f"given twice: {', '.join(twice)}"]
    said = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # it makes nothing but text
    return list(_compare_keys("", said, recipe.model_dump(), _RECIPE, _DEFAULTS))


def _keys_given_twice(node: yaml.Node | None) -> Iterator[str]:
    if isinstance(node, yaml.MappingNode):
        keys = [str(key.value) for key, _ in node.value]
        yield from sorted({key for key in keys if keys.count(key) > 1})
        for _, value in node.value:
            yield from _keys_given_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _keys_given_twice(value)


def _compare_keys(
    place: str, said: Any, has: Mapping[str, Any], known: Mapping[str, Compare], defaults: Mapping[str, Any]
) -> Iterator[str]:
    """Each key of the file, and each that the recipe has without it."""
    if not isinstance(said, dict):
        yield f"{place}: keys were made of {said!r:.60}"
        return
    yield from (f"{place}.{key!r:.60} is dropped" for key in said if key not in known)
    for key, same in known.items():
        value = has.get(key)
        if key not in said or (value is None and said[key] in _NOTHING):
            if value != defaults.get(key):
                yield f"{place}.{key} is {value!r:.60}, and does not stand in the file"
        elif not same(said[key], value):
            yield f"{place}.{key} is {value!r:.60}, and the file says {said[key]!r:.60}"


def _text(said: Any, has: Any) -> bool:
    return isinstance(said, str) and said == has


def _hex(said: Any, has: Any) -> bool:
    return isinstance(said, str) and said.lower() == has


def _number(said: Any, has: Any) -> bool:
    """As a person reads it, and as a program does that knows YAML's own numbers."""
    if not isinstance(said, str) or not re.search("[0-9]", said) or not _NUMBER.fullmatch(said):
        return False
    others = yaml.safe_load(said)
    return float(said) == has and (isinstance(others, str) or bool(others == has))


def _time(said: Any, has: Any) -> bool:
    try:
        return not str(said).isdigit() and datetime.fromisoformat(said) == has
    except ValueError:
        return False


def _list_of(same: Compare) -> Compare:
    def compare(said: Any, has: Any) -> bool:
        if not isinstance(said, list) or not isinstance(has, list | tuple) or len(said) != len(has):
            return False
        return all(same(one, other) for one, other in zip(said, has, strict=True))

    return compare


def _keys(known: Mapping[str, Compare], defaults: Mapping[str, Any] | None = None) -> Compare:
    return lambda said, has: isinstance(has, dict) and not list(_compare_keys("", said, has, known, defaults or {}))


_BOX = _keys(dict.fromkeys(("delta_e", "delta_l", "delta_a", "delta_b", "delta_ab"), _number))


def _tolerance(said: Any, has: Any) -> bool:
    """A bare number is a ball, and is dumped as one."""
    ball = said.get("delta_e") if isinstance(said, dict) and set(said) == {"delta_e"} else said
    return _BOX(said, has) if isinstance(has, dict) else _number(ball, has)


_COLOR: Mapping[str, Compare] = {"lab": _list_of(_number), "hex": _hex, "rgb": _list_of(_number)}
_TAUGHT: Mapping[str, Compare] = {
    "at": _time, "samples": _number, "spread": _number, "source": _text, "software": _text, "camera": _text,
}  # fmt: skip
_BIN: Mapping[str, Compare] = {
    **_COLOR, "name": _text, "branch": _text, "tolerance": _tolerance, "exposure_range": _number,
    "any_of": _list_of(_keys(_COLOR)), "all_of": _list_of(_keys({**_COLOR, "min_share": _number})),
    "taught": _keys(_TAUGHT),
}  # fmt: skip
_RECIPE: Mapping[str, Compare] = {
    "name": _text, "revision": _number, "bins": _list_of(_keys(_BIN, {"exposure_range": 1.0})),
    "fallback": _keys(dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), _text)),
    "min_margin": _number, "sort_mode": _text, "min_stability": _number, "change": _keys({"by": _text, "why": _text}),
}  # fmt: skip
_DEFAULTS: Mapping[str, Any] = {
    "revision": 1, "min_margin": 1.0, "sort_mode": "nearest_within_tolerance", "min_stability": 0.5,
}  # fmt: skip


def plain_values(text: str) -> dict[str, Any]:
    """A file's values as text, for comparing one file with another."""
    said: Sequence[Any] | dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # likewise
    return said if isinstance(said, dict) else {}
