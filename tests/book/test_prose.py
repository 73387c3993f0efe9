"""Numbers in the text are data, and the text does not advertise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prose import ROOT, prose, sources, texts

from book.extension.results import names

# A percentage or a time typed by hand. Digits glued to a word (ViT-B/16), decades (1990s) and plurals (sevens) are none.
WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred"
TYPED = re.compile(
    rf"(?<![\w.])(?:\d[\d.,]*|(?:{WORDS})(?!s\b))[\s\N{{NO-BREAK SPACE}}-]*"
    r"(?:%|‰|per ?cent\b|percentage points?\b|ms\b|s\b|secs?\b|seconds?\b|min\b|minutes?\b|hours?\b)",
    re.IGNORECASE,
)
DEFINITIONS = ("95 % interval", "95 % confidence interval", "95% interval", "95% confidence interval")
DECADE = re.compile(r"\b(?:1[89]|20)\d0s\b")
HYPE = re.compile(
    r"\b(powerful|revolutionary|revolutioni[sz]e\w*|groundbreaking|cutting[- ]edge|state[- ]of[- ]the[- ]art|blazing\w*|seamless\w*|"
    r"game[- ]chang\w+|unleash\w*|leverag\w+|delve\w*|magical\w*|amazing|incredibl\w+|awesome|world[- ]class|next[- ]level|"
    r"supercharge\w*|harness the power|in this (?:section|chapter|notebook),? (?:we|you) will|simply put|it goes without saying)\b",
    re.IGNORECASE,
)

each_source = pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())


def typed_numbers(text: str) -> list[str]:
    for allowed in DEFINITIONS:
        text = text.replace(allowed, "")
    return TYPED.findall(DECADE.sub("", text))


@each_source
def test_no_percentage_or_time_is_typed_by_hand(path: Path) -> None:
    found = {text: typed_numbers(text) for text in prose(path) if typed_numbers(text)}
    assert not found, "quote the record with {result} or compute it in a cell"


@each_source
def test_no_word_advertises(path: Path) -> None:
    assert [match for text in prose(path) for match in HYPE.findall(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "98.3 % of them",
        "98% right",
        "in 55 s",
        "takes 12 seconds",
        "3ms",
        "sixty seconds",
        "1,000 hours",
        "20-minute run",
    ],
)
def test_a_typed_number_is_found(text: str) -> None:
    assert typed_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "the 1990s",
        "too few sevens",
        "a 95 % interval",
        "ViT-B/16 sees",
        "3 samples",
        "10 classes",
        "2.5 million images",
    ],
)
def test_an_ordinary_number_is_let_pass(text: str) -> None:
    assert not typed_numbers(text)


def test_code_formulas_and_roles_are_not_prose_and_boxes_are() -> None:
    page = "It takes `55 s`, $5\\,\\% s$ and {result}`a train_seconds`.\n\n```python\nx = 5 s\n```\n\n:::{note}\n:class: tip\nBut 7 % here.\n:::\n"
    assert [match for text in texts(page) for match in typed_numbers(text)] == ["7 %"]


def test_quoted_records_exist() -> None:
    """The build stops at a missing record too; this names all of them at once."""
    known = names(ROOT)
    quoted = {
        match
        for path in sources()
        for match in re.findall(r"\{result\}`([\w-]+) ", path.read_text(encoding="utf-8"))
        if path.name != "how_to_read.md"
    }
    assert quoted <= set(known)
