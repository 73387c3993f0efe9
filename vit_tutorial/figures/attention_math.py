"""Pictures for the derivation of attention: arrows, matrices with their numbers, spreads, gradients, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from numpy.typing import NDArray

from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import ATTENTION, CATEGORIES, INK, LINE, MUTED, PAGE_WIDTH, SIGNED, figure, style

BLUE, ORANGE, GREEN, RED = CATEGORIES[:4]


@style()
def dot_product(q: Any, k: Any) -> Figure:
    """Two vectors of the plane, the shadow of one on the other, and what their dot product comes to.

    Args:
        q, k: [2] each, no longer than 2, neither of them zero.
    """
    q, k = as_array(q).astype(float), as_array(k).astype(float)
    length_q, length_k = np.linalg.norm(q), np.linalg.norm(k)
    cosine = float(np.clip(q @ k / (length_q * length_k), -1, 1))
    fig = figure(height=2.7)
    plane, words = fig.subplots(1, 2, width_ratios=[1.55, 1])
    shadow = q * (k @ q) / (q @ q)
    plane.plot(*np.stack([k, shadow], 1), color=MUTED, linewidth=1, linestyle=":")
    plane.plot(*np.stack([np.zeros(2), shadow], 1), color=ORANGE, linewidth=7, alpha=0.45, solid_capstyle="butt")
    arrow(plane, q, BLUE, "q")
    arrow(plane, k, GREEN, "k")
    box(plane, 2.25, 1.15)
    words.set_axis_off()
    lines = [
        f"|q| = {length_q:.2f}",
        f"|k| = {length_k:.2f}",
        f"angle {np.degrees(np.arccos(cosine)):.0f}°, cosine {cosine:+.2f}".replace("-", "\N{MINUS SIGN}"),
    ]
    words.text(0, 0.86, "\n".join(lines), va="top", fontsize=11, linespacing=1.6, transform=words.transAxes)
    score = f"q · k = {q @ k:+.2f}".replace("-", "\N{MINUS SIGN}")
    words.text(0, 0.2, score, fontsize=15, fontweight="bold", color=INK, transform=words.transAxes)
    return fig


@style()
def matrices(
    values: Mapping[str, Any],
    names: Sequence[str] | None = None,
    signed: bool = False,
    digits: int = 1,
    rows: str = "query",
    columns: str = "key",
) -> Figure:
    """Small matrices side by side, each number in its cell.

    Args:
        values: title: [M, N] matrix; at most three, and small enough to read.
        names: of the tokens, along both sides.
        signed: a map with white at zero, for scores; otherwise from none to all, for weights.
        digits: after the decimal point.
        rows, columns: what the two sides are.

    All matrices share one scale of colours. An infinite number, as of a masked score, is left blank behind its sign.
    """
    arrays = {title: as_array(matrix).astype(float) for title, matrix in values.items()}
    top = max(float(np.abs(matrix[np.isfinite(matrix)]).max(initial=0)) for matrix in arrays.values()) or 1.0
    low, colours = (-top, SIGNED) if signed else (0.0, ATTENTION)
    width = PAGE_WIDTH / max(len(arrays), 2)
    shape = max(m.shape[0] / m.shape[1] for m in arrays.values())
    fig = figure(height=min(width * 0.8, 2.9) * shape + 0.75)
    panels = fig.subplots(1, max(len(arrays), 2), squeeze=False)[0]
    for axes in panels[len(arrays) :]:
        axes.set_axis_off()
    for axes, (title, matrix) in zip(panels, arrays.items()):
        finite = np.isfinite(matrix)
        axes.imshow(np.where(finite, matrix, np.nan), cmap=colours, vmin=low, vmax=top)
        axes.set_title(title)
        for (i, j), value in np.ndenumerate(matrix):
            dark = finite[i, j] and (abs(value) > 0.6 * top if signed else value < 0.6 * top)
            text = f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}").replace("inf", "\N{INFINITY}")
            axes.text(j, i, text, ha="center", va="center", color="white" if dark else INK, fontsize=10)
        labels = list(names) if names is not None else [str(n) for n in range(max(matrix.shape))]
        axes.set_yticks(range(matrix.shape[0]), labels[: matrix.shape[0]])
        axes.set_xticks(range(matrix.shape[1]), labels[: matrix.shape[1]])
        axes.tick_params(length=0)
        axes.set_xlabel(columns, color=MUTED)
        if axes is panels[0]:
            axes.set_ylabel(rows, color=MUTED)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return fig


@style()
def score_spread(scores: Any, weights: Any, reach: float = 40.0) -> Figure:
    """How far scores are spread, and what the softmax makes of one row of them.

    Args:
        scores: any number of scores, after the division.
        weights: [N] one row of attention weights.
        reach: the histogram goes from -reach to reach, whatever the scores.

    Raises:
        ValueError: the weights are no distribution.
    """
    scores, weights = as_array(scores).astype(float).ravel(), as_array(weights).astype(float)
    check_weights(weights, len(weights))
    fig = figure(height=2.5)
    left, right = fig.subplots(1, 2)
    left.hist(scores, bins=np.linspace(-reach, reach, 81), weights=np.full(scores.size, 1 / scores.size), color=BLUE)
    left.set_title(f"Scores: standard deviation {scores.std():.2g}")
    left.set_xlabel("score after the division")
    left.set_yticks([])
    left.spines["left"].set_visible(False)
    right.bar(range(len(weights)), weights, width=0.9, color=GREEN)
    right.axhline(1 / len(weights), color=INK, linewidth=1, linestyle="--")
    right.set_ylim(0, 1)
    right.set_title(f"Weights: as if {1 / (weights**2).sum():.1f} of {len(weights)} keys")
    right.set_xlabel("key (dashed: the mean of all)")
    return fig


@style()
def gradient_by_width(widths: Any, gradients: Mapping[str, Any]) -> Figure:
    """The gradient at a query against the width of the head: the typical one, and the largest of a hundred.

    Args:
        widths: [n] head widths.
        gradients: name of a divisor: [n, 2], median and 99th percentile at each width.
    """
    widths = as_array(widths)
    fig = figure(height=3.1)
    panels = fig.subplots(1, 2, sharey=True)
    for at, (axes, title) in enumerate(zip(panels, ("The typical query (median)", "The loudest of a hundred"))):
        for (name, values), colour, marker in zip(gradients.items(), (RED, BLUE, ORANGE), "sov"):
            axes.plot(widths, as_array(values)[:, at], color=colour, marker=marker, markersize=5, label=name)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(widths, [str(width) for width in widths])
        axes.minorticks_off()
        axes.set_title(title)
        axes.set_xlabel("head width d")
    panels[0].set_ylabel("length of the gradient")
    fig.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=10)
    return fig


@style()
def jacobian_bound(largest: Any, norms: Any) -> Figure:
    """The norm of the softmax's Jacobian against the largest probability: samples, and the bound 2 p (1 - p).

    Args:
        largest, norms: [n] largest probability and spectral norm of n samples.
    """
    fig = figure(height=2.7, width=5.2)
    axes = fig.subplots()
    axes.scatter(as_array(largest), as_array(norms), s=6, color=BLUE, alpha=0.5, linewidths=0, label="random p")
    grid = np.linspace(0, 1, 200)
    bound = np.where(grid < 0.5, 0.5, 2 * grid * (1 - grid))
    axes.plot(grid, 2 * grid * (1 - grid), color=RED, label="2 p (1 − p)")
    axes.set_ylim(0, bound.max() * 1.08)
    axes.set_xlabel("largest probability p")
    axes.set_ylabel("norm of the Jacobian")
    axes.legend(loc="upper left", fontsize=9)
    return fig


@style()
def soft_lookup(query: Any, keys: Any, values: Any, weights: Any) -> Figure:
    """One look-up in the plane: the query among the keys, the weights, and the output among the values.

    Args:
        query: [2]; keys, values: [N, 2]; weights: [N], which sum to 1.

    Raises:
        ValueError: the weights are no distribution over the keys.
    """
    query, keys, values, weights = (as_array(a).astype(float) for a in (query, keys, values, weights))
    check_weights(weights, len(keys))
    fig = figure(height=2.6)
    left, middle, right = fig.subplots(1, 3, width_ratios=[1, 0.8, 1])
    left.set_title("Query and keys")
    for n, key in enumerate(keys):
        arrow(left, key, CATEGORIES[n + 1], str(n))
    arrow(left, query, BLUE, "q")
    box(left, 1.6, 1.6)
    middle.set_title("Weights")
    middle.bar(range(len(weights)), weights, color=CATEGORIES[1 : len(weights) + 1])
    middle.set_ylim(0, 1)
    middle.set_xticks(range(len(weights)))
    right.set_title("Values and output")
    centre = values.mean(0)
    order = np.argsort(np.arctan2(*(values - centre).T[::-1]))
    right.add_patch(Polygon(values[order], facecolor=LINE, edgecolor=MUTED, linewidth=1, alpha=0.6))
    output = weights @ values
    for n, value in enumerate(values):
        right.plot(*np.stack([value, output], 1), color=CATEGORIES[n + 1], linewidth=0.5 + 6 * weights[n], alpha=0.6)
        right.plot(*value, "o", color=CATEGORIES[n + 1], markersize=8)
        right.annotate(str(n), value, value + 0.17 * np.sign(value - centre), ha="center", va="center")
    right.plot(*output, "o", color=INK, markersize=9, label="output")
    box(right, 1.6, 1.6)
    return fig


@style()
def attention_shapes(num_tokens: int, head_width: int, largest: int = 64) -> Figure:
    """The matrices of one head, drawn to scale: S = Q K^T, A = softmax of its rows, O = A V.

    Args:
        num_tokens, head_width: N and d.
        largest: the N that fills the picture.

    Raises:
        ValueError: more tokens than fit.
    """
    N, d = num_tokens, head_width
    if not 0 < N <= largest:
        raise ValueError(f"{N} tokens do not fit a picture for {largest}; give a larger largest")
    fig = figure(height=2.6)
    axes = fig.subplots()
    gap, low = 0.28 * largest, 0.0
    pieces = [
        ("Q", d, N, BLUE, "·"),
        ("Kᵀ", N, d, GREEN, "→"),
        ("A", N, N, RED, "·"),
        ("V", d, N, ORANGE, "="),
        ("O", d, N, BLUE, ""),
    ]
    for name, width, height, colour, sign in pieces:
        axes.add_patch(
            Rectangle((low, -height / 2), width, height, facecolor=colour, alpha=0.75, edgecolor=INK, linewidth=0.8)
        )
        middle = low + width / 2
        axes.text(middle, largest * 0.62, name, ha="center", fontsize=12, fontweight="bold")
        axes.text(middle, -largest * 0.72, f"{height} × {width}", ha="center", fontsize=10)
        low += width
        if sign:
            axes.text(low + gap / 2, 0, sign, ha="center", va="center", fontsize=15, color=MUTED)
        low += gap
    axes.set_title(f"Q, K, V and O: {4 * N * d:,} numbers. The weights A: {N * N:,}")
    axes.set_xlim(-gap / 2, 2 * largest + 3 * d + 4.5 * gap)
    axes.set_ylim(-largest * 0.8, largest * 0.8)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return fig


@style()
def cost_by_tokens(tokens: Any, maps: Any, pairs: Any, marks: Mapping[str, int] | None = None) -> Figure:
    """FLOPs of an attention layer against the number of tokens: what grows with N, and what grows with its square.

    Args:
        tokens, maps, pairs: [n] tokens, FLOPs of the four linear maps, FLOPs of scores and weighted sum.
        marks: name of an image size: its number of tokens.
    """
    tokens = as_array(tokens)
    fig = figure(height=2.9)
    axes = fig.subplots()
    axes.plot(tokens, as_array(maps), color=BLUE, label="four linear maps")
    axes.plot(tokens, as_array(pairs), color=RED, linestyle="--", label="scores and weighted sum")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("tokens N")
    axes.set_ylabel("FLOPs a layer")
    low, high = axes.get_ylim()
    for name, count in (marks or {}).items():
        axes.axvline(count, color=LINE, linewidth=1, zorder=0)
        axes.text(count, low * 1.4, f" {name}", fontsize=9, color=MUTED, rotation=90, ha="right", va="bottom")
    axes.set_ylim(low, high)
    axes.legend(loc="upper left", fontsize=9)
    return fig


def check_weights(weights: NDArray[Any], keys: int) -> None:
    """Raise ValueError where this is not one row of attention weights over so many keys."""
    if weights.shape != (keys,) or weights.min() < 0 or abs(weights.sum() - 1) > 1e-3:
        raise ValueError(
            f"a row of weights over {keys} keys is [{keys}], not negative, and sums to 1; got {list(weights.shape)} "
            f"with the sum {weights.sum():.3f}; apply softmax to scores first"
        )


def arrow(axes: Axes, tip: Any, colour: str, name: str) -> None:
    """An arrow from the origin with its name beyond the tip."""
    tip = np.asarray(tip, dtype=float)
    axes.annotate(
        "", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2.2, "shrinkA": 0, "shrinkB": 0}
    )
    length = float(np.linalg.norm(tip)) or 1.0
    x, y = tip * (1 + 0.2 / length)
    axes.text(x, y, name, color=colour, fontsize=11, fontweight="bold", ha="center", va="center")


def box(axes: Axes, across: float, up: float) -> None:
    """A plane around the origin with equal axes and no ticks."""
    axes.axhline(0, color=LINE, linewidth=1, zorder=0)
    axes.axvline(0, color=LINE, linewidth=1, zorder=0)
    axes.set_xlim(-across, across)
    axes.set_ylim(-up, up)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
