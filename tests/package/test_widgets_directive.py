"""The directive ``{live-figure}``, in a book of two pages: what the pages carry, and which files lie beside them."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import torch

from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.widgets.models import page_model
from vit_tutorial.widgets.models.export import export_page

docutils = pytest.importorskip("sphinx.util.docutils", reason="Sphinx is not installed")
application = pytest.importorskip("sphinx.application", reason="Sphinx is not installed")
pytest.importorskip("myst_parser", reason="the book's tools are not installed")

COMMITTED = page_model.MODELS
FIGURE = """# A page

```{{live-figure}} explorer
:layer: 1
:head: mean
:name: look
{options}
What the *class token* looks at.
```
"""


def build(folder: Path, options: str = "") -> Path:
    """Build the book as HTML; warnings are errors."""
    source, out = folder / "source", folder / "out"
    (source / "deep").mkdir(parents=True)
    (source / "conf.py").write_text(
        "extensions = ['myst_parser', 'book.extension.figures']\nsuppress_warnings = ['config.cache']\n"
    )
    (source / "index.md").write_text("# Book\n\n```{toctree}\ndeep/page\n```\n")
    (source / "deep" / "page.md").write_text(FIGURE.format(options=options))
    (source / "deep" / "steps.yml").write_text("- text: Look here.\n  state: {layer: 0}\n")
    with docutils.patch_docutils(), docutils.docutils_namespace():
        app = application.Sphinx(
            str(source), str(source), str(out), str(folder / "trees"), "html", status=None, warningiserror=True
        )
        app.build()
    return out


@pytest.fixture(autouse=True)
def small_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = VisionTransformer(ViTConfig(img_size=28, patch_size=4, in_chans=1, num_classes=10, embed_dim=16, depth=3, num_heads=2)).eval()  # fmt: skip
    export_page(model, tmp_path / "models" / "digits28", classes=list("0123456789"))
    monkeypatch.setattr(page_model, "MODELS", tmp_path / "models")
    page_model.read_page_model.cache_clear()


def test_a_page_carries_the_figure_its_caption_and_the_script_that_starts_it(tmp_path: Path) -> None:
    page = (build(tmp_path, ":steps: steps.yml") / "deep" / "page.html").read_text(encoding="utf-8")
    assert page.count("data-vt-figure=") == 1
    assert '"state":{"layer":1,"head":"mean"},"steps":[{"text":"Look here.","state":{"layer":0}}]' in page
    assert re.search("<figcaption>(<span>)?What the <em>class token</em> looks at.(</span>)?</figcaption>", page)
    assert '<script src="../_figures/vit-figures.js" defer></script>' in page
    assert 'role="img" aria-label="Three panels.' in page


def test_the_files_lie_once_beside_the_pages_and_other_pages_name_none(tmp_path: Path) -> None:
    out = build(tmp_path)
    wanted = ["gallery-digits28.js", "model-digits28.js", "vit-engine.js", "vit-explorer.js", "vit-figures.js"]
    assert sorted(path.name for path in (out / "_figures").iterdir()) == wanted
    assert not list((out / "_static").glob("vit-*"))
    assert "_figures" not in (out / "index.html").read_text(encoding="utf-8")


def test_a_scene_and_its_mask_get_into_a_page_in_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in COMMITTED.glob("digit-scenes-*"):
        shutil.copy(file, tmp_path / "models")
    scene = "# A page\n\n```{{live-figure}} scene_mask\n:decoder: mask\n:digits: [{{digit: 3, row: 2, column: 5}}]\n{options}\nMove *it*.\n```\n"
    monkeypatch.setattr(sys.modules[__name__], "FIGURE", scene)
    out = build(tmp_path)
    page = (out / "deep" / "page.html").read_text(encoding="utf-8")
    assert '"state":{"decoder":"mask","digits":[{"digit":3,"row":2,"column":5,"angle":0}],' in page
    assert re.search("<figcaption>(<span>)?Move <em>it</em>.(</span>)?</figcaption>", page)
    assert re.search(r'alt="Handwritten digits on black, 3, [^"]*per cent of the pixels are right', page)
    names = {path.name for path in (out / "_figures").iterdir()}
    assert names == {"vit-figures.js", "vit-scenes.js", "model-digit-scenes-linear.js", "model-digit-scenes-mask.js"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (":query: 99", 'query 99 is not in digits28; choose 0 to 48 or "class"'),
        (":model: letters", "no page model 'letters'"),
        (":steps: none.yml", "none.yml"),
    ],
)
def test_a_wrong_option_stops_the_build_with_the_reason(tmp_path: Path, options: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(tmp_path, options)
