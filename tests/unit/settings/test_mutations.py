"""Whatever happens to a file: it loads, or its mistakes are told. Nothing else, and soon."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sorter.errors import ConfigurationError
from sorter.settings.load import Loaded, Project, load_project, load_recipe
from sorter.settings.outline import spot
from sorter.settings.recipe import Recipe
from sorter.settings.site import SiteSettings

CONFIG = Path(__file__).parents[3] / "config"
SITE = (CONFIG / "sorter.yaml").read_bytes()
DEMO = (CONFIG / "recipes" / "demo.yaml").read_bytes()
# The bins of the shipped recipe that are only shown; ODD goes into them, too.
SHAPES = b"""
name: shapes
sort_mode: unique
min_stability: 0.5
bins:
  - name: pink
    hex: "#e58fa6"
    tolerance: {delta_l: 15, delta_ab: 6}
    exposure_range: 1.5
    branch: a
  - name: beige
    any_of:
      - lab: [80, 3, 16]
      - rgb: [143, 98, 66]
    tolerance:
      delta_l: 6
      delta_a: 3
      delta_b: 5
    branch: a
    taught:
      at: 2026-01-31T10:00:00Z
      samples: 24
      spread: 1.4
      source: samples
      software: 0.1.0
  - name: gray and white
    all_of:
      - {hex: "#808080", min_share: 0.3}
      - hex: "#f0f0f0"
        min_share: 0.2
    tolerance: 6
    branch: a
