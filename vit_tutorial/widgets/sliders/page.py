"""A live figure of the built book: every setting is drawn now, for light and for dark pages, equal pictures are kept once, and the page's
script chooses among them.

The figure's HTML carries its pictures and its script, so it works wherever the output of a cell is shown and survives the cache of
executed notebooks. The book's build then moves the pictures to files and the script to the one that all figures share
(:func:`to_files`): a page loads them only when the figure comes near the screen.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vit_tutorial.widgets.sliders.drawing import Frame, draw, encode, padded, save
from vit_tutorial.widgets.sliders.settings import Parameter, Settings, all_settings, describe_controls, positions

MAX_BYTES = 2_000_000  # of all pictures of one figure
SCRIPT = Path(__file__).parent / "dist" / "vit-live.js"
LOADED_BY = 'data-vt-needs="vit-live.js"'
DATA_URI = re.compile(r"data:image/(webp|png);base64,([A-Za-z0-9+/=]+)")
FIGURE = re.compile(r'<figure class="vt-live".*?</figure>', re.DOTALL)
INLINE_SCRIPT = re.compile(r'<script class="vt-live-script">.*?</script>', re.DOTALL)


@dataclass(frozen=True)
class PageFigure:
    """All pictures of a figure and what is said about them; the value of a cell.

    Fields:
        controls: the parameters, as the front end reads them. start: the number of the value of each that is shown first.
        pictures: the different pictures, as (bytes, type). dark: the same on dark paper.
        shown: which of them each setting shows, the last parameter fastest.
        texts: the alternative text of each setting, or one for all. caption: below the figure.
        size: width and height in pixels of the page. fallback: the first picture as PNG, for output without HTML.
    """

    controls: list[dict[str, Any]]
    start: list[int]
    pictures: list[tuple[bytes, str]]
    dark: list[tuple[bytes, str]]
    shown: list[int]
    texts: list[str]
    caption: str
    size: tuple[int, int]
    fallback: bytes

    @classmethod
    def draw(
        cls,
        figure_function: Callable[..., Any],
        parameters: list[Parameter],
        first: Settings,
        describe: Callable[[Settings], str],
        caption: str,
    ) -> PageFigure:
        """Draw every setting.

        Raises:
            ValueError: the pictures are larger than 2 MB in all.
            TypeError: the figure function returned something else than a Figure.
        """
        from vit_tutorial.dark import PAPER  # here: a build that only moves pictures needs no matplotlib

        settings = all_settings(parameters)
        numbers: dict[Frame, int] = {}  # of the different pictures, by their size and dots
        twins: list[Frame] = []
        shown = []
        for s in settings:
            frame, twin = ((image.size, image.tobytes()) for image in draw(figure_function, s, twin=True))
            if frame not in numbers:
                numbers[frame] = len(numbers)
                twins.append(twin)
            shown.append(numbers[frame])
        frames = list(numbers)
        size = (max(width for (width, _), _ in frames), max(height for (_, height), _ in frames))
        pictures = [encode(padded(frame, size)) for frame in frames]
        dark = [encode(padded(twin, size, PAPER)) for twin in twins]
        for kind in (pictures, dark):  # a page loads those of its own look
            check_bytes([len(data) for data, _ in kind])
        texts = [describe(s) for s in settings]
        return cls(
            describe_controls(parameters),
            positions(parameters, first),
            pictures,
            dark,
            shown,
            texts if len(set(texts)) > 1 else texts[:1],
            caption,
            (round(size[0] / 2), round(size[1] / 2)),
            save(padded(frames[shown[settings.index(first)]], size), "PNG"),
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        png = base64.b64encode(self.fallback).decode()
        return {"text/html": self.html(), "image/png": png, "text/plain": f"<live figure: {self.text_at_start}>"}

    @property
    def number_at_start(self) -> int:
        """Which setting is shown first."""
        number = 0
        for place, control in zip(self.start, self.controls):
            number = number * len(control["texts"]) + place
        return number

    @property
    def text_at_start(self) -> str:
        return self.texts[self.number_at_start if len(self.texts) > 1 else 0]

    def html(self) -> str:
        """The figure for a page, complete in itself."""
        sources, dark = (
            [f"data:image/{kind};base64,{base64.b64encode(data).decode()}" for data, kind in pictures]
            for pictures in (self.pictures, self.dark)
        )
        data = {
            "controls": self.controls,
            "start": self.start,
            "shown": self.shown,
            "texts": self.texts,
            "pictures": sources,
            "dark": dark,
        }
        width, height = self.size
        number = self.shown[self.number_at_start]
        said = f'alt="{html.escape(self.text_at_start)}" width="{width}" height="{height}" style="--width: {width}px"'
        names = ", ".join(control["label"] for control in self.controls)
        return (
            f'<figure class="vt-live" data-vt-figure="live" {LOADED_BY}>'
            f'<div class="vt-still"><img class="vt-light" src="{sources[number]}" {said} loading="lazy" decoding="async">'
            # Hidden wherever the book's style sheet does not show it in the place of the other.
            f'<img class="vt-dark" src="{dark[number]}" {said} loading="lazy" decoding="async" hidden></div>'
            + (f"<figcaption>{html.escape(self.caption)}</figcaption>" if self.caption else "")
            + f'<noscript><p class="caption">With JavaScript this figure has controls: {html.escape(names)}.</p></noscript>'
            + f'<script type="application/json">{json.dumps(data).replace("<", chr(92) + "u003c")}</script>'
            f'<script class="vt-live-script">{SCRIPT.read_text(encoding="utf-8")}</script></figure>'
        )


def check_bytes(sizes: list[int]) -> None:
    """Raise ValueError where the pictures of one figure are too large together; the message says how large they are."""
    if sum(sizes) > MAX_BYTES:
        raise ValueError(
            f"the {len(sizes)} different pictures take {sum(sizes) / 1e6:.1f} MB ({max(sizes) / 1e3:.0f} kB the largest), and at most "
            f"{MAX_BYTES / 1e6:.0f} MB are kept; take fewer values, or draw less: a smaller figure, or no photograph in each"
        )


def to_files(page: str, folder: Path, address: str) -> str:
    """The figures in a page's HTML with their pictures moved to files, and their inline script left out; all else stays as it is.

    Args:
        page: HTML with figures of :class:`PageFigure`.
        folder: where the pictures go, named by their content; one that is there already is left as it is.
        address: the folder as the page sees it, e.g. ``../../_figures/live``.
    """

    def move(match: re.Match[str]) -> str:
        data = base64.b64decode(match[2])
        name = f"{hashlib.sha256(data).hexdigest()[:20]}.{match[1]}"
        path = folder / name
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return f"{address}/{name}"

    return FIGURE.sub(lambda figure: INLINE_SCRIPT.sub("", DATA_URI.sub(move, figure[0])), page)
