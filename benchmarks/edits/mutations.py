"""Spoils the bytes of a YAML file as editors, disks, transfers and people do; the same for the same chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

Mutation = Callable[[random.Random, bytes], bytes]

ODD = (
    b"~", b"null", b"no", b"yes", b"true", b"12:30", b"0777", b"010", b"08", b"1_1", b"0x1f", b"0o17", b"1e999", b"1e1",
    b"-1e999", b"1e-400", b"nan", b".nan", b".inf", b"-.inf", b"NaN", b"Infinity", b"9" * 20, b"9" * 4000, b"9" * 5000,
    b"-0", b"+5", b".5", b"5.", b"3,5", b"1 1", b"11 # 12", b"11# 12", b'" 11 "', b"'11'", b'"1\\x31"', b"word",
    b"red green", b"=", b"<<", b"@at", b"`tick`", b"%percent", b"*alias", b"&anchor", b"&anchor 11", b"!!int 11",
    b"!!float 5", b"!!str 11", b"!!python/object/apply:os.system [ls]", b"!!binary aGk=", b"!!set {a, b}", b"!own 11",
    b"! 11",
    b"[]", b"{}", b"[11]", b"{a: 11}", b"[1, 2, 3, 4]", b"[1, 2]", b"{delta_e: 6}", b"{delta_e: 6, delta_l: 3}",
    b"{delta_l: 5, delta_ab: 3}", b"|\n  text", b">-\n  text", b"'", b'"', b'"\\ud800"', b'"\\UFFFFFFFF"', b'"\\0"',
    b"&a [*a]", b"2026-01-31", b"20260131", b"\xc2\xa011", b"11\xc2\xa0", b"\xd9\xa1\xd9\xa1", b"\xf0\x9f\x8d\x8e",
    b"gate-1\xe2\x80\x8b", b"gate\xe2\x80\x91" b"1", b"\xef\xbc\x91\xef\xbc\x91",
)  # fmt: skip
"""Values as no one means them, or as another program would read them otherwise."""

STRAY = (
    b"\t", b"\r", b"\x00", b"\x07", b"\x1b[2J", b"\x7f", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xa9", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\xc2\xa0", b"\xef\xbf\xbe", b"---\n", b"...\n", b"\n---\n",
    b"%YAML 1.1\n", b"%TAG ! tag:x,2000:\n", b"#", b" #", b": ", b":", b"- ", b"-", b", ", b"[", b"]", b"{", b"}", b"'",
    b'"', b"|", b">", b"&a ", b"*a", b"!", b"? ", b"\n", b"\n\n", b" ", b"  ", b"\\", b"<<: *a\n",
    b"<<: {min_margin: 5}\n",
    b"\xe2\x80\xa8min_margin: 5 ", b"\rmin_margin: 5 ", b"\xc2\x85min_margin: 5 ",
)  # fmt: skip
"""What should stand nowhere, or not here."""


def bit_flipped(chance: random.Random, data: bytes) -> bytes:
    """One bit of one byte."""
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]


def bytes_removed(chance: random.Random, data: bytes) -> bytes:
    """Up to a dozen bytes."""
    place = chance.randrange(len(data))
    return data[:place] + data[place + chance.randint(1, 12) :]


def bytes_repeated(chance: random.Random, data: bytes) -> bytes:
    """Up to two dozen bytes, some times over."""
    place = chance.randrange(len(data))
    end = place + chance.randint(1, 24)
    return data[:end] + data[place:end] * chance.choice((1, 1, 1, 2, 30)) + data[end:]


def stray_inserted(chance: random.Random, data: bytes) -> bytes:
    """Something that should not stand there."""
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(STRAY) + data[place:]


def byte_replaced(chance: random.Random, data: bytes) -> bytes:
    """One character by another that keyboards have."""
    place = chance.randrange(len(data))
    return data[:place] + bytes([chance.randint(0x20, 0x7E)]) + data[place + 1 :]


def digit_changed(chance: random.Random, data: bytes) -> bytes:
    """A number mistyped."""
    places = [place for place, byte in enumerate(data) if 0x30 <= byte <= 0x39]
    if not places:
        return data
    place = chance.choice(places)
    return data[:place] + chance.choice((b"0", b"1", b"7", b"00", b"", b".", b"-", b"1_", b"5e1")) + data[place + 1 :]


def lines_cut(chance: random.Random, data: bytes) -> bytes:
    """One to three lines."""
    lines = data.splitlines(keepends=True)
    first = chance.randrange(len(lines))
    return b"".join(lines[:first] + lines[first + chance.randint(1, 3) :])


def lines_doubled(chance: random.Random, data: bytes) -> bytes:
    """One to five lines, right behind themselves."""
    lines = data.splitlines(keepends=True)
    first = chance.randrange(len(lines))
    end = first + chance.randint(1, 5)
    return b"".join(lines[:end] + lines[first:end] + lines[end:])


def lines_swapped(chance: random.Random, data: bytes) -> bytes:
    """Two lines take each other's place."""
    lines = data.splitlines(keepends=True)
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def line_moved(chance: random.Random, data: bytes) -> bytes:
    """A line goes elsewhere."""
    lines = data.splitlines(keepends=True)
    line = lines.pop(chance.randrange(len(lines)))
    lines.insert(chance.randint(0, len(lines)), line)
    return b"".join(lines)