fallback: {unknown: a, ambiguous: a, late: a, invalid: a}
"""
LONGEST_S = 10.0

ODD = [
    b"~", b"[]", b"{}", b"[[[[", b"- - -", b"!!python/object/apply:os.system [ls]", b"!!binary aGk=", b"&a [*a]", b"*a",
    b"<<: {}", b"? x", b"'", b'"', b'"\\ud800"', b'"\\UFFFFFFFF"', b"\t", b"\r", b"\xff", b"\x00", b"\xe2\x80\xa8",
    b"---\n", b"...", b"%YAML 1.1", b"|\n", b">-\n", b"1e999", b"-.inf", b".nan", b"9" * 5000, b"no", b"12:30", b": ",
    b"#", b"{kind: simulator}", b"{kind: [a]}", b"\xf0\x9f\x8d\x8e", b"=", b"@", b"`", b"name: {a: b}: c", b"[key]:",
]  # fmt: skip

Mutation = Callable[[bytes, int, int], bytes]


def _line_cut(data: bytes, at: int, pick: int) -> bytes:
    lines = data.splitlines(keepends=True)
    first = at % len(lines)
    return b"".join(lines[:first] + lines[first + 1 + pick % 3 :])


def _line_twice(data: bytes, at: int, pick: int) -> bytes:
    lines = data.splitlines(keepends=True)
    first = at % len(lines)
    return b"".join(lines[: first + 1 + pick % 3] + lines[first:])


def _byte_flipped(data: bytes, at: int, pick: int) -> bytes:
    place = at % len(data)
    return data[:place] + bytes([data[place] ^ (1 << pick % 8)]) + data[place + 1 :]


def _value_replaced(data: bytes, at: int, pick: int) -> bytes:
    lines = data.split(b"\n")
    with_value = [index for index, line in enumerate(lines) if b": " in line and not line.lstrip().startswith(b"#")]
    if not with_value:
        return data
    chosen = with_value[at % len(with_value)]
    lines[chosen] = lines[chosen].split(b": ")[0] + b": " + ODD[pick % len(ODD)]
    return b"\n".join(lines)


def _inserted(data: bytes, at: int, pick: int) -> bytes:
    place = at % (len(data) + 1)
    return data[:place] + ODD[pick % len(ODD)] + data[place:]


def _cut_short(data: bytes, at: int, _pick: int) -> bytes:
    return data[: at % (len(data) + 1)]


def _reindented(data: bytes, at: int, pick: int) -> bytes:
    lines = data.split(b"\n")
    lines[at % len(lines)] = b" " * (pick % 9) + lines[at % len(lines)].lstrip()
    return b"\n".join(lines)


MUTATIONS: list[Mutation] = [
    _line_cut, _line_twice, _byte_flipped, _value_replaced, _inserted, _cut_short, _reindented,
]  # fmt: skip
steps = st.lists(
    st.tuples(st.sampled_from(MUTATIONS), st.integers(0, 20_000), st.integers(0, 500)), min_size=1, max_size=4
)


def _mutated(data: bytes, chosen: list[tuple[Mutation, int, int]]) -> bytes:
    for mutation, at, pick in chosen:
        data = mutation(data, at, pick) or b"\n"
    return data


def _outcome(load: Callable[[Path], object], path: Path) -> object:
    try:
        return load(path)
    except ConfigurationError as error:
        return error


def _judge(load: Callable[[Path], object], path: Path) -> None:
    started = time.monotonic()
    outcome = _outcome(load, path)
    assert time.monotonic() - started < LONGEST_S
    if isinstance(outcome, ConfigurationError):
        lines = [str(mistake) for mistake in outcome.mistakes]
        assert lines
        assert all(line.isprintable() and line.encode("utf-8") and len(line) < 1000 for line in lines)
    else:
        assert isinstance(outcome, Loaded | Project)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=steps)
def test_a_spoiled_recipe_loads_or_its_mistakes_are_told(
    tmp_path: Path, chosen: list[tuple[Mutation, int, int]]
) -> None:
    path = tmp_path / "demo.yaml"
    path.write_bytes(_mutated(DEMO, chosen))
    _judge(load_recipe, path)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=steps)
def test_a_spoiled_recipe_of_many_shapes_loads_or_its_mistakes_are_told(
    tmp_path: Path, chosen: list[tuple[Mutation, int, int]]
) -> None:
    path = tmp_path / "shapes.yaml"
    path.write_bytes(_mutated(SHAPES, chosen))
    _judge(load_recipe, path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=steps)
def test_spoiled_settings_load_or_their_mistakes_are_told(
    tmp_path: Path, chosen: list[tuple[Mutation, int, int]]
) -> None:
    (tmp_path / "recipes").mkdir(exist_ok=True)
    (tmp_path / "recipes" / "demo.yaml").write_bytes(DEMO)
    (tmp_path / "sorter.yaml").write_bytes(_mutated(SITE, chosen))
    _judge(load_project, tmp_path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8"))))
def test_any_bytes_load_or_their_mistakes_are_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(data)
    _judge(load_recipe, path)


@pytest.mark.parametrize(
    "filler", [b"#", b"a", b"[", b"{", b"- ", b"a: ", b"\n", b"'", b"&a ", b"!a ", b"? ", b"|\n ", b"*a\n"]
)
def test_a_megabyte_of_anything_is_judged_in_bounded_time(tmp_path: Path, filler: bytes) -> None:
    path = tmp_path / "long.yaml"
    path.write_bytes((filler * (1024 * 1024 // len(filler)))[: 1024 * 1024])
    _judge(load_recipe, path)


MANY = {
    "empty products": ("{name: red, hex", "{}\n" + "        - {}\n" * 6_000 + "        - {name: red, hex"),
    "unknown keys": ("site: demo", "site: demo\n" + "".join(f"sites{n}: x\n" for n in range(9_000))),
    "tags": ("site: demo", "site: demo\n" + "".join(f"k{n}: !bad {{}}\n" for n in range(9_000))),
    "branches": ("gate-1: {", "".join(f"gate-x{n}: {{}}\n      " for n in range(6_000)) + "gate-11: {"),
}


@pytest.mark.parametrize("name", MANY)
def test_thousands_of_mistakes_are_told_in_bounded_time(tmp_path: Path, name: str) -> None:
    good, bad = MANY[name]
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "demo.yaml").write_bytes(DEMO)
    (tmp_path / "sorter.yaml").write_text(SITE.decode().replace(good, bad, 1), encoding="utf-8")
    _judge(load_project, tmp_path)


parts = st.lists(st.one_of(st.integers(-3, 300), st.text(max_size=8), st.sampled_from(
    ["lines", "source", "simulator", "products", "belt", "direction", "branches", "[key]", "bins", "lab", "kind",
     "any_of", "tolerance"]
)), max_size=7)  # fmt: skip


@given(loc=parts)
def test_any_location_finds_a_spot(loc: list[str | int]) -> None:
    for model in (Recipe, SiteSettings):
        found = spot(model, tuple(loc)).loc
        rest = iter(loc)
        assert all(part in rest for part in found)
