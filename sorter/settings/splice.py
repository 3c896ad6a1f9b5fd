"""Changes single values of a YAML text; every other character stays as it is.

A program that loads YAML and writes it again moves or loses comments and lays lines out in its own way. Here the parser
only tells where each key and value stands, and the text is cut there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import yaml

Plain = str | int | float | list["Plain"] | dict[str, "Plain"]
"""What can be written: texts, numbers, and lists and dicts of these."""

_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z](?:[\w .-]*[\w.-])?", re.ASCII)
_MEANS_SOMETHING = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters from ``start`` up to ``end`` become ``text``."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Make edits that do not overlap; those at one place come out in the order given."""
    order = sorted(range(len(edits)), key=lambda index: (edits[index].start, edits[index].end, index))
    for edit in (edits[index] for index in reversed(order)):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place in the text; an alias (``*name``) is a scalar."""

    start: int
    end: int
    """Just behind its last character that is not space."""
    in_brackets: bool = False
    """A mapping or list written with brackets."""
    text: str | None = None
    """A scalar's value; None for an alias."""
    items: tuple[Node, ...] = ()
    """Of a list."""
    entries: tuple[tuple[Node, Node], ...] = ()
    """Keys and values of a mapping."""

    def entry(self, key: str) -> tuple[Node, Node] | None:
        """A key and its value; None where it is not there."""
        return next(((one, value) for one, value in self.entries if one.text == key), None)

    def value(self, key: str) -> Node | None:
        """The value of a key; None where it is not there."""
        found = self.entry(key)
        return found[1] if found else None


def parse(text: str) -> Node:
    """Where everything stands in a YAML text that was read and found good before."""
    events = yaml.parse(text, Loader=yaml.SafeLoader)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            return _node(text, next(events), events)
    return Node(0, 0)


def _node(text: str, event: yaml.Event, events: Iterator[yaml.Event]) -> Node:
    start = _index(event.start_mark)
    if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
        return _collection(text, event, events)
    # The end of a block scalar is where the next thing begins.
    end = start + len(text[start : _index(event.end_mark)].rstrip())
    return Node(start, end, text=event.value if isinstance(event, yaml.ScalarEvent) else None)


def _collection(text: str, event: yaml.CollectionStartEvent, events: Iterator[yaml.Event]) -> Node:
    children = []
    closing = next(events)
    while not isinstance(closing, yaml.CollectionEndEvent):
        children.append(_node(text, closing, events))
        closing = next(events)
    start = _index(event.start_mark)
    in_brackets = bool(event.flow_style)
    end = _index(closing.end_mark) if in_brackets or not children else children[-1].end
    if isinstance(event, yaml.SequenceStartEvent):
        return Node(start, end, in_brackets, items=tuple(children))
    return Node(start, end, in_brackets, entries=tuple(zip(children[::2], children[1::2], strict=True)))


def _index(mark: Any) -> int:
    return int(mark.index)


class Pen:
    """Writes into a text the way its author did: in brackets, in quotes, with this line end.

    Args:
        text: that was read and found good before.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._line_end = "\r\n" if "\r\n" in text else "\n"

    def set(self, mapping: Node, key: str, value: Plain, *, instead_of: str | None = None) -> Edit:
        """Write a key's value, in place of the old one, of another key, or behind the last."""
        found = mapping.entry(instead_of or key)
        if found:
            return Edit(found[0].start, found[1].end, self._entry(mapping, key, value))
        return self.add_behind(mapping, mapping.entries[-1][1], key, value)

    def add_behind(self, mapping: Node, value_before: Node, key: str, value: Plain) -> Edit:
        """Write a key and its value behind another value of the mapping."""
        entry = self._entry(mapping, key, value)
        if mapping.in_brackets:
            return Edit(value_before.end, value_before.end, f", {entry}")
        at = self._line_end_behind(value_before.end)
        return Edit(at, at, f"{self._line_end}{' ' * self._column(mapping.entries[0][0].start)}{entry}")

    def append(self, sequence: Node, values: Sequence[Mapping[str, Plain]]) -> Edit:
        """Write mappings behind the last item of a list that has one."""
        last = sequence.items[-1]
        quoted = self._quotes_keys(last)
        if sequence.in_brackets:
            return Edit(last.end, last.end, "".join(f", {inline(dict(one), quoted=quoted)}" for one in values))
        column = self._dash_column(sequence)
        apart = self._line_end if self._has_blank_lines(sequence) else ""
        items = (self._item(one, column, last) for one in values)
        at = self._line_end_behind(last.end)
        return Edit(at, at, "".join(f"{self._line_end}{apart}{item}" for item in items))

    def _item(self, value: Mapping[str, Plain], column: int, like: Node) -> str:
        dash = f"{' ' * column}- "
        if like.in_brackets:
            return dash + inline(dict(value), quoted=self._quotes_keys(like))
        lines = [self._block(key, one, column + 2) for key, one in value.items()]
        return dash + f"{self._line_end}{' ' * (column + 2)}".join(lines)

    def _entry(self, mapping: Node, key: str, value: Plain) -> str:
        if mapping.in_brackets:
            quoted = self._quotes_keys(mapping)
            return f"{json.dumps(key) if quoted else key}: {inline(value, quoted=quoted)}"
        return self._block(key, value, self._column(mapping.entries[0][0].start))

    def _block(self, key: str, value: Plain, column: int) -> str:
        if not isinstance(value, dict):
            return f"{key}: {inline(value)}"
        margin = f"{self._line_end}{' ' * (column + 2)}"
        return f"{key}:" + "".join(f"{margin}{inner}: {inline(one)}" for inner, one in value.items())

    def _quotes_keys(self, mapping: Node) -> bool:
        return mapping.in_brackets and all(self._text[key.start] == '"' for key, _ in mapping.entries)

    def _has_blank_lines(self, sequence: Node) -> bool:
        gaps = (self._text[one.end : other.start] for one, other in pairwise(sequence.items))
        return all(re.search(r"\n[ \t]*\r?\n", gap) for gap in gaps) and not sequence.items[-1].in_brackets

    def _dash_column(self, sequence: Node) -> int:
        """A list without brackets has each dash first on its line; a comment may stand behind it."""
        before = self._text[: sequence.items[0].start]
        *_, dash = re.finditer(r"^ *(?=-\s)", before, re.MULTILINE)
        return len(dash.group())

    def _column(self, index: int) -> int:
        return index - (self._text.rfind("\n", 0, index) + 1)

    def _line_end_behind(self, index: int) -> int:
        found = re.compile(r"\r?\n|\Z").search(self._text, index)
        return found.start() if found else len(self._text)


def inline(value: Plain, *, quoted: bool = False) -> str:
    """A value on one line; with ``quoted`` it is JSON."""
    if isinstance(value, dict):
        entries = (f"{inline(key, quoted=quoted)}: {inline(one, quoted=quoted)}" for key, one in value.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(one, quoted=quoted) for one in value) + "]"
    if isinstance(value, float):
        return f"{value:g}"
    plain = isinstance(value, str) and _NEEDS_NO_QUOTES.fullmatch(value) and value.lower() not in _MEANS_SOMETHING
    return str(value) if plain and not quoted else json.dumps(value, ensure_ascii=False)
