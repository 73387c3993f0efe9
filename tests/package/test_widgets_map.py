"""The map of features: its neighbours and places are scikit-learn's, bad input is named, the page and the notebook get the figure."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from typing import Any

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image
from sklearn.neighbors import NearestNeighbors  # type: ignore[import-untyped]

from vit_tutorial.data import digits
from vit_tutorial.widgets import EmbeddingMap, embedding_map
from vit_tutorial.widgets.assets import needed
from vit_tutorial.widgets.feature_map.data import map_data
from vit_tutorial.widgets.feature_map.state import start_state
from vit_tutorial.widgets.page_figure import PageFigure

TEST = digits().test
IMAGES, LABELS = TEST.images[:60], TEST.labels[:60]
PIXELS = IMAGES.flatten(1).float()


def test_neighbours_are_those_of_the_largest_cosines() -> None:
    (encoder,) = map_data(IMAGES, {"pixels": PIXELS}, LABELS, maps=["pca"])["encoders"]
    found = NearestNeighbors(n_neighbors=9, metric="cosine").fit(PIXELS).kneighbors(PIXELS)[1][:, 1:]
    assert encoder["neighbours"] == found.tolist()
    right = [[LABELS[j] == LABELS[i] for j in row] for i, row in enumerate(found)]
    assert encoder["agreement"] == pytest.approx(np.mean(right))


def test_features_that_are_the_classes_agree_fully_and_noise_agrees_by_chance() -> None:
    one_hot = torch.eye(10)[LABELS] + 0.01 * torch.rand(60, 10)
    noise = torch.randn(60, 16, generator=torch.Generator().manual_seed(0))
    data = map_data(IMAGES, {"classes": one_hot, "noise": noise}, LABELS, neighbours=2, maps=["pca"])
    sure, chance = (encoder["agreement"] for encoder in data["encoders"])
    assert sure == 1
    assert chance is not None
    assert chance < 0.4


def test_a_map_of_what_has_two_dimensions_keeps_every_neighbour() -> None:
    """Directions in a narrow cone: of unit length they lie on a sphere that is almost flat there, and PCA finds the plane."""
    plane = torch.cat([0.01 * torch.randn(60, 2, generator=torch.Generator().manual_seed(1)), torch.ones(60, 1)], dim=1)
    turned = plane @ torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2)))[0]
    (encoder,) = map_data(IMAGES, {"plane": turned}, maps=["pca"])["encoders"]
    assert encoder["kept"]["pca"] > 0.95
    assert encoder["variance"] > 0.99
    assert encoder["agreement"] is None
    assert map_data(IMAGES, {"pixels": PIXELS}, maps=["pca"])["encoders"][0]["kept"]["pca"] < 0.9


def test_places_fill_the_map_and_the_sheet_holds_every_image() -> None:
    data = map_data(IMAGES[:45], {"pixels": PIXELS[:45]}, maps=["pca", "tsne"])
    for places in data["encoders"][0]["maps"].values():
        array = np.array(places)
        assert array.shape == (45, 2)
        assert array.min() >= 0
        assert array.max() <= 1000
        assert (array.max(0) - array.min(0)).max() >= 998
    sheet = np.array(Image.open(io.BytesIO(b64decode(data["sheet"].split(",")[1]))))
    assert sheet.shape == (3 * 8, 20 * 8)
    for i in (0, 19, 20, 44):
        row, column = divmod(i, 20)
        assert (sheet[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] == IMAGES[i, 0].numpy()).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": IMAGES.float()}, "images must be uint8 [N, 1 or 3, H, W], got float32 [60, 1, 8, 8]"),
        ({"images": IMAGES[:8]}, "8 images; a map shows more than its 8 neighbours and at most 600"),
        ({"features": {}}, "no features to show"),
        ({"features": {"DINO": PIXELS[:50]}}, "the features of DINO are [50, 64]; 60 images need [60, D]"),
        (
            {"features": {"DINO": PIXELS * torch.nan}},
            "the features of DINO hold a vector of length 0 or a number that is not finite",
        ),
        ({"labels": LABELS[:5]}, "60 images need as many labels, got an array of [5]"),
        ({"classes": ["a", "b"]}, "labels go from 0 to 9, and there are 2 classes"),
        ({"maps": ["umap"]}, "unknown map 'umap'; choose of pca, tsne"),
        ({"chosen": 60}, "there is no image 60; they are 0 to 59"),
        ({"encoder": "MAE"}, "there is no encoder 'MAE'; there are: pixels"),
        ({"map": "tsne"}, "there is no map 'tsne'; there are: pca"),
        ({"size": 3}, "the map has no 'size'; it has encoder, map, chosen"),
    ],
)
def test_what_cannot_be_shown_is_named(changes: dict[str, Any], message: str) -> None:
    call = {"images": IMAGES, "features": {"pixels": PIXELS}, "labels": LABELS, "maps": ["pca"], **changes}
    with pytest.raises((ValueError, traitlets.TraitError), match=re.escape(message)):
        embedding_map(call.pop("images"), call.pop("features"), **call)


def test_in_a_notebook_the_call_gives_a_widget_that_checks_what_is_set() -> None:
    widget = embedding_map(
        IMAGES, {"pixels": PIXELS, "ink": PIXELS**2 + 1}, LABELS, maps=["pca"], encoder="ink", chosen=3
    )
    assert isinstance(widget, EmbeddingMap)
    assert (widget.encoder, widget.map, widget.chosen) == ("ink", "pca", 3)
    with pytest.raises(traitlets.TraitError, match="there is no image -1"):
        widget.chosen = -1
    widget.close()


def test_while_the_book_is_built_the_call_gives_an_element_with_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_BOOK_BUILD", "1")
    figure = embedding_map(
        IMAGES, {"pixels": PIXELS}, LABELS, maps=["pca"], chosen=2, caption="A <caption>.", name="map"
    )
    assert isinstance(figure, PageFigure)
    assert needed(figure.element) == {"vit-figures.js", "vit-map.js"}
    assert figure.element.count("<img ") == figure.element.count(" alt=") == 2  # on light paper and on dark
    assert "<figcaption>A &lt;caption&gt;.</figcaption>" in figure.element
    data = re.search(r'<script type="application/json">(.*?)</script>', figure.element)
    assert data is not None
    assert json.loads(data.group(1))["state"] == {"encoder": "pixels", "map": "pca", "chosen": 2}
    assert re.search(r"60 images as points.*have its class: pixels \d+ per cent", figure.description)


def test_a_start_is_checked_as_the_widget_checks_it() -> None:
    with pytest.raises(ValueError, match="there is no image 99"):
        start_state(map_data(IMAGES, {"pixels": PIXELS}, maps=["pca"]), {"chosen": 99})
