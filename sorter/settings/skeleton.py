"""The text of a new recipe file, with the comments that an operator needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sorter.settings.splice import Plain, inline

SAFE_BRANCH = "reject"
"""Where a new recipe sends what no bin takes."""

_HEAD = """\
# A recipe: which colors there are, how much a product may differ from each, and the branch it then takes.
# After a change:  python run_sorter.py check {file}

name: {name}
revision: 1            # raise it by one with every change, so that people can talk about it

# lab is the color, tolerance the largest difference (CIEDE2000) that still belongs to the bin. branch is one of the
# branches that the line names in sorter.yaml. taught tells where the numbers came from; nothing is decided by it.
bins:
"""
_FOOT = """
# The safe branch of every product that no bin may have.
fallback:
  unknown: {branch}      # no bin reaches its color
  ambiguous: {branch}    # two bins reach it, or its pictures disagree
  late: {branch}         # decided after the diverter could act
  invalid: {branch}      # cut off, merged with another, too small or blurred
"""


def skeleton(name: str, bins: Sequence[Mapping[str, Plain]], schema: str | None) -> str:
    """Write a recipe.

    Args:
        name: of the recipe.
        bins: at least one, each with the keys that a bin has in the file.
        schema: path of the recipe schema, relative to the file, for editors; None where there is none.
    """
    first = f"# yaml-language-server: $schema={schema}\n#\n" if schema else ""
    head = _HEAD.format(name=inline(name), file="FILE")
    return first + head + "\n".join(map(_bin, bins)) + _FOOT.format(branch=SAFE_BRANCH)


def _bin(settings: Mapping[str, Plain]) -> str:
    lines = []
    for key, value in settings.items():
        if isinstance(value, dict):
            lines += [f"{key}:", *(f"  {inner}: {inline(one)}" for inner, one in value.items())]
        else:
            lines.append(f"{key}: {inline(value)}")
    return "".join(f"{'  - ' if index == 0 else '    '}{line}\n" for index, line in enumerate(lines))
