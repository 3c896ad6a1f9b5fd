"""Says in an operator's words what pydantic found: what is wanted, what stands there, and the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sorter.settings.color import HEX_PATTERN
from sorter.settings.document import Document, Finding, Location
from sorter.settings.mqtt import CLIENT_ID_PATTERN, TOPIC_PATTERN
from sorter.settings.outline import Spot, fixed_length, keys_of, kinds_of, spot
from sorter.settings.source import DEVICE_PATTERN, FOURCC_PATTERN, RTSP_PATTERN

_LONGEST_SHOWN = 40
_MOST_COMPARED = 64

_HEX = 'must be a color in quotes, such as "#d62828": without quotes a # begins a comment'
_PATTERNS = {
    CLIENT_ID_PATTERN: "must be a client id without +, # and /",
    DEVICE_PATTERN: "must be a path that begins with /dev/",
    FOURCC_PATTERN: "must be four capital letters or digits, such as YUYV or MJPG",
    HEX_PATTERN: _HEX,
    RTSP_PATTERN: "must begin with rtsp:// or rtsps:// and hold no spaces",
    TOPIC_PATTERN: "must be a topic without + and #, and without / or $ at its ends",
}

_TIME = "must be a time, such as 2026-01-31T10:00:00Z"
_KEYS = "must be keys with values, one 'key: value' a line"
# Pydantic's error types; the fields of an error's context fit into the braces.
_WANTED = {
    "datetime_from_date_parsing": _TIME,
    "datetime_object_invalid": _TIME,
    "datetime_parsing": _TIME,
    "datetime_type": _TIME,
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "enum": "must be one of {expected}",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt:.12g}",
    "greater_than_equal": "must be at least {ge:.12g}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt:.12g}",
    "less_than_equal": "must be at most {le:.12g}",
    "literal_error": "must be one of {expected}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "dict_type": _KEYS,
    "model_type": _KEYS,
    "model_attributes_type": _KEYS,
}


@dataclass(frozen=True, slots=True)
class _Problem:
    """One of pydantic's errors, at its place in the file."""

    kind: str
    spot: Spot
    parent: Spot
    found: object
    context: Mapping[str, object]
    message: str

    @property
    def loc(self) -> Location:
        return self.spot.loc


def findings_of(error: ValidationError, model: type[BaseModel], document: Document) -> list[Finding]:
    """One finding for each mistaken place of the document, in no particular order."""
    problems = [_problem(one, model, document) for one in error.errors(include_url=False)]
    suggested = _suggested(problems)
    places: dict[tuple[Location, bool], list[_Problem]] = {}
    for problem in problems:
        if not _said_already(problem, suggested, document):
            places.setdefault((problem.loc, problem.spot.is_key), []).append(problem)
    return [_finding(here, document) for here in places.values()]


def did_you_mean(word: str, known: Collection[str]) -> str:
    """``, did you mean 'left'?`` when a known word is close; else nothing."""
    return "".join(f", did you mean {near!r}?" for near in _nearest(word, known))


def _nearest(word: str, known: Collection[str]) -> list[str]:
    """One word or none. A long list is not searched: that takes time, and nobody wrote it by hand."""
    return [] if len(known) > _MOST_COMPARED else difflib.get_close_matches(word[:_LONGEST_SHOWN], sorted(known), n=1)


def prefixed(loc: Location, sentence: str) -> str:
    """The sentence after its dotted location, ``bins.1.lab.0: ...``; positions count from 0."""
    return f"{'.'.join(_short(str(part)) for part in loc)}: {sentence}" if loc else sentence


def _problem(error: ErrorDetails, model: type[BaseModel], document: Document) -> _Problem:
    raw = error["loc"]
    here, parent = spot(model, raw), spot(model, raw[:-1])
    if isinstance(raw[-1] if raw else None, str) and _stands_alone(document, parent.loc):
        here = Spot(parent.loc, here.wanted)  # a bare value that was read as a key's, such as a tolerance's number
    return _Problem(error["type"], here, parent, error["input"], error.get("ctx", {}), error["msg"])


def _stands_alone(document: Document, loc: Location) -> bool:
    """Whether the file has a value without keys here."""
    return loc in document.marks and not isinstance(document.get(*loc), dict)


def _suggested(problems: Sequence[_Problem]) -> frozenset[Location]:
    """Keys that unknown keys are taken to mean: an operator need not be told that they are missing, too."""
    # Looked up, not compared with each other: 30,000 mistakes took 3 s this way and 22 s the other.
    unknown = [one for one in problems if one.kind == "extra_forbidden"]
    return frozenset(
        (*one.loc[:-1], key) for one in unknown for key in _nearest(str(one.loc[-1]), keys_of(one.parent.wanted))
    )


def _said_already(problem: _Problem, suggested: frozenset[Location], document: Document) -> bool:
    """Whether another finding tells the operator all there is to mend."""
    loc = problem.loc
    if any(loc[:end] in document.refused for end in range(len(loc) + 1)):
        return True
    if problem.kind == "too_short":  # pydantic counts only the entries that are right
        return _length(problem.found) >= int(str(problem.context["min_length"]))
    return problem.kind == "missing" and (loc in suggested or (*loc[:-1], "<<") in document.refused)


