"""The papers of appendix A.1 as data, and their time line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vit_tutorial.figures.origins import timeline
from vit_tutorial.figures.style import Figure

FILE = Path(__file__).with_name("papers.yaml")
PARTS = ("tokens", "block", "head", "training", "size")  # what a paper may change; the file's head says what each means


@dataclass(frozen=True)
class Paper:
    """One paper. ``key``: of the bibliography; ``year``: of its first version, with the month as a fraction; ``changes``: some of PARTS."""

    key: str
    name: str
    year: float
    theme: str
    changes: tuple[str, ...]


def read_papers(path: Path = FILE) -> list[Paper]:
    """All papers of the file, the oldest first.

    Raises:
        ValueError: a paper changes a part that is none of PARTS.
    """
    return [_paper(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]


def _paper(entry: dict[str, Any]) -> Paper:
    changes = tuple(entry.get("changes", ()))
    for part in changes:
        if part not in PARTS:
            raise ValueError(f"{entry['key']} changes {part!r}; choose of {', '.join(PARTS)}")
    year, month = (int(number) for number in str(entry["date"]).split("-"))
    return Paper(entry["key"], entry["name"], round(year + (month - 0.5) / 12, 2), entry["theme"], changes)


def paper_timeline(papers: Sequence[Paper], part: str) -> Figure:
    """The papers at their dates: those that change a part of the ViT, and in another colour the rest."""
    kinds = {True: f"changes the {part}", False: "does not"}
    return timeline([(paper.year, paper.name, kinds[part in paper.changes]) for paper in papers])
