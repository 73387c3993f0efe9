"""The scene segmenter's Python: its scenes are those of digit_scenes, its settings are checked, the page and the notebook get the figure."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import traitlets

from vit_tutorial.data import digits
from vit_tutorial.data.digit_scenes import digit_scenes
from vit_tutorial.widgets import SceneSegmenter, scene_mask
from vit_tutorial.widgets.assets import needed
from vit_tutorial.widgets.models.page_model import page_models, read_page_model
from vit_tutorial.widgets.page_figure import PageFigure
from vit_tutorial.widgets.scene_segmenter import scene
from vit_tutorial.widgets.scene_segmenter.state import MODELS, start_state


def test_the_palette_shows_two_test_digits_of_each_kind_exactly() -> None:
    test = digits().test
    inks = {tuple(image.flatten().tolist()): int(label) for image, label in zip(test.images, test.labels)}
    assert [entry["kind"] for entry in scene.palette()] == [*range(10), *range(10)]
    for entry in scene.palette():
        assert inks[tuple(scene.read_ink(entry["ink"]).flatten().tolist())] == entry["kind"]


def test_a_scene_is_composed_as_digit_scenes_composes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given, test = digit_scenes(20, split="test", seed=3), digits().test
    levels = [
        {"kind": int(label), "ink": "".join(scene.LETTERS[round(x * 16 / 255)] for x in image.flatten().tolist())}
        for image, label in zip(test.images, test.labels)
    ]
    monkeypatch.setattr(scene, "palette", lambda: levels)
    for i in range(20):
        placed = [
            {"digit": int(source), "row": int(row), "column": int(column), "angle": 0}
            for source, (row, column) in zip(given.sources[i], given.corners[i].tolist())
        ]
        image, truth = scene.compose(placed, (24, 32))
        assert (image == given.images[i, 0].numpy()).all()
        assert (truth == given.class_masks[i].numpy()).all()


def test_turning_by_a_right_angle_moves_pixels_and_by_none_leaves_them() -> None:
    for entry in scene.palette():
        ink = scene.read_ink(entry["ink"])
        assert (scene.turned(ink, 0)[2:-2, 2:-2] == ink).all()
        assert scene.turned(ink, 0).sum() == ink.sum(dtype=int)
        for quarter in range(1, 4):  # np.rot90 turns against the clock
            found = scene.turned(ink, 90 * quarter)[2:-2, 2:-2].astype(int)
            assert abs(found - np.rot90(ink, -quarter).astype(int)).max() <= 1


def test_a_digit_that_is_half_outside_shows_the_other_half() -> None:
    whole, _ = scene.compose([{"digit": 0, "row": 0, "column": 0}], (24, 32))
    half, truth = scene.compose([{"digit": 0, "row": -4, "column": 0}], (24, 32))
    assert (half[:4] == whole[4:8]).all()
    assert truth.shape == (24, 32)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"digits": [{"digit": 20, "row": 0, "column": 0}]}, "there is no digit 20 in the palette; choose 0 to 19"),
        ({"digits": [{"digit": 2, "row": 21, "column": 0}]}, "row 21 is more than half outside; choose -4 to 20"),
        ({"digits": [{"digit": 2, "row": 1}]}, "a digit has digit, row, column and perhaps angle"),
        ({"decoder": "queries"}, "queries"),
        ({"opacity": 1.5}, "1.5"),
        ({"layer": 2}, "the scene has no 'layer'; it has decoder, digits, opacity, show"),
    ],
)
def test_what_cannot_be_shown_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        start_state(settings)


def test_in_a_notebook_the_call_gives_a_widget_that_checks_what_is_set() -> None:
    widget = scene_mask(decoder="mask", digits=[{"digit": 4, "row": 2, "column": 3}])
    assert isinstance(widget, SceneSegmenter)
    assert widget.digits == [{"digit": 4, "row": 2, "column": 3, "angle": 0}]
    assert widget.mask_transformer.manifest["head"]["head"] == "mask_transformer"
    with pytest.raises(traitlets.TraitError, match="hide names a patch that is not there; they are 0 to 47"):
        widget.hide = [48]
    with pytest.raises(ValueError, match="the page has computed no mask yet"):
        widget.mask_array()
    widget.mask = [0] * (24 * 32)
    assert widget.mask_array().shape == (24, 32)
    widget.close()


def test_while_the_book_is_built_the_call_gives_an_element_with_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_BOOK_BUILD", "1")
    figure = scene_mask(show="truth", caption="A <caption>.", name="scene")
    assert isinstance(figure, PageFigure)
    element = figure.element
    assert needed(element) == {"vit-figures.js", "vit-scenes.js", *(f"model-{name}.js" for name in MODELS.values())}
    assert element.count("<img ") == element.count(" alt=") == 3
    assert "<figcaption>A &lt;caption&gt;.</figcaption>" in element
    data = re.search(r'<script type="application/json">(.*?)</script>', element)
    assert data is not None
    assert json.loads(data.group(1))["state"]["show"] == "truth"
    assert re.search(r"3, 0, 5, 6.*[\d.]+ per cent of the pixels are right", figure.description)


def test_the_models_are_segmenters_of_scenes_and_small() -> None:
    assert set(MODELS.values()) <= set(page_models("segmenter"))
    for decoder, name in MODELS.items():
        manifest, data = read_page_model(name)
        assert manifest["classes"] == ["background", *map(str, range(10))]
        assert manifest["head"]["head"] == {"linear": "linear", "mask": "mask_transformer"}[decoder]
        assert "digits" in manifest["source"]["data"]
        assert manifest["source"]["recipe"]["data"] == "digit_scenes"
        assert len(data) <= 750_000


def test_the_explorer_names_a_segmenter_that_it_cannot_show() -> None:
    from vit_tutorial.widgets import explorer

    with pytest.raises(traitlets.TraitError, match="digit-scenes-mask is a segmenter"):
        explorer("digit-scenes-mask")
