"""Lines that say what they did: the recorder sees each statement, and puts a change at the one that made it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vit_tutorial.figures.listing import Listing
from vit_tutorial.tracing import GONE, describe, statement_starts, trace_lines


def summed(values: list[int]) -> int:
    """Adds up.

    Over two lines of docstring.
    """
    total = 0
    for value in values:
        total = max(
            total + value,
            0,
        )
    return total


def counting(n: int) -> Iterator[int]:
    i = 0
    while i < n:
        yield i
        i += 1


def test_changes_stand_at_the_statement_that_made_them() -> None:
    with trace_lines(summed) as trace:
        assert summed([3, 4]) == 7
    assert trace.changes("total") == [("total = 0", 0), ("total = max(", 3), ("total = max(", 7)]
    assert trace.changed_by("total") == ["total = max("]
    assert trace.values("value") == [3, 4]
    assert trace.returned == [7]


@given(st.lists(st.integers(-5, 5), max_size=5))
def test_the_function_gives_what_it_gives_without_a_recorder(values: list[int]) -> None:
    with trace_lines(summed) as trace:
        recorded = summed(values)
    assert recorded == summed(values) == trace.returned[0]
    assert trace.values("value")[:1] == values[:1]


def test_a_watched_expression_is_followed_from_where_it_has_a_value() -> None:
    with trace_lines(summed, {"twice": "2 * total"}) as trace:
        summed([1])
    assert trace.values("twice") == [0, 2]


def test_a_variable_that_goes_is_said_to_be_gone() -> None:
    def short() -> None:
        x = 1
        del x

    with trace_lines(short) as trace:
        short()
    assert trace.changes("x") == [("x = 1", 1), ("del x", GONE)]


def test_a_generator_goes_on_where_it_stopped() -> None:
    with trace_lines(counting) as trace:
        assert list(counting(3)) == [0, 1, 2]
    assert trace.values("i") == [0, 1, 2, 3]
    assert trace.returned == [0, 1, 2, None]


def test_two_functions_are_recorded_at_once_and_others_are_not() -> None:
    with trace_lines(summed) as first, trace_lines(counting) as second:
        summed(list(counting(2)))
    assert first.returned == [1]
    assert second.values("n") == [2]


def test_of_a_decorated_function_the_inner_one_is_recorded() -> None:
    def doubled(function: Callable[[int], int]) -> Callable[[int], int]:
        @functools.wraps(function)
        def outer(x: int) -> int:
            return 2 * function(x)

        return outer

    @doubled
    def plus_one(x: int) -> int:
        return x + 1

    with trace_lines(plus_one) as trace:
        assert plus_one(1) == 4
    assert trace.returned == [2]


def test_an_error_in_the_function_comes_through_and_the_recorder_is_put_away() -> None:
    before = sys.gettrace()
    with pytest.raises(TypeError), trace_lines(summed):
        summed([None])  # type: ignore[list-item]
    assert sys.gettrace() is before


def test_one_function_is_not_recorded_twice_at_once() -> None:
    with (
        trace_lines(summed),
        pytest.raises(ValueError, match="summed is being traced already"),
        trace_lines(summed),
    ):
        pass


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.zeros(2, 3, dtype=torch.uint8), "uint8 [2, 3], 0 to 0"),
        (np.array([[1.0, 2.0]]), "float64 [1, 2], 1 to 2"),
        (torch.tensor(0.5), "0.5"),
        (torch.empty(0, 4), "float32 [0, 4]"),
        (torch.tensor([True, False]), "bool [2], 0 to 1"),
        ([1, 2], "[1, 2]"),
        ([object()], "list of 1"),
        (b"1234", "bytes of 4"),
        (Image.new("RGB", (4, 2)), "RGB image, 4 wide, 2 high"),
        (torch.nn.Identity(), "Identity"),
    ],
)
def test_a_value_is_described_in_a_few_words(value: Any, said: str) -> None:
    assert describe(value) == said


def test_every_line_of_a_statement_has_its_first_and_bodies_have_their_own() -> None:
    starts = statement_starts("for x in y:\n    f(\n        x\n    )\n", 10)
    assert starts == {10: 10, 11: 11, 12: 11, 13: 11}


def test_a_listing_shows_each_line_without_the_docstring_and_what_it_did_the_first_time() -> None:
    with trace_lines(summed) as trace:
        summed([3, 4])
    text = str(Listing(trace))
    assert "Adds up" not in text
    assert "value = 3" in text
    assert "value = 4" not in text
    assert "value = 4" in str(Listing(trace, visit=2))
    lines = text.splitlines()
    assert lines[next(i for i, line in enumerate(lines) if line.endswith("        )")) + 1].strip() == "-> total = 3"


def test_a_listing_shows_the_part_that_is_asked_for() -> None:
    with trace_lines(summed) as trace:
        summed([3])
    text = str(Listing(trace, "total = 0", "for value", show=["value"]))
    assert [line.strip(" 0123456789") for line in text.splitlines()] == [
        "total =",
        "for value in values:",
        "-> value =",
    ]
    with pytest.raises(ValueError, match="no line of summed contains 'nothing'"):
        Listing(trace, "nothing")


def test_values_that_the_reader_is_to_guess_are_folded() -> None:
    with trace_lines(summed) as trace:
        summed([3])
    page = Listing(trace, ask=["total"]).html()
    assert page.count("<details><summary>total = ?</summary>") == 2
    assert "<div>value = 3</div>" in page


def test_a_listing_escapes_what_html_would_read() -> None:
    def tagged() -> str:
        x = "<b>&"
        return x

    with trace_lines(tagged) as trace:
        tagged()
    page = Listing(trace).html()
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;" in page