def _wants(problem: _Problem) -> str:
    special = _WANTED_SPECIALLY.get(problem.kind)
    if special is not None:
        return special(problem)
    words = {name: _unquoted(value) for name, value in problem.context.items()}
    wanted = _WANTED.get(problem.kind)
    return wanted.format(**words) if wanted else problem.message.replace("Input should be", "must be")


def _pattern_wanted(problem: _Problem) -> str:
    pattern = str(problem.context["pattern"])
    return _PATTERNS.get(pattern, f"must match {pattern}")


def _text_wanted(problem: _Problem) -> str:
    return _HEX if str(problem.loc[-1]).endswith("hex") else "must be a text"


def _list_wanted(problem: _Problem) -> str:
    length = fixed_length(problem.spot.wanted)
    return f"must be a list of {length} numbers" if length else "must be a list, each entry after a '- '"


_WANTED_SPECIALLY: Mapping[str, Callable[[_Problem], str]] = {
    "value_error": lambda problem: str(problem.context["error"]),
    "string_pattern_mismatch": _pattern_wanted,
    "string_type": _text_wanted,
    "tuple_type": _list_wanted,
}


def _unquoted(value: object) -> object:
    if not isinstance(value, str):
        return value
    bare = re.sub(r"<\w+\.\w+: (\w+)>", r"\1", value)  # pydantic's words for one of an enum
    return bare.replace("'", "").replace(" or ", ", ")


def _got(problem: _Problem) -> str:
    if problem.kind == "value_error":
        return ""
    found = problem.found
    return f", got {shown(found)}{_remedy(problem, found) if isinstance(found, str) else ''}"


def _remedy(problem: _Problem, found: str) -> str:
    if problem.kind == "enum":
        return did_you_mean(found, str(_unquoted(problem.context["expected"])).split(", "))
    if problem.kind == "float_parsing" and re.fullmatch(r"[+-]?\d+,\d+", found):
        return f" (write {found.replace(',', '.')})"
    return ""


def shown(found: object) -> str:
    """What was found, short, on one line and without a password that a URL may hold."""
    if found is None:
        return "nothing"
    if not isinstance(found, str):
        return "keys and values" if isinstance(found, Mapping) else "a list"
    text = _short(re.sub(r".*@", "***@", found))
    return text if re.fullmatch(r"[-+.\w]*\d[-+.\w]*", text, re.ASCII) else repr(text)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def _length(found: object) -> int:
    return len(found) if isinstance(found, Sequence | Mapping) else 0


def _finding(here: Sequence[_Problem], document: Document) -> Finding:
    """What is wrong at one place; a union has an error for each of its members."""
    special = _SPECIAL.get(here[0].kind)
    if special is not None:
        return special(here[0], document)
    first, *others = here
    wanted = " or ".join([_wants(first), *(_wants(one).removeprefix("must be ") for one in others)])
    mark = document.key_mark(*first.loc) if first.spot.is_key else document.mark(*first.loc)
    return document.at(mark, prefixed(first.loc, wanted + _got(first)))


def _missing(problem: _Problem, document: Document) -> Finding:
    *parent, key = problem.loc
    if isinstance(key, int):
        return _wrong_length(problem.parent, problem.found, document)
    return document.at(document.mark(*parent), prefixed(tuple(parent), f"the key {key!r} is missing: add it"))


def _unknown_key(problem: _Problem, document: Document) -> Finding:
    *parent, key = problem.loc
    known = keys_of(problem.parent.wanted)
    remedy = did_you_mean(str(key), known) or f"; the keys here are {', '.join(known)}"
    sentence = f"unknown key {_short(str(key))!r}{remedy}"
    return document.at(document.key_mark(*problem.loc), prefixed(tuple(parent), sentence))


def _no_kind(problem: _Problem, document: Document) -> Finding:
    kinds = ", ".join(kinds_of(problem.spot.wanted))
    sentence = f"the key 'kind' is missing: add it, one of {kinds}"
    return document.at(document.mark(*problem.loc), prefixed(problem.loc, sentence))


def _wrong_kind(problem: _Problem, document: Document) -> Finding:
    loc = (*problem.loc, "kind")
    kinds = kinds_of(problem.spot.wanted)
    found = problem.found["kind"] if isinstance(problem.found, dict) else None
    near = did_you_mean(found, kinds) if isinstance(found, str) else ""
    sentence = f"must be one of {', '.join(kinds)}, got {shown(found)}{near}"
    return document.at(document.mark(*loc), prefixed(loc, sentence))


def _too_many_or_few(problem: _Problem, document: Document) -> Finding:
    if fixed_length(problem.spot.wanted):
        return _wrong_length(problem.spot, problem.found, document)
    limits = {"too_short": "{min_length} or more", "too_long": "{max_length} or fewer"}
    limit = limits[problem.kind].format(**problem.context)
    sentence = f"must have {limit} entries, has {_length(problem.found)}"
    return document.at(document.mark(*problem.loc), prefixed(problem.loc, sentence))


def _wrong_length(place: Spot, found: object, document: Document) -> Finding:
    sentence = f"must be a list of {fixed_length(place.wanted)} numbers, has {_length(found)}"
    return document.at(document.mark(*place.loc), prefixed(place.loc, sentence))


_SPECIAL: Mapping[str, Callable[[_Problem, Document], Finding]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "union_tag_not_found": _no_kind,
    "union_tag_invalid": _wrong_kind,
    "too_short": _too_many_or_few,
    "too_long": _too_many_or_few,
}
