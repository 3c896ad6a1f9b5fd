"""The shape of the code, held: which way imports run, what may not be imported, how long things may be."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("sorter", "calibration")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PURE = (
    "product",
    "color",
    "decision",
    "sampling",
    "timing",
    "triggers",
    "pipeline",
    "deciding",
    "evidence",
    "readings",
    "thumbnail",
    "replay",
    "backtest",
    "batch",
)
IMPURE_MODULES = {
    "asyncio", "datetime", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil",
    "socket", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
NAMES_THAT_SAY_NOTHING = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}
MAX_FUNCTION_LINES = 50
MAX_MODULE_LINES = 350


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=_name(path))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _pure_modules() -> list[Path]:
    sorter = ROOT / "sorter"
    own = (path for path in MODULES if path.is_relative_to(sorter))
    return [path for path in own if path.relative_to(sorter).parts[0].removesuffix(".py") in PURE]


def _layers() -> list[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [module.strip(" ()") for layer in layers for module in layer.split("|")]


def _lengths(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Each function with its lines, its docstring not counted: a contract may be as long as it must."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1 - docstring


def test_imports_run_one_way() -> None:
    command = [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_has_its_place_in_the_layers() -> None:
    parts = {path.name.removesuffix(".py") for path in (ROOT / "sorter").iterdir() if _is_python(path)}
    placed = {layer.removeprefix("sorter.") for layer in _layers() if layer.startswith("sorter.")}
    assert parts == placed, "name it in the layers of pyproject.toml"


def _is_python(path: Path) -> bool:
    return (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()


@pytest.mark.parametrize("path", _pure_modules(), ids=_name)
def test_the_thinking_parts_have_no_clock_log_thread_file_socket_or_chance(path: Path) -> None:
    imported = {name.split(".")[0] for name in _imports(_tree(path))}
    assert not imported & IMPURE_MODULES, f"{_name(path)}: hand it in instead"


def test_every_thinking_part_was_looked_at() -> None:
    seen = {path.relative_to(ROOT / "sorter").parts[0].removesuffix(".py") for path in _pure_modules()}
    assert seen == set(PURE)


def test_every_module_is_named_by_what_it_is_about() -> None:
    vague = [_name(path) for path in MODULES if NAMES_THAT_SAY_NOTHING & set(path.stem.split("_"))]
    assert not vague


def test_functions_are_short() -> None:
    long = [
        f"{_name(path)}: {name} has {lines} lines"
        for path in MODULES
        for name, lines in _lengths(_tree(path))
        if lines > MAX_FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_modules_are_read_in_one_sitting() -> None:
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    long = [f"{name} has {lines} lines" for name, lines in lengths.items() if lines > MAX_MODULE_LINES]
    assert not long, "\n".join(long)
