"""Draws the book's own pictures as SVG: ``python -m book.pictures.draw`` writes them beside this file.

Colours are classes, which book/assets/book.css fills in for the light and the dark theme.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
SAMPLE, SIDE, PATCH = 3, 8, 2  # an image of scikit-learn's digits, its side and the patch's side in pixels


def patches_svg(pixels: list[list[int]], width: int = 680) -> str:
    """A digit, the digit cut into patches, and the patches in one row behind a class token.

    Args:
        pixels: grey values 0 .. 16, [8][8].
        width: of the drawing, in user units.
    """
    grid, unit, gap = SIDE // PATCH, 22, 10
    out: list[str] = []

    def square(x: float, y: float, size: float, value: int) -> None:
        out.append(f'<rect x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}" fill-opacity="{value / 16:g}"/>')

    def patch(x: float, y: float, size: float, row: int, column: int) -> None:
        out.append(f'<rect class="paper" x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}"/>')
        for i in range(PATCH):
            for j in range(PATCH):
                value = pixels[row * PATCH + i][column * PATCH + j]
                if value:
                    square(x + j * size / PATCH, y + i * size / PATCH, size / PATCH, value)

    whole, cut = SIDE * unit, SIDE * unit + (grid - 1) * gap
    left = (width - whole - cut - 90) / 2
    top = (cut - whole) / 2
    for row in range(grid):
        for column in range(grid):
            patch(left + column * PATCH * unit, top + row * PATCH * unit, PATCH * unit, row, column)
    x0 = left + whole + 90
    out.append(f'<path class="arrow" d="M{left + whole + 22:g} {cut / 2:g}h42m-9 -7l9 7l-9 7"/>')
    for row in range(grid):
        for column in range(grid):
            patch(x0 + column * (PATCH * unit + gap), row * (PATCH * unit + gap), PATCH * unit, row, column)
    step = width / (grid * grid + 1)
    size, y = step - 7, cut + 62
    out.append(f'<path class="arrow" d="M{width / 2:g} {cut + 16:g}v30m-7 -9l7 9l7 -9"/>')
    out.append(f'<rect class="class-token" x="3.5" y="{y:g}" width="{size:g}" height="{size:g}"/>')
    for n in range(grid * grid):
        patch(3.5 + (n + 1) * step, y, size, n // grid, n % grid)
    body = "\n".join(out)
    return f'<svg xmlns="http://www.w3.org/2000/svg" class="vt-patches" viewBox="0 0 {width} {y + size + 4:g}">\n{body}\n</svg>\n'


def architecture_svg(width: int = 380) -> str:
    """A Vision Transformer for classification, from the image at the bottom to the logits at the top, with the shape at every arrow."""
    out: list[str] = []
    # Of the column of boxes: its middle, half its width, a box's height, an arrow's length.
    middle, half, row, gap = 168, 124, 32, 30

    def box(y: float, text: str, kind: str = "box") -> float:
        out.append(f'<rect class="{kind}" x="{middle - half}" y="{y:g}" width="{2 * half}" height="{row}" rx="5"/>')
        out.append(f'<text x="{middle}" y="{y + row / 2 + 5:g}" text-anchor="middle">{text}</text>')
        return y + row

    def arrow(y: float, shape: str = "", length: int = gap) -> float:
        """Upwards, ending at y; returns where it starts."""
        out.append(f'<path class="arrow" d="M{middle} {y + length:g}V{y + 2:g}m-5 7l5 -7l5 7"/>')
        if shape:
            out.append(f'<text class="shape" x="{middle + 14}" y="{y + length / 2 + 6:g}">{shape}</text>')
        return y + length

    def branch(y: float, text: str) -> float:
        """z + f(LayerNorm(z)): the sum at the top, f and the norm below it, and the way past them."""
        out.append(f'<circle class="box" cx="{middle}" cy="{y + 10:g}" r="10"/>')
        out.append(f'<path class="sign" d="M{middle - 5} {y + 10:g}h10m-5 -5v10"/>')
        bottom = arrow(box(arrow(box(arrow(y + 20, length=14), text, "strong"), length=14), "LayerNorm"), length=22)
        side = middle + half + 22
        out.append(f'<path class="arrow" d="M{middle} {bottom - 6:g}H{side}V{y + 10:g}H{middle + 14}m7 -5l-7 5l7 5"/>')
        return bottom

    y = box(arrow(24, "[B, K]", 26), "linear map: the head")
    out.append(f'<text x="{middle}" y="17" text-anchor="middle">a score for each class</text>')
    y = box(arrow(y, "[B, D]"), "take the class token")
    y = box(arrow(y, "[B, 1 + N, D]"), "LayerNorm")
    top = arrow(y, "[B, 1 + N, D]")
    y = branch(branch(top + 12, "FFN: each token alone"), "attention: all look up all") + 2
    frame = f'x="14" y="{top:g}" width="{width - 56}" height="{y - top:g}" rx="8"'
    out.insert(0, f'<rect class="frame" {frame}/>')
    out.append(f'<text x="{width - 36}" y="{(top + y) / 2 + 5:g}">L ×</text>')
    y = box(arrow(y, "[B, 1 + N, D]"), "add a position to each token")
    y = box(arrow(y, "[B, 1 + N, D]"), "put the class token in front")
    y = box(arrow(y, "[B, N, D]"), "linear map: patch embedding")
    y = box(arrow(y, "[B, N, C P²]"), "cut into patches")
    y = arrow(y, "[B, C, H, W]")
    out.append(f'<text x="{middle}" y="{y + 17:g}" text-anchor="middle">images</text>')
    body = "\n".join(out)
    return f'<svg xmlns="http://www.w3.org/2000/svg" class="vt-architecture" viewBox="0 0 {width} {y + 24:g}">\n{body}\n</svg>\n'


def main() -> None:
    from sklearn.datasets import load_digits

    pixels = load_digits().images[SAMPLE].astype(int).tolist()
    (FOLDER / "patches.svg").write_text(patches_svg(pixels), encoding="utf-8")
    (FOLDER / "architecture.svg").write_text(architecture_svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
