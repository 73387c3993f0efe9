"""A model as a web page of its own: one file that any browser shows, from a server or by a double click, with no Python behind it."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

from vit_tutorial.data.decode import FULL_RANGE, fit, open_image
from vit_tutorial.patches import pair
from vit_tutorial.vit import VisionTransformer
from vit_tutorial.widgets.assets import asset_text
from vit_tutorial.widgets.models.export import page_model
from vit_tutorial.widgets.models.page_model import data_address

NAME, DISPLAY = "mine", 224  # of the model in its script; pixels of a picture to look at
CODE = ("vit-engine.js", "vit-explorer.js")

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
vitTutorialFigures.explorer.mount(document.getElementById("explorer"), %s, {models: vitTutorialModels, galleries: vitTutorialGalleries});
"""


def export_site(
    model: VisionTransformer,
    out: str | Path,
    classes: Sequence[str],
    mean: Sequence[float],
    std: Sequence[float],
    pictures: Sequence[str | Path] = (),
    title: str = "A Vision Transformer",
    dtype: str = "int8",
    value_range: tuple[int, int] = FULL_RANGE,
) -> Path:
    """Write a page with the attention explorer on a model: one HTML file that holds the model, its pictures and all code.

    Args:
        model: a classifier with a class token, which the explorer asks first.
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
        raise ValueError("a page needs a picture to start with; name one or more image files")
    height, width = pair(model.config.img_size)
    channels, scale = model.config.in_chans, max(1, DISPLAY // max(height, width))
    gallery = []
    for number, file in enumerate(map(Path, pictures)):
        try:
            image = open_image(file.read_bytes(), channels, value_range=value_range)
        except MemoryError:
            raise
        except Exception as error:  # Pillow's plug-ins raise many kinds on damaged files
            raise ValueError(f"the picture {file} cannot be decoded: {' '.join(str(error).split())}") from error
        large = fit(image, (scale * height, scale * width)).convert("RGB")
        entry = {
            "name": f"picture {number + 1}",
            "label": f"{file.parent.name}/{file.stem}",
            "image": data_address(fit(image, (height, width)), "PNG"),
        }
        gallery.append({**entry, "large": data_address(large, "JPEG", quality=80)})
    page = page_model(model, dtype, classes, mean, std)
    entries = {NAME: gallery}
    start = {"model": NAME, "state": {"layer": model.config.depth - 1, "head": "mean"}, "steps": []}
    scripts = [
        *(asset_text(name) for name in CODE),
        _harmless(page.script(NAME)),
        _harmless(f"globalThis.vitTutorialGalleries={json.dumps(entries, separators=(',', ':'))};"),
        _harmless(START % json.dumps(start)),
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


def _harmless(script: str) -> str:
    """A script whose strings, such as a class name, cannot end the element it stands in."""
    return script.replace("</", "<\\/").replace("<!--", "<\\!--")
