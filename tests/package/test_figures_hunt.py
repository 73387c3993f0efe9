"""The picture of the bug hunt: a filled square where a check does not pass, and their number at the right."""

from __future__ import annotations

from figure_helpers import written

from vit_tutorial.figures.hunt import check_matrix

PASSED = {("none", "a"): True, ("none", "b"): True, ("late", "a"): False, ("late", "b"): True}


def test_a_square_is_drawn_where_a_check_does_not_pass() -> None:
    lines = check_matrix(PASSED, ["none", "late"], ["a", "b"]).axes[0].lines
    squares = [(line.get_xdata()[0], line.get_ydata()[0]) for line in lines if line.get_marker() == "s"]  # type: ignore[index]
    assert squares == [(0, 1)]


def test_scripts_checks_and_counts_are_written() -> None:
    texts = written(check_matrix(PASSED, ["none", "late"], ["a", "b"])).splitlines()
    assert {"none", "late", "a", "b", "0", "1"} <= set(texts)
