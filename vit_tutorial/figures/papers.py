"""The papers of appendix A.1 as data, their time line, and the sizes of models over the years (A.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from matplotlib.figure import Figure

from vit_tutorial.figures.origins import timeline
from vit_tutorial.figures.style import CATEGORIES, figure, style

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


@style()
def sizes_over_time(models: Mapping[str, tuple[float, float]], line: Sequence[str] = ()) -> Figure:
    """Parameters of named models at their dates, on a logarithmic axis.

    Args:
        models: name to (year with its fraction, parameters).
        line: the models through which a straight line is laid, by least squares in log10, and drawn on to the last date. None of them: no line.
    """
    fig = figure(height=3.2)
    axes = fig.subplots()
    years, sizes = (np.array(values) for values in zip(*models.values()))
    axes.semilogy(years, sizes, "o", color=CATEGORIES[0])
    for name, (year, size) in models.items():
        axes.annotate(name, (year, size), xytext=(0, 7), textcoords="offset points", ha="center")
    if line:
        x, y = (np.array(values) for values in zip(*(models[name] for name in line)))
        slope, start = np.polyfit(x, np.log10(y), 1)
        ends = np.array([x.min(), years.max()])
        axes.semilogy(ends, 10 ** (slope * ends + start), "--", color=CATEGORIES[3], label=f"line through {len(line)}")
        axes.legend(loc="upper left")
    axes.set_xlim(years.min() - 0.5, years.max() + 0.5)
    axes.set_ylabel("parameters")
    axes.set_xticks(range(int(years.min()), int(years.max()) + 1))
    axes.margins(y=0.2)
    return fig
