"""The traps of book/traps.yml: complete, of the tested versions, and true where a row has code."""

from __future__ import annotations

import re
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from book.extension.traps import as_markdown, read_traps

ROOT = Path(__file__).parent.parent.parent
TRAPS = read_traps(ROOT / "book" / "traps.yml")
PAGE = (ROOT / "book" / "traps.md").read_text(encoding="utf-8")
SHOWN = [row for row in TRAPS if "show" in row]


def name(row: dict[str, Any]) -> str:
    return f"{row['library']}-{row['guess'][:40]}"


def test_every_row_is_on_the_page() -> None:
    subjects = re.findall(r"^```\{traps\} (\w+)$", PAGE, flags=re.M)
    assert sorted(subjects) == sorted({row["subject"] for row in TRAPS})


def test_no_row_stands_twice() -> None:
    guesses = [(row["library"], row["guess"]) for row in TRAPS]
    assert len(set(guesses)) == len(guesses)


@pytest.mark.parametrize("row", TRAPS, ids=name)
def test_a_row_names_the_tested_version(row: dict[str, Any]) -> None:
    pinned = dict(re.findall(r"^([\w-]+)==([\w.+]+)$", (ROOT / "constraints.txt").read_text(), flags=re.M))
    assert pinned[row["library"]] == row["version"]


@pytest.mark.parametrize("row", TRAPS, ids=name)
def test_a_row_fits_a_cell_of_a_table(row: dict[str, Any]) -> None:
    assert not any(mark in row[field] for field in ("guess", "truth") for mark in ("|", "\n"))


@pytest.mark.parametrize("row", SHOWN, ids=name)
def test_what_a_row_shows_is_so(row: dict[str, Any]) -> None:
    try:
        installed = version(row["library"])
    except PackageNotFoundError:
        pytest.skip(f"{row['library']} is not installed")
    if installed != row["version"]:
        pytest.skip(f"{row['library']} is {installed} here")
    assert "assert" in row["show"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(row["show"], row["guess"], "exec"), {})


def test_the_table_has_a_line_a_row_and_the_code_of_those_that_show_some() -> None:
    text = as_markdown(TRAPS)
    assert text.count("\n| ") == len(TRAPS) + 1
    assert text.count("{dropdown}") == len(SHOWN) >= 10


def test_a_row_without_a_truth_is_refused(tmp_path: Path) -> None:
    (tmp_path / "traps.yml").write_text("- {subject: data, library: a, version: '1', guess: b}", encoding="utf-8")
    with pytest.raises(ValueError, match="'b' has or lacks truth"):
        read_traps(tmp_path / "traps.yml")
