"""A model as a web page of its own: one file that any browser shows, from a server or by a double click, with no Python behind it."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from vit_tutorial.data.decode import FULL_RANGE, as_tensor, fit, open_image
from vit_tutorial.data.joint import fitted, resize_image
from vit_tutorial.heads import Segmenter
from vit_tutorial.patches import pair
from vit_tutorial.vit import VisionTransformer
from vit_tutorial.widgets.assets import asset_text
from vit_tutorial.widgets.models.export import page_model
from vit_tutorial.widgets.models.page_model import data_address

NAME, DISPLAY, LARGE = (
    "mine",
    224,
    720,
)  # of the model in its script; pixels of a picture to look at, with an attention map and with a mask
CODE = {"explorer": ("vit-engine.js", "vit-explorer.js"), "masks": ("vit-masks.js",)}

STYLE = """
:root { color-scheme: light dark; --vt-ink: #1d2129; --vt-paper: #fff; --vt-tint: #f5f6f8; --vt-line: #d9dde3; --vt-accent: #00629b; }
@media (prefers-color-scheme: dark) {
  :root { --vt-ink: #e3e6ea; --vt-paper: #15181d; --vt-tint: #1e2229; --vt-line: #363c47; --vt-accent: #6cbcf0; }
}
body { max-width: 60rem; margin: 1rem auto; padding: 0 1rem; font-family: system-ui, sans-serif; background: var(--vt-paper); color: var(--vt-ink); }
"""
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<h1>{title}</h1>
<figure id="explorer" style="margin: 0"><p class="vt-still">The model starts here where scripts are allowed.</p></figure>
<p>It knows these names: {classes}. The pictures that you show it stay on this device.</p>
{scripts}
</html>
"""
START = """
vitTutorialFigures[%s].mount(document.getElementById("explorer"), %s, {models: vitTutorialModels, galleries: vitTutorialGalleries});
"""


def export_site(
    model: VisionTransformer | Segmenter,
    out: str | Path,
    classes: Sequence[str],
    mean: Sequence[float],
    std: Sequence[float],
    pictures: Sequence[str | Path] = (),
    title: str = "A Vision Transformer",
    dtype: str = "int8",
    value_range: tuple[int, int] = FULL_RANGE,
) -> Path:
    """Write a page that runs a model: one HTML file that holds the model, its pictures and all code.

    A classifier gets the attention explorer; a segmenter a picture under its mask. On either, people drop pictures of their own.

    Args:
        model: a classifier with a class token, which the explorer asks first; or a segmenter with a linear head or a mask transformer.
        out: the file, ``something.html``.
        classes, mean, std, dtype: see :func:`~vit_tutorial.widgets.models.export.page_model`.
        pictures: image files for the row of pictures; at least one. They become part of the page: only those that may be published.
        title: of the page.
        value_range: of 16-bit pictures, as the model was trained (see `open_image`).

    Returns:
        The path of the file.

    Raises:
        ValueError: no picture, one that cannot be decoded, or descriptions that do not fit the model.
    """
    if not pictures:
        raise ValueError("a site needs a picture to start with; name one or more image files (--pictures)")
    encoder = model.encoder if isinstance(model, Segmenter) else model
    kind = "masks" if isinstance(model, Segmenter) else "explorer"
    shown = _fitted if isinstance(model, Segmenter) else _cut
    gallery = []
    for number, file in enumerate(map(Path, pictures)):
        try:
            image = open_image(file.read_bytes(), encoder.config.in_chans, value_range=value_range)
        except MemoryError:
            raise
        except Exception as error:  # Pillow's plug-ins raise many kinds on damaged files
            raise ValueError(f"the picture {file} cannot be decoded: {' '.join(str(error).split())}") from error
        small, large = shown(image, pair(encoder.config.img_size))
        entry = {
            "name": f"picture {number + 1}",
            "label": f"{file.parent.name}/{file.stem}",
            "image": data_address(small, "PNG"),
        }
        gallery.append({**entry, "large": data_address(large.convert("RGB"), "JPEG", quality=80)})
    page = page_model(model, dtype, classes, mean, std)
    entries = {NAME: gallery}
    start = {"model": NAME, "state": {"layer": encoder.config.depth - 1, "head": "mean"}, "steps": []}
    scripts = [
        *(asset_text(name) for name in CODE[kind]),
        _harmless(page.script(NAME)),
        _harmless(f"globalThis.vitTutorialGalleries={json.dumps(entries, separators=(',', ':'))};"),
        _harmless(START % (json.dumps(kind), json.dumps(start))),
    ]
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    text = PAGE.format(
        title=html.escape(title),
        style=STYLE,
        classes=html.escape(", ".join(classes)),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )
    out.write_text(text, encoding="utf-8")
    return out


def _cut(image: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    """A picture as a classifier takes it, its centre, and the same part to look at."""
    scale = max(1, DISPLAY // max(size))
    return fit(image, size), fit(image, (scale * size[0], scale * size[1]))


def _fitted(image: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    """A picture as a segmenter takes it, all of it scaled to fit, without the black around it; and the same to look at."""
    pixels = as_tensor(image)
    small = resize_image(pixels, fitted(pixels, size)).permute(1, 2, 0).squeeze(-1).numpy()
    large = image.copy()
    large.thumbnail((LARGE, LARGE))
    return Image.fromarray(small), large


def _harmless(script: str) -> str:
    """A script whose strings, such as a class name, cannot end the element it stands in."""
    return script.replace("</", "<\\/").replace("<!--", "<\\!--")
