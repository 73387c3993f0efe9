"""The files that figures load in a built page, each a classic script: their code, the models and the galleries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from vit_tutorial.widgets.models import page_model
from vit_tutorial.widgets.models.export import PageModel
from vit_tutorial.widgets.models.page_model import gallery, gallery_path, read_page_model

HERE = Path(__file__).parent
LOADER = "vit-figures.js"  # what a page with figures starts with; the figures name the rest
NEEDS = re.compile(r'data-vt-needs="([^"]+)"')


def needed(page: str) -> set[str]:
    """The files that the figures in a page's HTML load; none where there is no figure."""
    names = {name for group in NEEDS.findall(page) for name in group.split()}
    return names | {LOADER} if names else names


def sources(name: str) -> list[Path]:
    """The committed files that an asset is made from.

    Raises:
        FileNotFoundError: there is no such asset.
    """
    kind, _, model = name.removesuffix(".js").partition("-")
    if kind == "model":
        return [page_model.MODELS / f"{model}.json", page_model.MODELS / f"{model}.bin"]
    found = [gallery_path(model)] if kind == "gallery" else sorted(HERE.glob(f"*/dist/{name}"))
    if not found:
        raise FileNotFoundError(f"a figure needs {name}, which is none of the figures' files")
    return found


def asset_text(name: str) -> str:
    """The content of one asset: a script of ``*/dist``, ``model-NAME.js`` or ``gallery-NAME.js``."""
    kind, _, model = name.removesuffix(".js").partition("-")
    if kind == "model":
        return PageModel(*read_page_model(model)).script(model)
    if kind == "gallery":
        pictures = json.dumps(gallery(model), separators=(",", ":"))
        return f"(globalThis.vitTutorialGalleries??={{}})[{json.dumps(model)}]={pictures};\n"
    return sources(name)[0].read_text(encoding="utf-8")


def write_assets(folder: Path, names: Iterable[str]) -> list[Path]:
    """Write assets into a folder; what is there already and equal is left alone. Returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in sorted(set(names)):
        path, text = folder / name, asset_text(name)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
