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


def main() -> None:
    from sklearn.datasets import load_digits

    pixels = load_digits().images[SAMPLE].astype(int).tolist()
    (FOLDER / "patches.svg").write_text(patches_svg(pixels), encoding="utf-8")


if __name__ == "__main__":
    main()
