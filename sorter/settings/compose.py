"""From a file's bytes to a bounded tree of YAML nodes; what cannot be read becomes one plain sentence."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import NamedTuple

import yaml

MAX_BYTES = 1024 * 1024
MAX_NODES = 20_000
"""Counted after aliases are written out: the largest recipe (256 bins) has about 3,000."""
MAX_DEPTH = 24

# YAML allows these, line breaks that most editors do not show among them, and no other unprintable characters; the rest
# means a picture or a program was named.
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufeff\uff00-\ufffd\U00010000-\U0010ffff]")
# What stands behind one of these looks like a part of the comment before it, and would be read as a setting.
_HIDDEN_BREAK = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class Unreadable(Exception):  # noqa: N818  # never leaves this package: the reader makes a mistake of it
    """The file gives no tree; ``line`` and ``column`` count from 1; 0 where the whole file is meant."""

    def __init__(self, sentence: str, line: int = 0, column: int = 0) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.line = line
        self.column = column


def read_text(path: Path) -> str:
    """The file's text.

    Raises:
        Unreadable: no such file, too long, or not UTF-8 text.
    """
    return decode(read_bytes(path))


def compose(text: str) -> yaml.Node:
    """The tree of the text's only document, every scalar as it is written.

    Raises:
        Unreadable: broken YAML, nothing in it, more than one document, too deep or too much.
    """
    loader = _BoundedLoader(text)
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _in_plain_words(error) from error
    except (ValueError, OverflowError) as error:
        # Seen from PyYAML 6.0.3 on "\UFFFFFFFF" and on a %YAML version of 5000 digits.
        mark = loader.get_mark()
        sentence = "this holds a character or number that does not exist: mend or remove it"
        raise Unreadable(sentence, mark.line + 1, mark.column + 1) from error
    if node is None:
        raise Unreadable("the file is empty: fill it in, or take the example's", 1, 1)
    return node


def read_bytes(path: Path) -> bytes:
    """The file's bytes, at most one more than `MAX_BYTES`.

    Raises:
        Unreadable: no such file, or no file at all.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise Unreadable("there is no such file: create it, or name the right one") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Unreadable(f"the file cannot be read ({reason}): mend its name or its rights") from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
        raise Unreadable(f"this is {what}, not a file: name a YAML file")
    return data


def decode(content: bytes | str) -> str:
    """A file's content as text; one that is text already is held to what a file must be.

    Raises:
        Unreadable: it is too long, or no UTF-8 text.
    """
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if len(data) > MAX_BYTES:
        raise Unreadable(f"the file is longer than {MAX_BYTES // 1024} KiB: this is not a settings file")
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("the file begins with a byte-order mark: save it as UTF-8 without BOM", 1, 1)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _line_and_column(data[: error.start].decode("utf-8"))
        raise Unreadable("this is not UTF-8 text: save the file as UTF-8", line, column) from error
    odd = _NOT_TEXT.search(text)
    if odd is not None:
        line, column = _line_and_column(text[: odd.start()])
        raise Unreadable(f"the character {odd.group()!r} is not text: is this a YAML file?", line, column)
    hidden = _HIDDEN_BREAK.search(text)
    if hidden is not None:
        line, column = _line_and_column(text[: hidden.start()])
        sentence = f"the character {hidden.group()!r} breaks the line, and most editors do not show that: remove it"
        raise Unreadable(sentence, line, column)
    return text


def _line_and_column(before: str) -> tuple[int, int]:
    line, start = 1, 0
    for found in _LINE_BREAK.finditer(before):
        line, start = line + 1, found.end()
    return line, len(before) - start + 1


class _BoundedLoader(yaml.BaseLoader):
    """PyYAML's composer, stopped before a file can take the machine's memory or Python's stack."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = 0
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Count, then compose as PyYAML does."""
        self._nodes += 1
        self._depth += 1
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it bare
        if self._nodes > MAX_NODES:
            raise yaml.MarkedYAMLError(problem=f"the file holds over {MAX_NODES} values", problem_mark=mark)
        if self._depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="the file is nested too deep", problem_mark=mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Wording(NamedTuple):
    """What PyYAML says (its context, then its problem), and what an operator can do about it."""

    said: str
    sentence: str
    at_context: bool = False
    """The place to mend is where PyYAML's context begins, not where it gave up."""


_WORDINGS = (
    _Wording(r"found character '\\t'", "a tab stands here: indent with spaces"),
    _Wording(r"found character (?P<what>'.')", "a text cannot begin with {what}: put it in quotes"),
    _Wording(r"scanning an (alias|anchor)", "a text cannot begin with * or &: put it in quotes"),
    _Wording(
        r"mapping values are not allowed",
        "a ':' is not expected here: mend the indentation, give the line above its ':', "
        "or put a text that holds ': ' in quotes",
    ),
    _Wording(r"could not find expected ':'", "this lacks a ': ' after its key, or a quote", at_context=True),
    _Wording(r"sequence entries are not allowed", "a '- ' is not expected here: give it its own line"),
    _Wording(
        r"parsing a block|expected '?<document start>",
        "this does not fit the lines above it: mend the indentation, the quotes or the brackets",
    ),
    _Wording(r"quoted scalar.*unexpected", "the quote opened here is never closed: close it", at_context=True),
    _Wording(r"parsing a flow node", "a value is missing here: add it, or close the bracket before"),
    _Wording(r"parsing a flow", "the bracket opened here lacks a comma, or is never closed: mend it", at_context=True),
    _Wording(r"unknown escape", "this backslash means nothing in double quotes: use single quotes"),
    _Wording(
        r"undefined alias (?P<what>'.*')", "there is no anchor {what:.60}: a text that begins with * needs quotes"
    ),
    _Wording(r"duplicate anchor", "this anchor was given before: rename one"),
    _Wording(r"another document", "a second document begins here: keep one in a file, and remove '---'"),
    _Wording(r"undefined tag handle|(scanning|parsing) a tag", "a text cannot begin with !: put it in quotes"),
    _Wording(r" the file (?P<what>.*)", "the file {what}: this is not a settings file"),
)


def _in_plain_words(error: yaml.MarkedYAMLError) -> Unreadable:
    said = f"{error.context or ''} {error.problem or ''}"
    for wording in _WORDINGS:
        found = re.search(wording.said, said)
        if found is not None:
            return _at(error, wording.sentence.format(**found.groupdict()), at_context=wording.at_context)
    return _at(error, f"this is not valid YAML: {error.problem or error.context}"[:200])


def _at(error: yaml.MarkedYAMLError, sentence: str, *, at_context: bool = False) -> Unreadable:
    marks = (error.context_mark, error.problem_mark)
    mark = next((one for one in (marks if at_context else marks[::-1]) if one), None)
    return Unreadable(sentence, mark.line + 1, mark.column + 1) if mark else Unreadable(sentence, 1, 1)