def lines_joined(chance: random.Random, data: bytes) -> bytes:
    """A line break is lost."""
    places = [place for place, byte in enumerate(data) if byte == 0x0A]
    if not places:
        return data
    place = chance.choice(places)
    return data[:place] + data[place + 1 :]


def prefix(chance: random.Random, data: bytes) -> bytes:
    """The file as far as a slow writer has come, or a full disk let it."""
    return data[: chance.randrange(len(data))]


def line_prefix(chance: random.Random, data: bytes) -> bytes:
    """Likewise, at the end of a line."""
    lines = data.splitlines(keepends=True)
    return b"".join(lines[: chance.randrange(len(lines))])


def block_lost(chance: random.Random, data: bytes) -> bytes:
    """A block of the disk is gone, or full of zeros."""
    place = chance.randrange(len(data))
    size = chance.choice((64, 128, 512))
    return data[:place] + chance.choice((b"", b"\x00" * min(size, len(data) - place))) + data[place + size :]


def reindented(chance: random.Random, data: bytes) -> bytes:
    """A line stands further in or out, or behind a tab."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    lines[at] = chance.choice((b" " * chance.randint(0, 9), b"\t", b"  \t")) + lines[at].lstrip()
    return b"\n".join(lines)


def value_replaced(chance: random.Random, data: bytes) -> bytes:
    """A key's value is of another kind."""
    return _at_a_value(chance, data, lambda head, _tail: head + b": " + chance.choice(ODD))


def value_unquoted(chance: random.Random, data: bytes) -> bytes:
    """The quotes of a value are lost, or of another kind."""
    places = [place for place, byte in enumerate(data) if byte == 0x22]
    if not places:
        return data
    place = chance.choice(places)
    return data[:place] + chance.choice((b"", b"'", b"`")) + data[place + 1 :]


def value_nested(chance: random.Random, data: bytes) -> bytes:
    """A value deep inside of brackets."""
    depth = chance.choice((1, 2, 30, 3000))
    before, behind = chance.choice(((b"[", b"]"), (b"{a: ", b"}"), (b"[", b""), (b"- ", b"")))
    return _at_a_value(chance, data, lambda head, tail: head + b": " + before * depth + tail + behind * depth)


def value_anchored(chance: random.Random, data: bytes) -> bytes:
    """A value gets a name, and another, of the same key where there is one, is replaced by it."""
    lines = data.split(b"\n")
    with_value = _with_value(lines)
    if not with_value:
        return data
    at = chance.choice(with_value)
    head, _, tail = lines[at].partition(b": ")
    lines[at] = head + b": &a " + tail
    key = head.split()[-1:]
    alike = [one for one in with_value if one > at and lines[one].partition(b": ")[0].split()[-1:] == key]
    other = chance.choice(alike or with_value)
    lines[other] = lines[other].partition(b": ")[0] + b": *a"
    return b"\n".join(lines)


