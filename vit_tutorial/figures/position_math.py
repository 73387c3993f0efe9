"""Pictures for the derivation of position embeddings: codes of places, clocks, similarity over the grid, shares of a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from vit_tutorial.figures.attention import check_query, outline
from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import ACCENT, ATTENTION, CATEGORIES, INK, LINE, MUTED, SIGNED, figure, style


@style()
def confused_places(code: Any) -> Figure:
    """One number a place, and the two places that it tells apart least.

    Args:
        code: [N], the number that each place is given.

    The pair with the smallest difference is joined by a line; the difference stands above.
    """
    values = as_array(code).astype(float)
    first, second, gap = closest(values[:, None])
    fig = figure(height=2.5)
    axes = fig.subplots()
    axes.vlines(range(len(values)), 0, values, color=LINE, linewidth=2)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.plot(values, "o", color=ACCENT, markersize=6)
    pair = [first, second]
    axes.plot(pair, values[pair], "o-", color=CATEGORIES[3], markersize=10, linewidth=2.2)
    axes.set_title(f"places {first} and {second} differ by {gap:.2g}", fontsize=11)
    margin = 0.15 * (values.max() - values.min() or 1)
    axes.set_ylim(min(values.min(), 0) - margin, values.max() + margin)
    axes.set_xlabel("place n")
    return fig


@style()
def counter_and_waves(bits: Any, waves: Any) -> Figure:
    """A binary counter beside a table of sines and cosines: each row is a place, each column one number of its code.

    Args:
        bits: [N, k], zeros and ones. waves: [N, D], between -1 and 1.
    """
    left, right = as_array(bits).astype(float), as_array(waves).astype(float)
    fig = figure(height=3.6)
    axes = fig.subplots(1, 2, width_ratios=[1, 3])
    draw_table(axes[0], left, "greys")
    draw_table(axes[1], right, SIGNED)
    axes[0].set_title("bits of n")
    axes[1].set_title("sines (left half) and cosines")
    axes[0].set_ylabel("place n")
    axes[0].set_xlabel("bit")
    axes[1].set_xlabel("channel")
    return fig


@style()
def clocks(frequencies: Any, place: int, places: int) -> Figure:
    """The code of one place as clocks: each pair (sine, cosine) is a hand that turns by its frequency from place to place.

    Args:
        frequencies: [m] angles a place, in radians. place: the one that is shown. places: how many there are.

    Faint hands are the places before.

    Raises:
        ValueError: a place that is not there.
    """
    omega = as_array(frequencies).astype(float)
    if not 0 <= place < places:
        raise ValueError(f"place is {place}, but the places are numbered from 0 to {places - 1}")
    columns = min(len(omega), 4)
    rows = -(-len(omega) // columns)
    fig = figure(height=2.15 * rows)
    grid = fig.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for i, w in enumerate(omega):
        axes = grid.flat[i]
        axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor=MUTED, linewidth=1))
        angle = w * np.arange(place)
        ends = np.outer([0.75, 1.0, np.nan], np.sin(angle)), np.outer([0.75, 1.0, np.nan], np.cos(angle))
        axes.plot(ends[0].T.ravel(), ends[1].T.ravel(), color=LINE, linewidth=2)
        axes.plot(
            [0, np.sin(w * place)], [0, np.cos(w * place)], color=CATEGORIES[3], linewidth=3, solid_capstyle="round"
        )
        axes.set_xlim(-1.1, 1.1)
        axes.set_ylim(-1.1, 1.1)
        axes.set_aspect("equal")
        turns = 2 * np.pi / w
        axes.set_title(f"pair {i}\na turn: {turns:,.0f}", loc="center", fontsize=10, fontweight="normal")
    return fig


@style()
def against_distance(
    distances: Any, curves: Mapping[str, Any], ylabel: str, cloud: tuple[Any, Any] | None = None
) -> Figure:
    """Similarity against distance, a line a name.

    Args:
        distances: [m]. curves: name -> [m] values. ylabel: what the values are.
        cloud: (distances, values) of single pairs, drawn as faint dots behind the lines.
    """
    x = as_array(distances).astype(float)
    lines = {name: as_array(values).astype(float) for name, values in curves.items()}
    fig = figure(height=2.9)
    axes = fig.subplots()
    axes.axhline(0, color=LINE, linewidth=1)
    if cloud is not None:
        axes.plot(*(as_array(part).ravel() for part in cloud), ".", color=MUTED, alpha=0.25, markersize=4)
    for index, (name, values) in enumerate(lines.items()):
        axes.plot(
            x, values, color=CATEGORIES[index % 8], marker="o" if len(x) <= 40 else None, markersize=4, label=name
        )
    if len(lines) > 1:
        axes.legend()
    axes.set_xlabel("distance")
    axes.set_ylabel(ylabel)
    return fig


@style()
def heat_maps(tables: Mapping[str, Any], xlabel: str = "", ylabel: str = "", vmax: float | None = None) -> Figure:
    """Up to four matrices side by side: signed ones in two colours around white, others (attention) from dark to bright.

    Args:
        tables: title -> [M, N]. xlabel, ylabel: of the columns and the rows. vmax: the largest value of all scales; None: each its own,
            and none is drawn.
    """
    arrays = {title: as_array(table).astype(float) for title, table in tables.items()}
    fig = figure(height=3.3 if len(arrays) <= 2 else 2.5)
    shown = fig.subplots(1, max(len(arrays), 2), squeeze=False)[0]
    for axes in shown[len(arrays) :]:
        axes.set_axis_off()
    for n, (title, array) in enumerate(arrays.items()):
        signed = array.min() < 0
        top = vmax if vmax is not None else abs(array).max() or 1.0
        image = shown[n].imshow(array, cmap=SIGNED if signed else ATTENTION, vmin=-top if signed else 0, vmax=top)
        shown[n].set_title(title)
        shown[n].set_xlabel(xlabel)
        shown[n].set_ylabel(ylabel if n == 0 else "")
        shown[n].xaxis.set_major_locator(MaxNLocator(6, integer=True))
        shown[n].yaxis.set_major_locator(MaxNLocator(6, integer=True))
    if vmax is not None:
        bar = fig.colorbar(image, ax=list(shown[: len(arrays)]), shrink=0.7, aspect=14)
        bar.outline.set_visible(False)  # type: ignore[operator]
    return fig


@style()
def place_maps(
    maps: Mapping[str, Any], grid_size: tuple[int, int], query: int | Sequence[int], vmax: float | None = None
) -> Figure:
    """One value for every place of the grid, seen from one place, which is outlined.

    Args:
        maps: title -> [rows * columns] values. grid_size: (rows, columns).
        query: the place they are seen from, row by row; or one for each map.
        vmax: the largest value of the common scale.

    Raises:
        ValueError: a map that does not fit the grid, or no such place.
    """
    rows, columns = grid_size
    arrays = {title: as_array(values).astype(float) for title, values in maps.items()}
    queries = [query] * len(arrays) if isinstance(query, int) else list(query)
    for place in queries:
        check_query(place, grid_size)
    if any(a.size != rows * columns for a in arrays.values()):
        raise ValueError(
            f"each map has {rows * columns} values, got { ({t: list(a.shape) for t, a in arrays.items()}) }"
        )
    grids = {title: values.reshape(rows, columns) for title, values in arrays.items()}
    fig = heat_maps(grids, vmax=vmax)
    for axes, place, array in zip(fig.axes, queries, grids.values()):
        axes.set_xticks([])
        axes.set_yticks([])
        outline(axes, place, grid_size, array)
    return fig


@style()
def all_place_maps(similarity: Any, grid_size: tuple[int, int]) -> Figure:
    """For each place of the grid a small map: how similar every place is to it. The maps stand where their places are.

    Args:
        similarity: [N, N], between -1 and 1, N = rows * columns. grid_size: (rows, columns).
    """
    matrix = as_array(similarity).astype(float)
    rows, columns = grid_size
    gap = 1  # blank cells between the maps; one image is much quicker to draw than a grid of axes
    board = np.full((rows * (rows + gap) - gap, columns * (columns + gap) - gap), np.nan)
    for query in range(rows * columns):
        top, left = (query // columns) * (rows + gap), (query % columns) * (columns + gap)
        board[top : top + rows, left : left + columns] = matrix[query].reshape(rows, columns)
    fig = figure(height=5.2, width=5.9)
    axes = fig.subplots()
    image = axes.imshow(board, cmap=SIGNED, vmin=-1, vmax=1)
    axes.set_axis_off()
    bar = fig.colorbar(image, ax=axes, shrink=0.6, aspect=20)
    bar.outline.set_visible(False)  # type: ignore[operator]
    return fig


@style()
def share_bars(shares: Any, parts: Sequence[str], rows: Sequence[str]) -> Figure:
    """Bars cut into parts, one bar a row.

    Args:
        shares: [rows, parts], each the part of a whole; a small negative one is drawn as nothing.
        parts, rows: their names.

    Raises:
        ValueError: the names do not fit the table.
    """
    table = as_array(shares).astype(float)
    if table.shape != (len(rows), len(parts)):
        raise ValueError(f"{len(rows)} rows of {len(parts)} parts, got {list(table.shape)}")
    fig = figure(height=1.0 + 0.42 * len(rows))
    axes = fig.subplots()
    left = np.zeros(len(rows))
    for index, part in enumerate(parts):
        width = table[:, index].clip(0)
        color = CATEGORIES[index % 8]
        axes.barh(range(len(rows)), width, left=left, color=color, label=part, height=0.72)
        for row, (start, share) in enumerate(zip(left, width)):
            if share > 0.07:
                dark = index % 8 in (0, 2, 3, 7)
                colour = "white" if dark else INK
                axes.text(start + share / 2, row, f"{share:.2f}", ha="center", va="center", color=colour, fontsize=10)
        left += width
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlim(0, max(1.0, left.max()))
    fig.legend(loc="outside upper left", ncols=2, fontsize=9.5)
    return fig


@style()
def accuracy_dots(results: Mapping[str, Sequence[float]], chance: float | None = None) -> Figure:
    """Accuracies of several runs a setting: a dot a run, a bar at their mean.

    Args:
        results: setting -> accuracies between 0 and 1. chance: what guessing gets, a dashed line.
    """
    fig = figure(height=0.75 + 0.4 * len(results))
    axes = fig.subplots()
    for row, runs in enumerate(results.values()):
        mean = float(np.mean(runs))
        axes.barh(row, mean, height=0.62, color=CATEGORIES[4], alpha=0.55)
        if len(runs) > 1:
            axes.plot(runs, [row] * len(runs), "o", color=INK, markersize=5)
        axes.text(max(*runs, mean) + 0.02, row, f"{mean:.2f}", va="center", fontsize=10)
    if chance is not None:
        axes.axvline(chance, color=MUTED, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(results)), list(results))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlim(0, 1.12)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel("accuracy")
    return fig


@style()
def interpolation(known: Any, places: Any, curves: Mapping[str, Any]) -> Figure:
    """Known values at whole places, and what is put between them.

    Args:
        known: [n] values at the places 0 .. n-1. places: [m] where the others are. curves: name -> [m] values there.
    """
    values, x = as_array(known).astype(float), as_array(places).astype(float)
    fig = figure(height=2.7)
    axes = fig.subplots()
    for index, (name, line) in enumerate(curves.items()):
        axes.plot(
            x,
            as_array(line).astype(float),
            color=CATEGORIES[index % 8],
            label=name,
            marker=".",
            markersize=7,
            linewidth=1.4,
        )
    axes.plot(values, "o", color=INK, markersize=9, label="known")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_xlabel("place")
    return fig


def closest(codes: NDArray[np.float64]) -> tuple[int, int, float]:
    """The two rows of [N, D] that lie closest together, and their distance."""
    gaps = np.linalg.norm(codes[:, None] - codes[None], axis=-1)
    gaps[np.tril_indices(len(codes))] = np.inf
    first, second = np.unravel_index(gaps.argmin(), gaps.shape)
    return int(first), int(second), float(gaps[first, second])


def draw_table(axes: Axes, table: NDArray[np.float64], colours: str) -> None:
    """A table as an image; bits in greys, others signed."""
    if colours == "greys":
        axes.imshow(table, cmap="Greys", vmin=0, vmax=1.4, aspect="auto")
        axes.set_xticks(range(table.shape[1]))
    else:
        axes.imshow(table, cmap=colours, vmin=-1, vmax=1, aspect="auto")
