"""Pictures of optimisers and schedules (chapter 5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, figure, style

DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)))


@style()
def bowl_path(points: Any, curvatures: tuple[float, float], reach: float = 1.7) -> Figure:
    """The path of an optimiser in the bowl (a x^2 + b y^2) / 2, seen from above, and the loss at its end.

    Args:
        points: [T + 1, 2], the start first. What leaves the picture is drawn to its edge.
        curvatures: (a, b).
        reach: the picture shows -reach to reach across, and two thirds of it up and down.
    """
    fig = figure(height=2.9, width=4.4)
    axes = fig.subplots()
    x, y = np.meshgrid(np.linspace(-reach, reach, 61), np.linspace(-reach / 1.5, reach / 1.5, 61))
    axes.contour(x, y, _loss(x, y, curvatures), levels=[0.05, 0.3, 1, 3, 7, 13, 21, 31], colors=LINE, linewidths=1)
    path = as_array(points).astype(float)
    inside = np.clip(path, -2 * reach, 2 * reach)
    axes.plot(inside[:, 0], inside[:, 1], color=CATEGORIES[0], marker=".", markersize=6, linewidth=1.2)
    axes.plot(0, 0, marker="+", color=INK, markersize=9)
    axes.set(xlim=(-reach, reach), ylim=(-reach / 1.5, reach / 1.5), xlabel="flat axis", ylabel="steep axis")
    axes.set_title(f"Loss after {len(path) - 1} steps: {_loss(path[-1, 0], path[-1, 1], curvatures):.2g}")
    return fig


def _loss(x: Any, y: Any, curvatures: tuple[float, float]) -> Any:
    return (curvatures[0] * x**2 + curvatures[1] * y**2) / 2


@style()
def singular_value_map(values: Any, rounds: int, after: Any, coefficients: tuple[float, float, float]) -> Figure:
    """What rounds of an odd polynomial make of singular values: the curve from s to p(...p(s)), and a matrix's own values on it.

    Args:
        values: [r] singular values in [0, 1], before.
        rounds: how often p(s) = k1 s + k3 s^3 + k5 s^5 is applied.
        after: [r] the values afterwards, computed from the matrix itself.
        coefficients: (k1, k3, k5).
    """
    k1, k3, k5 = coefficients
    s = np.geomspace(1e-3, 1, 400)
    curve = s
    for _ in range(rounds):
        curve = k1 * curve + k3 * curve**3 + k5 * curve**5
    fig = figure(height=2.4, width=5.6)
    axes = fig.subplots()
    axes.axhline(1, color=LINE, linewidth=1)
    axes.plot(s, curve, color=CATEGORIES[0], label="the polynomial, on numbers")
    axes.plot(
        as_array(values),
        as_array(after),
        "o",
        color=CATEGORIES[3],
        markersize=5,
        label="the matrix's own singular values",
    )
    axes.set(xscale="log", xlim=(1e-3, 1.05), ylim=(0, 1.35), xlabel="singular value before")
    axes.set_title(f"Singular value after {rounds} {'round' if rounds == 1 else 'rounds'}")
    axes.legend(fontsize=9, loc="upper left" if rounds < 2 else "lower right")
    return fig


@style()
def schedule_view(name: str, factors: Mapping[str, Any], peak: float = 1.0, highest: float | None = None) -> Figure:
    """The learning rate of one schedule for trainings of several lengths, on axes that do not change with schedule or peak.

    Args:
        name: of the schedule.
        factors: for each length, in words, the factors [S], the first that of step 0.
        peak: by which they are multiplied.
        highest: of the peaks to choose from, where the axis ends; None for this one.
    """
    fig = figure(height=2.4, width=5.6)
    axes = fig.subplots()
    for number, (length, values) in enumerate(factors.items()):
        rates = peak * as_array(values)
        label = f"{length}: the rates add up to {rates.sum():.2g}"
        axes.plot(rates, color=CATEGORIES[number], linestyle=DASHES[number], label=label)
    top = 1.35 * (highest or peak)  # room for the legend
    axes.set(xlim=(0, max(len(as_array(v)) for v in factors.values())), ylim=(0, top), xlabel="step")
    axes.set_title(f"{name[0].upper()}{name[1:]}: learning rate, peak {peak:g}")
    axes.legend(fontsize=9, loc="upper right")
    return fig


@style()
def landscape(x: Any, y: Any, losses: Any, paths: Mapping[str, tuple[Any, Any]], step: int, every: int = 1) -> Figure:
    """The loss on a plane through the weights, and the paths of optimisers, projected onto it, up to a step.

    Args:
        x, y: [n], [m] the coordinates of the grid. losses: [m, n] the loss at each point.
        paths: for each name the points [n, 2] in these coordinates and the loss [n] at the true weights, the start first.
        step: up to which the paths are drawn. every: steps between two points.
    """
    fig = figure(height=2.9)
    plane, curve = fig.subplots(1, 2, width_ratios=(1.25, 1.0))
    filled = plane.contourf(as_array(x), as_array(y), as_array(losses).astype(float), levels=14, cmap="viridis")
    bar = fig.colorbar(filled, ax=plane, pad=0.02)
    bar.set_label("loss")
    for number, (name, (points, along)) in enumerate(paths.items()):
        p, values = as_array(points)[: step // every + 1], as_array(along)
        dash = DASHES[number % len(DASHES)]
        plane.plot(p[:, 0], p[:, 1], color="white", linewidth=2, linestyle=dash)
        plane.plot(p[-1, 0], p[-1, 1], marker="os"[number % 2], color="white", markeredgecolor=INK, markersize=8)
        line = {"color": CATEGORIES[number], "linestyle": dash, "markersize": 7, "marker": "os"[number % 2]}
        curve.plot(every * np.arange(len(values)), values, **line, markevery=[step // every], label=name)
    plane.set(xticks=[], yticks=[])
    plane.set_title(f"The plane, step {step}")
    curve.set(ylim=(0, None), xlabel="step")
    curve.set_title("Loss on the path")
    curve.legend(fontsize=9)
    return fig