def aliases_multiplied(chance: random.Random, data: bytes) -> bytes:
    """Few lines that would be many values."""
    width, depth = chance.randint(2, 12), chance.randint(1, 12)
    bomb = [b"l0: &l0 [x]"]
    bomb += [b"l%d: &l%d [%s]" % (n, n, b", ".join([b"*l%d" % (n - 1)] * width)) for n in range(1, depth)]
    used = _at_a_value(chance, data, lambda head, _tail: head + b": *l%d" % (depth - 1))
    return b"\n".join(bomb) + b"\n" + used


def key_changed(chance: random.Random, data: bytes) -> bytes:
    """A key is mistyped, quoted, in capitals, or another's."""

    def change(head: bytes, tail: bytes) -> bytes:
        word = head.split()[-1] if head.split() else head
        others = (
            b"name",
            b"hex",
            b"lab",
            b"rgb",
            b"tolerance",
            b"branch",
            b"revision",
            b"min_margin",
            b"change",
            b"<<",
        )
        new = chance.choice((word[:-1], word * 2, word.upper(), b'"%s"' % word, b"'%s'" % word, *others))
        return head[: len(head) - len(word)] + new + b": " + tail

    return _at_a_value(chance, data, change)


def key_given_twice(chance: random.Random, data: bytes) -> bytes:
    """A key stands there again with another value."""

    def change(head: bytes, tail: bytes) -> bytes:
        indent = head[: len(head) - len(head.lstrip(b" -"))].replace(b"-", b" ")
        return head + b": " + tail + b"\n" + indent + head.lstrip(b" -") + b": " + chance.choice(ODD)

    return _at_a_value(chance, data, change)


def comment_uncovered(chance: random.Random, data: bytes) -> bytes:
    """A comment's # is lost, or a line becomes a comment."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    lines[at] = lines[at].replace(b"# ", b"", 1) if b"# " in lines[at] else b"# " + lines[at]
    return b"\n".join(lines)


def line_ends_changed(chance: random.Random, data: bytes) -> bytes:
    """Of another system, or mixed."""
    end = chance.choice((b"\r\n", b"\r\n", b"\r", b"\n\r", b"\xc2\x85"))
    if chance.random() < 0.5:  # one in two
        return data.replace(b"\n", end)
    return b"".join(line + chance.choice((b"\n", end)) for line in data.split(b"\n"))


def encoding_changed(chance: random.Random, data: bytes) -> bytes:
    """Saved as something else than UTF-8."""
    text = data.decode("utf-8", "replace")
    codec = chance.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"))
    return text.encode(codec, "replace")


def file_repeated(chance: random.Random, data: bytes) -> bytes:
    """The file over again, behind itself."""
    return data * chance.choice((2, 3, 10))


MUTATIONS: Sequence[Mutation] = (
    bit_flipped, bytes_removed, bytes_repeated, stray_inserted, stray_inserted, byte_replaced, digit_changed,
    digit_changed, lines_cut, lines_doubled, lines_swapped, line_moved, lines_joined, prefix, line_prefix, block_lost,
    reindented, value_replaced, value_replaced, value_unquoted, value_nested, value_anchored, aliases_multiplied,
    key_changed, key_given_twice, comment_uncovered, line_ends_changed, encoding_changed, file_repeated,
)  # fmt: skip


def chosen(chance: random.Random) -> Sequence[Mutation]:
    """One mutation, or up to four at once."""
    return chance.choices(MUTATIONS, k=chance.choice((1, 1, 1, 2, 3, 4)))


def mutated(chance: random.Random, data: bytes, mutations: Sequence[Mutation]) -> bytes:
    """The bytes after one mutation after the other; never none at all."""
    for mutation in mutations:
        data = mutation(chance, data) or b"\n"
    return data


def _at_a_value(chance: random.Random, data: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    """Change a line ``head: tail`` that is no comment."""
    lines = data.split(b"\n")
    with_value = _with_value(lines)
    if not with_value:
        return data
    at = chance.choice(with_value)
    head, _, tail = lines[at].partition(b": ")
    lines[at] = change(head, tail)
    return b"\n".join(lines)


def _with_value(lines: Sequence[bytes]) -> Sequence[int]:
    """The numbers of those that hold a key and its value and are no comments."""
    return [at for at, line in enumerate(lines) if b": " in line and not line.lstrip().startswith(b"#")]
