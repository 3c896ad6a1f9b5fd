from __future__ import annotations

import pytest

from sorter.commands.choose import choose_line
from sorter.errors import UsageError
from sorter.settings.load import load_project


def site(files, *names: str):
    return load_project(files.write_settings(*({"name": name} for name in names))).site


def test_the_only_line_need_not_be_named(files):
    index, line = choose_line(site(files, "one"), None)
    assert (index, line.name) == (0, "one")


def test_one_of_several_is_chosen_by_its_name(files):
    index, line = choose_line(site(files, "one", "two"), "two")
    assert (index, line.name) == (1, "two")


def test_of_several_one_must_be_named(files):
    with pytest.raises(UsageError, match=r"sorter\.yaml has several lines \('one', 'two'\): say which with --line"):
        choose_line(site(files, "one", "two"), None)


def test_an_unknown_line_is_told_with_the_known_ones(files):
    with pytest.raises(UsageError, match=r"sorter\.yaml has no line 'three', only 'one', 'two'"):
        choose_line(site(files, "one", "two"), "three")
