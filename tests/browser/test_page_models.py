"""The trained models of the figures, in the browser, on images that they were not trained on."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import torch
from engine_page import EnginePage, top_classes

from vit_tutorial.data import MissingData, Splits, fashion_mnist, image_folder, mnist_10k, normalize, scene_splits
from vit_tutorial.metrics.segmentation import mean_iou, pixel_confusion
from vit_tutorial.pretraining import random_mask
from vit_tutorial.training.record import list_records, read_record
from vit_tutorial.widgets.models.export import PageModel
from vit_tutorial.widgets.models.page_model import load_page_model, page_models, read_page_model

SCENES = Path(__file__).parents[2] / "vit_tutorial/widgets/scene_segmenter/dist/vit-scenes.js"


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
    for name in page_models("vit") + page_models("encoder"):
        manifest, record = read_page_model(name)[0], read_record(name.replace("_", "-"))
        trained = record["recipe"]["model"]
        assert {field: manifest["config"][field] for field in trained} == trained


@pytest.mark.parametrize("name", page_models("segmenter"))
def test_every_segmenter_of_the_page_is_the_one_of_a_record(name: str) -> None:
    manifest = read_page_model(name)[0]
    recipe = manifest["source"]["recipe"]
    if recipe["title"].startswith("Stand-in"):
        pytest.skip(f"{name} is a stand-in until the recorded run is there: {recipe['title']}")
    if name not in list_records():
        pytest.skip(f"the recorded run {name} is not there yet")
    assert recipe["model"] == read_record(name)["recipe"]["model"]
    assert recipe["title"] == read_record(name)["title"]
    found = {**manifest["config"], **manifest["head"]}
    assert {field: found[field] for field in recipe["model"]} == recipe["model"]


@pytest.mark.parametrize("name", page_models("autoencoder"))
def test_every_autoencoder_of_the_page_is_the_one_of_a_record_and_as_good(name: str) -> None:
    """Its error on hidden patches of test images, with 8-bit weights."""
    manifest, record = read_page_model(name)[0], read_record(name)
    assert manifest["source"]["recipe"] == record["recipe"]
    assert {field: manifest["config"][field] for field in record["recipe"]["model"]} == record["recipe"]["model"]
    try:
        test = fashion_mnist().test
    except MissingData as missing:
        pytest.skip(str(missing))
    model, images = load_page_model(name), normalize(test.images[:1000], manifest["mean"], manifest["std"])
    mask = random_mask(1000, 49, model.mask_ratio, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = model.loss(images, mask).item()
    recorded = record["metrics"]["test_squared_error"]["mean"]
    print(f"{name}: {found:.3f} on the hidden patches of 1,000 test images, {recorded:.3f} in the record")
    assert found == pytest.approx(recorded, rel=0.05)


@pytest.mark.parametrize("name", page_models("segmenter"))
def test_8_bits_cost_a_segmenter_of_the_page_little(name: str, chromium: object, tmp_path: Path) -> None:
    """Masks of test scenes in the page against the same weights in Python, and how good they are."""
    engine = EnginePage(chromium, tmp_path, SCENES)
    manifest, data = read_page_model(name)
    test = scene_splits((1, 1, 100)).test
    images, truth = normalize(test.images, manifest["mean"], manifest["std"]), test.targets.long()
    with torch.no_grad():
        expected = load_page_model(name)(images).argmax(1)
    engine.page.evaluate(
        "async ([m, b]) => { globalThis.model = await VitSegmenter.loadSegmenter(m, b); }",
        [manifest, base64.b64encode(data).decode()],
    )
    masks = engine.run(
        "Array.from({ length: images.length / 768 }, (_, i) => Array.from(model.forward(images.subarray(i * 768, (i + 1) * 768)).mask))",
        images=images,
    )
    found = torch.tensor(masks).reshape(truth.shape)
    assert (found == expected).float().mean() > 0.999
    print(
        f"{name}: mIoU {mean_iou(pixel_confusion(found, truth, 11)):.3f} on 100 test scenes with 8-bit weights in the page"
    )
