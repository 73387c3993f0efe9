"""A picture of a package from its own files: which module imports which."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from vit_tutorial.figures.style import INK, LINE, MUTED, figure, style


def read_imports(package: Path) -> dict[str, set[str]]:
    """Module or folder of a package -> the others of them that its files import, read from the source, imports within functions included."""
    found: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        own = path.relative_to(package).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        names = found.setdefault(own, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for name in imported(node):
                parts = name.split(".")
                if parts[0] == package.name and len(parts) > 1 and parts[1] != own:
                    names.add(parts[1])
    return {name: {other for other in others if other in found} for name, others in found.items()}


def imported(node: ast.AST) -> list[str]:
    """The dotted names that a statement imports; of ``from a import b`` both a and a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def reading_order(imports: Mapping[str, set[str]]) -> list[str]:
    """The modules so that each comes after all that it imports, those that import least first.

    Raises:
        ValueError: some import each other in a circle; the message names them.
    """
    order: list[str] = []
    left = dict(imports)
    while left:
        ready = sorted(name for name, others in left.items() if others <= set(order))
        if not ready:
            raise ValueError(f"a circle of imports among {', '.join(sorted(left))}")
        order += ready
        for name in ready:
            del left[name]
    return order


@style()
def import_matrix(imports: Mapping[str, set[str]], order: Sequence[str]) -> Figure:
    """A square for each import: the row's module imports the column's. In reading order all lie below the diagonal."""
    n = len(order)
    marks = np.array([[other in imports[name] for other in order] for name in order])
    fig = figure(height=0.21 * n + 1.0)
    axes = fig.subplots()
    axes.plot([-0.5, n - 0.5], [-0.5, n - 0.5], color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
    rows, columns = marks.nonzero()
    axes.scatter(
        columns, rows, marker="s", s=60, color=["#0072b2" if c < r else "#d55e00" for r, c in zip(rows, columns)]
    )
    axes.set_xticks(range(n), order, rotation=90)
    axes.set_yticks(range(n), order)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5))
    axes.set_title("row imports column", color=INK)
    axes.grid(color=LINE, linewidth=0.5)
    axes.set_axisbelow(True)
    return fig
