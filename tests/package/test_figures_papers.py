"""The papers of appendix A.1."""

from __future__ import annotations

from pathlib import Path

import pytest
from figure_helpers import written

from vit_tutorial.figures.papers import PARTS, paper_timeline, read_papers


def test_the_papers_stand_in_the_order_of_their_dates_each_once() -> None:
    papers = read_papers()
    assert [paper.year for paper in papers] == sorted(paper.year for paper in papers)
    assert len({paper.key for paper in papers}) == len({paper.name for paper in papers}) == len(papers)


def test_every_paper_after_vit_changes_something() -> None:
    papers = read_papers()
    vit = next(paper for paper in papers if paper.name == "ViT")
    assert [paper.name for paper in papers if paper.year > vit.year and not paper.changes] == []
    assert [paper.name for paper in papers if paper.year <= vit.year and paper.changes] == []


def test_a_part_that_is_no_part_is_refused_with_the_paper_and_the_choice(tmp_path: Path) -> None:
    path = tmp_path / "papers.yaml"
    path.write_text("- {key: a2020b, name: A, date: 2020-01, theme: x, changes: [colour]}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a2020b changes 'colour'; choose of tokens, block"):
        read_papers(path)


@pytest.mark.parametrize("part", PARTS)
def test_the_time_line_names_every_paper_and_colours_two_kinds(part: str) -> None:
    papers = read_papers()
    text = written(paper_timeline(papers, part)).splitlines()
    assert {paper.name for paper in papers} <= set(text)
    assert {f"changes the {part}", "does not"} <= set(text)
