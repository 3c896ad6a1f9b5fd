"""One YAML file as plain values, with the place of each; ``no`` and ``12:30`` stay as written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import yaml

from sorter.errors import Mistake
from sorter.settings.compose import MAX_DEPTH, MAX_NODES, Unreadable, compose, decode, read_bytes

Location = tuple[str | int, ...]
"""The keys and list positions that lead from the top of a file to a value; positions count from 0."""

_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


class Mark(NamedTuple):
    """A place in a file, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A mistake in one document, before the file's name is put to it; sorts in reading order."""

    line: int
    """0 where the whole file is meant."""
    column: int
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A file's values, its marks, and what is wrong with it as a YAML file."""

    path: Path
    value: object
    """Text, None, and lists and dicts of these; None where the file could not be read."""
    marks: Mapping[Location, Mark]
    key_marks: Mapping[Location, Mark]
    findings: tuple[Finding, ...]
    refused: frozenset[Location]
    """Where a value (or a merge key) was refused already, so that nothing more need be said of it."""
    text: str = field(default="", repr=False)
    """All of the file; empty where it could not be read."""

    @property
    def readable(self) -> bool:
        """Whether the file holds keys and values."""
        return isinstance(self.value, dict)

    def get(self, *loc: str | int) -> object:
        """The value at a place; None where there is none."""
        value = self.value
        for part in loc:
            if isinstance(value, dict):
                value = value.get(part)
            else:
                value = value[part] if isinstance(value, list) and isinstance(part, int) else None
        return value

    def mark(self, *loc: str | int) -> Mark | None:
        """The value's place, or that of its nearest ancestor; None where nothing could be read."""
        for end in range(len(loc), -1, -1):
            if loc[:end] in self.marks:
                return self.marks[loc[:end]]
        return None

    def key_mark(self, *loc: str | int) -> Mark | None:
        """The place of the value's key; of the value where it has none."""
        return self.key_marks.get(loc) or self.mark(*loc)

    def at(self, mark: Mark | None, sentence: str) -> Finding:
        """A mistake at a place of this file."""
        return Finding(*(mark or (0, 0)), sentence)

    def place(self, mark: Mark | None) -> str:
        """``file:line:column``, or only ``file``."""
        return f"{self.path}:{mark.line}:{mark.column}" if mark and mark.line else str(self.path)

    def mistakes(self, findings: Iterable[Finding]) -> list[Mistake]:
        """Each finding once, in reading order, with the file's name."""
        return [Mistake(self.place(Mark(one.line, one.column)), one.sentence) for one in sorted(set(findings))]


def read_document(path: Path, content: bytes | str | None = None) -> Document:
    """Read a YAML file; what is wrong with it is told in its ``findings``, never raised.

    Args:
        path: the file, which the findings name.
        content: what stands in it, where that is known already.
    """
    reading = _Reading()
    value: object = None
    text = ""
    try:
        text = decode(read_bytes(path) if content is None else content)
        value = reading.read(compose(text), ())
    except Unreadable as error:
        reading.findings = [Finding(error.line, error.column, error.sentence)]
    else:
        reading.demand_keys(value)
    findings, refused = tuple(reading.findings), frozenset(reading.refused)
    return Document(path, value, reading.marks, reading.key_marks, findings, refused, text)


class _Reading:
    """Collects values, marks and findings on one walk through the nodes."""

    def __init__(self) -> None:
        self.marks: dict[Location, Mark] = {}
        self.key_marks: dict[Location, Mark] = {}
        self.findings: list[Finding] = []
        self.refused: set[Location] = set()
        self._count = 0

    def read(self, node: yaml.Node, loc: Location) -> object:
        """The node's plain value."""
        self._bound(node, loc)
        self.marks[loc] = _mark(node)
        if node.tag not in _PLAIN_TAGS:
            return self._refused(node, loc, f"the tag {node.tag[:60]!r} is not allowed: remove it")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*loc, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, loc) if isinstance(node, yaml.ScalarNode) else None

    def demand_keys(self, value: object) -> None:
        """The top of a file must be keys and values."""
        if not isinstance(value, dict) and () not in self.refused:
            kind = "a list" if isinstance(value, list) else "a single text"
            sentence = f"the file holds {kind}, not settings: write 'key: value' lines"
            self.findings.append(Finding(*self.marks[()], sentence))

    def _bound(self, node: yaml.Node, loc: Location) -> None:
        """Aliases are written out here, so a small file can become large, or endless."""
        self._count += 1
        if self._count > MAX_NODES:
            raise Unreadable(f"aliases make more than {MAX_NODES} values of this: write it out", *_mark(node))
        if len(loc) > MAX_DEPTH:
            raise Unreadable("an anchor holds itself, or the nesting is too deep: write it out", *_mark(node))

    def _scalar(self, node: yaml.ScalarNode, loc: Location) -> str | None:
        text = str(node.value)
        if node.style is None and text in _NOTHING:
            return None
        if not text.isprintable():
            return self._refused(node, loc, "the text holds a line break or an invisible character: remove it")
        return text

    def _mapping(self, node: yaml.MappingNode, loc: Location) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, loc)
            if key is None:
                continue
            inner = (*loc, key)
            if key in values:
                first = self.key_marks[inner].line
                self._find(key_node, f"the key {key[:60]!r} was given before, on line {first}: remove one")
                continue
            self.key_marks[inner] = _mark(key_node)
            values[key] = self.read(value_node, inner)
        return values

    def _key(self, node: yaml.Node, loc: Location) -> str | None:
        text = node.value
        if not isinstance(node, yaml.ScalarNode) or node.tag not in _PLAIN_TAGS or not text.isprintable():
            self._find(node, "a key must be a plain word: mend or remove it")
            return None
        if text == "<<" and node.style is None:
            self.refused.add((*loc, "<<"))
            self._find(node, "merge keys (<<) are not read: write the keys out")
            return None
        return str(text)

    def _refused(self, node: yaml.Node, loc: Location, sentence: str) -> str | None:
        """Stand-in for a value that may not be used."""
        self.refused.add(loc)
        self._find(node, sentence)
        return None

    def _find(self, node: yaml.Node, sentence: str) -> None:
        self.findings.append(Finding(*_mark(node), sentence))


def _mark(node: yaml.Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)
