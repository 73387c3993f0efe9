"""The explorer's Python side: what it accepts, what it says of wrong values, and the element that a built page gets."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
import torch
import traitlets
from PIL import Image

from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.widgets import AttentionExplorer, explorer, load_page_model, open_picture
from vit_tutorial.widgets.assets import asset_text, needed, write_assets
from vit_tutorial.widgets.attention_explorer.state import ExplorerState
from vit_tutorial.widgets.models import gallery, page_model
from vit_tutorial.widgets.models.export import export_page
from vit_tutorial.widgets.page_figure import PageFigure


@pytest.fixture(autouse=True)
def small_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VisionTransformer:
    """A random model of the digits' size in place of the committed ones."""
    torch.manual_seed(0)
    model = VisionTransformer(ViTConfig(img_size=28, patch_size=4, in_chans=1, num_classes=10, embed_dim=16, depth=3, num_heads=2)).eval()  # fmt: skip
    export_page(model, tmp_path / "digits28", "fp32", classes=list("0123456789"), mean=[0.25], std=[0.5])
    monkeypatch.setattr(page_model, "MODELS", tmp_path)
    page_model.read_page_model.cache_clear()
    return model


@pytest.fixture
def in_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_BOOK_BUILD", "1")


def test_all_explorers_of_a_model_share_its_weights_and_after_close_all_a_new_one_has_them_again() -> None:
    first, second = explorer(layer=1), explorer()
    assert first.asset is second.asset
    ipywidgets.Widget.close_all()
    again = explorer(layer=2)
    assert again.asset is not first.asset
    assert again.asset.comm is not None  # an open one: its model_id can be sent to the page
    assert again.get_state("asset") == {"asset": f"IPY_MODEL_{again.asset.model_id}"}
    assert again.asset.manifest == first.asset.manifest
    assert explorer().asset is again.asset


def test_the_page_s_model_is_the_exported_one(small_model: VisionTransformer) -> None:
    image = open_picture("digits28", "three")
    torch.testing.assert_close(load_page_model("digits28")(image), small_model(image))


@pytest.mark.parametrize("dtype", ["int8", "fp16"])
def test_a_rounded_model_is_read_as_it_was_rounded(small_model: VisionTransformer, tmp_path: Path, dtype: str) -> None:
    export_page(small_model, tmp_path / "small", dtype, classes=list("0123456789"))
    for (name, read), whole in zip(load_page_model("small").state_dict().items(), small_model.state_dict().values()):
        row = whole.flatten(1) if whole.ndim > 1 else whole
        step = row.abs().amax(-1, keepdim=True) / 127 if dtype == "int8" else row.abs() / 1024
        assert ((read - whole).reshape(row.shape).abs() <= step * 0.51 + 1e-3 * row.abs() + 1e-7).all(), name


def test_a_picture_is_normalised_as_the_model_was_trained() -> None:
    image = open_picture("digits28", "three")
    assert image.shape == (1, 1, 28, 28)
    assert image.min().item() == pytest.approx(-0.5)  # black: (0 - 0.25) / 0.5
    assert image.max().item() == pytest.approx(1.5, abs=0.05)


def test_an_unknown_picture_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no picture 'tree'.*zero, one, two"):
        open_picture("digits28", "tree")


def test_an_unknown_model_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(FileNotFoundError, match=r"no page model 'digits29'.*there are: digits28"):
        load_page_model("digits29")


def test_cut_weights_are_told(tmp_path: Path) -> None:
    path = tmp_path / "digits28.bin"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="it was cut"):
        load_page_model("digits28")


def test_the_widget_takes_a_state_and_changes_of_it() -> None:
    w = explorer("digits28", layer=1, head="mean", query=24)
    assert isinstance(w, AttentionExplorer)
    w.layer, w.query, w.hide = 2, "class", [1, 2]
    assert w.state() == {"layer": 2, "head": "mean", "hide": [1, 2]}


def test_widgets_of_one_model_share_its_weights() -> None:
    assert explorer().asset is explorer(layer=1).asset


