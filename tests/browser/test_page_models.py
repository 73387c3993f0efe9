"""The trained models of the figures, in the browser, on images that they were not trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from engine_page import EnginePage, top_classes

from vit_tutorial.data import Splits, image_folder, mnist_10k, normalize
from vit_tutorial.training.record import read_record
from vit_tutorial.widgets.models.export import PageModel
from vit_tutorial.widgets.models.page_model import load_page_model, page_models, read_page_model


@pytest.fixture
def splits(request: pytest.FixtureRequest, shared_data: Path) -> Splits:
    """The data that a page model was trained on."""
    if request.param == "digits28":
        return mnist_10k(shared_data / "mnist")
    folder = shared_data / "cifar10-folder"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder} with train/CLASS/*.jpg and test/CLASS/*.jpg")
    return image_folder(folder, 32, progress=False)


@pytest.mark.needs_data
@pytest.mark.parametrize(("name", "splits"), [("digits28", "digits28"), ("photos32", "photos32")], indirect=["splits"])
def test_the_pages_int8_model_is_as_good_as_its_record_says(name: str, splits: Splits, engine: EnginePage) -> None:
    test = splits.test
    images, labels = normalize(test.images[:1000], test.mean, test.std), test.labels[:1000]
    engine.load(PageModel(*read_page_model(name)))
    chosen = top_classes(engine, images)
    with torch.no_grad():
        assert (chosen == load_page_model(name)(images).argmax(1)).float().mean() >= 0.995
    recorded = read_record(name)["metrics"]["test_accuracy"]["mean"]
    share = (chosen == labels).float().mean().item()
    print(f"{name}: {share:.1%} of 1,000 images right with int8 weights in the page, {recorded:.1%} in the record")
    assert share >= recorded - 0.02


def test_every_page_model_is_the_one_of_a_record() -> None:
    for name in page_models():
        manifest, record = read_page_model(name)[0], read_record(name)
        trained = record["recipe"]["model"]
        assert {field: manifest["config"][field] for field in trained} == trained
