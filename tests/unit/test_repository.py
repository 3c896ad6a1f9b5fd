"""What the repository promises about itself: locks, documents, commands, and nothing of anyone's machine."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
NOT_OURS = {
    ".git", ".venv", ".build", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis",
    ".import_linter_cache", "__pycache__",
}  # fmt: skip
OF_ONE_MACHINE = re.compile(r"(?<![\w.$}-])/(?:work|root|home/\w+|Users/\w+|opt/(?:pypi|wheels))(?![\w-])")
PACKAGE_REGISTRIES = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian\.org|--(?:extra-)?index-url)", re.IGNORECASE
)
LINK = re.compile(r"\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")
LOCKS = {
    "requirements.lock": (),
    "requirements-genicam.lock": ("genicam",),
    "requirements-demo.lock": ("demo",),
    "requirements-dev.lock": ("demo", "dev"),
}
PEERS_LOCK = "benchmarks/peers/requirements.lock"
"""Of tools that are measured beside ours; they are no dependency of anything."""


@cache
def _files() -> tuple[Path, ...]:
    """Every file of ours, without asking git: the tests run in an unpacked archive too."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith(".egg-info")]
        # In a work tree of git's, .git is a file.
        found += [Path(folder) / name for name in names if name not in NOT_OURS]
    return tuple(sorted(found))


def _texts(*suffixes: str) -> Iterator[tuple[Path, str]]:
    for path in _files():
        if suffixes and path.suffix not in suffixes:
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture or a film
            continue


@cache
def _project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


def _direct(extras: tuple[str, ...]) -> list[Requirement]:
    project = _project()
    lines = project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]
    return [Requirement(line) for line in lines]


@cache
def _locked(lock: str) -> dict[str, str]:
    """Each requirement of a lock file with the lines of its hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", "")
    entries = (line.partition("--hash=") for line in text.splitlines())
    return {requirement.strip(): mark + hashes for requirement, mark, hashes in entries}


def _imported_packages() -> set[str]:
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for package in ("sorter", "calibration")
        for path in (ROOT / package).rglob("*.py")
    ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in plain | named} - set(sys.stdlib_module_names) - {"sorter", "calibration"}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_direct_dependency(lock: str) -> None:
    pins = [Requirement(line) for line in _locked(lock)]
    for wanted in _direct(LOCKS[lock]):
        own = [pin for pin in pins if canonicalize_name(pin.name) == canonicalize_name(wanted.name)]
        assert own, f"{lock} has no {wanted.name}: run make lock"
        for pin in own:
            version = str(pin.specifier).removeprefix("==")
            assert version in wanted.specifier, f"{lock} has {pin}, pyproject.toml asks for {wanted}: run make lock"


@pytest.mark.parametrize("lock", [*LOCKS, PEERS_LOCK])
def test_a_lock_gives_a_sha_256_for_every_package(lock: str) -> None:
    assert _locked(lock)
    without = [pin for pin, hashes in _locked(lock).items() if not re.match(r"--hash=sha256:[0-9a-f]{64}\b", hashes)]
    assert not without


def test_what_is_tested_is_what_runs() -> None:
    product, genicam, demo, development = (_locked(lock).items() for lock in LOCKS)
    assert product <= demo <= development
    assert product <= genicam <= development


def test_the_product_imports_only_what_it_declares() -> None:
    declared = {
        canonicalize_name(requirement.name) for requirement in _direct(("demo", "plots", "server", "stores", "cluster"))
    }
    declared.add(canonicalize_name("pydantic-core"))  # pydantic pins it and documents its error types as its own
    distributions = packages_distributions()
    for name in _imported_packages():
        owners = {canonicalize_name(owner) for owner in distributions.get(name, [name])}
        assert owners & declared, f"{name} is imported, but not among the dependencies of pyproject.toml"


def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_the_documents_name_only_make_targets_that_exist() -> None:
    named = {
        (path.name, target)
        for path, text in _texts(".md")
        for target in re.findall(r"(?:`|^\s*)make ([a-z][a-z-]*)", text, re.MULTILINE)
    }
    assert "README.md" in {name for name, _ in named}, "README.md says how to start with make"
    assert {target for _, target in named} <= _make_targets(), sorted(named)


def test_the_readme_names_only_commands_that_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"run_sorter\.py ([a-z]+)", readme))
    command = [sys.executable, "run_sorter.py", "--help"]
    help_text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert named
    assert not {name for name in named if not re.search(rf"\b{name}\b", help_text)}


def test_make_alone_says_what_there_is() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    lines = done.stdout.splitlines()[1:]
    assert {line.split()[0] for line in lines} == _make_targets()


def test_every_link_to_a_file_of_ours_leads_somewhere() -> None:
    dead = [
        f"{path.relative_to(ROOT)}: {target}"
        for path, text in _texts(".md")
        for target in LINK.findall(text)
        if not re.match(r"[a-z]+:|#", target) and not (path.parent / target.partition("#")[0]).exists()
    ]
    assert not dead, "\n".join(dead)


@pytest.mark.parametrize("pattern", [OF_ONE_MACHINE, PACKAGE_REGISTRIES], ids=["paths", "registries"])
def test_nothing_of_one_machine_is_in_a_file(pattern: re.Pattern[str]) -> None:
    told = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in _texts()
        for match in pattern.finditer(text)
        if path != Path(__file__)
    ]
    assert not told, "\n".join(told)


def test_the_changelog_has_a_section_for_what_comes_next_or_for_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = re.escape(_project()["version"])
    assert re.search(rf"^## \[(?:Unreleased\]$|{version}\] - \d{{4}}-\d\d-\d\d$)", text, re.MULTILINE)


def test_the_license_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert re.match(r"\s*Apache License\s+Version 2\.0, January 2004", text)
    assert "END OF TERMS AND CONDITIONS" in text
    assert _project()["license"] == "Apache-2.0"


def test_hadolint_has_nothing_to_say_of_the_dockerfile() -> None:
    command = [Path(sys.executable).parent / "hadolint", "Dockerfile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_continuous_integration_can_be_started() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_container_is_given_the_directory_of_the_settings_and_nothing_to_write_but_the_journal() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    sorter = compose["services"]["sorter"]
    state = "/var/lib/conveyor-color-sorter"
    named = [volume.split(":") for volume in sorter["volumes"]]
    assert ["journal", state] in named
    assert "journal" in compose["volumes"]
    assert f"STATE_DIRECTORY={state}" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    sources = [ROOT / "deploy" / one[0] for one in named if one[1] != state]
    assert all(one[-1] == "ro" for one in named if one[1] != state)
    assert all(source.is_dir() for source in sources)
    assert sorter["read_only"]