def test_a_picture_from_python_is_fitted_to_the_model() -> None:
    w = AttentionExplorer("digits28")
    picture = Image.new("RGB", (100, 60), "black")
    picture.paste((255, 255, 255), (0, 0, 20, 60))  # outside the square around the centre
    w.show_picture(picture)
    image = open_picture("digits28", w.picture)
    assert image.shape == (1, 1, 28, 28)
    assert image.max().item() == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"layer": 3}, "layer 3 is not in digits28; choose 0 to 2"),
        ({"head": 2}, 'head 2 is not in digits28; choose 0 to 1 or "mean"'),
        ({"query": 49}, 'query 49 is not in digits28; choose 0 to 48 or "class"'),
        ({"query": -1}, "query -1"),
        ({"image": "tree"}, "no picture 'tree' for digits28; choose one of zero"),
        ({"hide": [49]}, "hide names a patch that is not there; they are 0 to 48"),
        ({"move": [0, 1]}, "move has to name each of the 49 patches once"),
        ({"heads_off": ["0.2"]}, "there is no head '0.2'"),
        ({"view": "maps"}, "view"),
    ],
)
def test_a_value_that_the_model_cannot_show_is_told(state: dict[str, Any], message: str, in_book: None) -> None:
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        ExplorerState(model="digits28", **state)
    with pytest.raises(ValueError, match=re.escape(message)):
        explorer("digits28", **state)


def test_an_unknown_name_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="the explorer has no 'block'; it has view, image, layer"):
        explorer(block=1)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"state": {}}, "step 0 lacks text"),
        ({"text": "a", "states": {}}, "step 0 has unknown states"),
        ({"question": "a", "choices": ["b"], "answer": 0}, "step 0 lacks reveal"),
        ({"question": "a", "choices": ["b"], "answer": 1, "reveal": "c"}, "answer 1 is none of its 1 choices"),
    ],
)
def test_an_incomplete_guided_step_is_told(step: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explorer(steps=[step])


def test_in_the_book_the_call_gives_an_element_with_a_picture_and_a_caption(in_book: None) -> None:
    figure = explorer("digits28", layer=2, query=24, caption="Attention < 1 & > 0.", name="look")
    assert isinstance(figure, PageFigure)
    bundle = figure._repr_mimebundle_()
    html = bundle["text/html"]
    assert '<figure class="vt-figure" id="look" data-vt-figure="explorer"' in html
    assert "<figcaption>Attention &lt; 1 &amp; &gt; 0.</figcaption>" in html
    assert re.search(r'<svg [^>]*role="img" aria-label="Three panels.*patch 24 in layer 2, head 0', html)
    assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).width > 1000  # fmt: skip
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html)[1])  # type: ignore[index]
    assert data == {"model": "digits28", "state": {"layer": 2, "query": 24}, "steps": []}


def test_what_breaks_the_reader_s_explorer_breaks_the_build(in_book: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(model: str) -> None:
        raise RuntimeError("no asset for readers")

    monkeypatch.setattr("vit_tutorial.widgets.attention_explorer.widget.shared_asset", broken)
    with pytest.raises(RuntimeError, match="no asset for readers"):
        explorer()


def test_the_same_call_gives_the_same_element(in_book: None) -> None:
    """The build caches executed notebooks; a figure that changed by itself would run them again."""
    assert explorer(layer=1).element == explorer(layer=1).element  # type: ignore[union-attr]


def test_text_of_steps_cannot_end_the_element(in_book: None) -> None:
    html = explorer(steps=[{"text": "</script><b>"}]).element  # type: ignore[union-attr]
    assert "</script><b>" not in html


def test_a_page_s_figures_name_the_files_that_are_written(in_book: None, tmp_path: Path) -> None:
    names = needed(explorer().element)  # type: ignore[union-attr]
    assert names == {"vit-figures.js", "vit-engine.js", "vit-explorer.js", "model-digits28.js", "gallery-digits28.js"}
    assert {path.name for path in write_assets(tmp_path / "out", names)} == names
    assert needed("<p>no figure</p>") == set()


def test_an_unknown_asset_is_told() -> None:
    with pytest.raises(FileNotFoundError, match=r"vit-nothing\.js"):
        asset_text("vit-nothing.js")


def test_the_committed_galleries_are_what_their_script_makes() -> None:
    pytest.importorskip("skimage")
    for name, made in (
        ("digits28", gallery.digits()),
        ("photos32", gallery.photos(None, page_model.gallery("photos32"))),
    ):
        committed = page_model.gallery(name)
        assert [entry["name"] for entry in committed] == [entry["name"] for entry in made]
        for old, new in zip(committed, made):
            pair = [page_model.gallery_picture(name, entry["image"]).convert("RGB") for entry in (old, new)]
            difference = (
                torch.tensor(list(pair[0].getdata())).float() - torch.tensor(list(pair[1].getdata())).float()
            ).abs()
            assert difference.max() <= 2, old["name"]


def test_every_photograph_names_its_author_or_origin_and_licence() -> None:
    for entry in page_model.gallery("photos32"):
        assert re.search(r"CC0|CC BY 2\.0|public domain", entry["credit"]), entry["name"]
