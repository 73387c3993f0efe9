"""The files that figures load in a built page, gathered in one folder beside it: scripts, models and galleries, each as a classic script."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from vit_tutorial.widgets.export import PageModel
from vit_tutorial.widgets.page_model import gallery, read_page_model

HERE = Path(__file__).parent
SCRIPTS = ("engine/dist/vit-engine.js", "explorer/dist/vit-explorer.js", "explorer/dist/vit-figures.js")
LOADER = "vit-figures.js"


def asset_names(models: Iterable[str]) -> list[str]:
    return [Path(script).name for script in SCRIPTS] + [
        f"{kind}-{name}.js" for name in models for kind in ("model", "gallery")
    ]


def write_assets(folder: Path, models: Iterable[str]) -> list[Path]:
    """Write everything that figures with these models need into ``folder``; the paths written.

    Raises:
        FileNotFoundError: there is no such model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [Path(shutil.copy(HERE / script, folder)) for script in SCRIPTS]
    for name in models:
        model = PageModel(*read_page_model(name)).script(name)
        pictures = f"(globalThis.vitTutorialGalleries??={{}})[{json.dumps(name)}]={json.dumps(gallery(name), separators=(',', ':'))};\n"
        for kind, text in (("model", model), ("gallery", pictures)):
            path = folder / f"{kind}-{name}.js"
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written
