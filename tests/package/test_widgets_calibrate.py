"""A page model divided by its temperature: the same answers, as sure as they are right, and said in its manifest."""

from __future__ import annotations

import pytest
import torch

from vit_tutorial.data import Splits, TensorImages
from vit_tutorial.metrics.calibration import fit_temperature
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.widgets.models.calibrate import calibrated, logits_of
from vit_tutorial.widgets.models.export import PageModel, page_model
from vit_tutorial.widgets.models.page_model import build_page_model, page_models, read_page_model

FIELDS = {"img_size": 8, "patch_size": 4, "in_chans": 1, "num_classes": 3, "embed_dim": 16, "depth": 1, "num_heads": 2}


@pytest.fixture(scope="module", params=["int8", "fp16", "fp32"])
def model_and_data(request: pytest.FixtureRequest) -> tuple[PageModel, Splits]:
    """A model that is twice as sure as it should be: its labels are drawn from its own probabilities at temperature 2."""
    torch.manual_seed(0)
    model = VisionTransformer(ViTConfig(**FIELDS)).eval()
    with torch.no_grad():
        model.head.weight.normal_(std=2)
        model.head.bias.normal_()
    page = page_model(model, request.param, mean=[0.5], std=[0.25])
    images = torch.randint(0, 256, (600, 1, 8, 8), dtype=torch.uint8)
    whole = TensorImages(images, torch.zeros(600, dtype=torch.long), ["a", "b", "c"], "made", "made")
    logits, _ = logits_of(build_page_model(page.manifest, page.data), whole, page.manifest)
    labels = torch.multinomial((logits / 2).softmax(-1), 1)[:, 0]
    parts = [TensorImages(images[i::3], labels[i::3], ["a", "b", "c"], "made", "made") for i in range(3)]
    return page, Splits(*parts)


def test_its_answers_stay_and_its_temperature_becomes_one(model_and_data: tuple[PageModel, Splits]) -> None:
    page, splits = model_and_data
    manifest, data = calibrated(page.manifest, page.data, splits)
    (before, _), (after, labels) = (logits_of(build_page_model(m, d), splits.val, m) for m, d in ((page.manifest, page.data), (manifest, data)))  # fmt: skip
    temperature = manifest["calibration"]["temperature"]
    assert temperature == pytest.approx(fit_temperature(before, labels), rel=1e-3)
    torch.testing.assert_close(after, before / temperature, atol=2e-3, rtol=2e-3)
    assert fit_temperature(after, labels) == pytest.approx(1, abs=2e-3)


def test_the_manifest_says_whom_it_doubts(model_and_data: tuple[PageModel, Splits]) -> None:
    page, splits = model_and_data
    manifest, data = calibrated(page.manifest, page.data, splits)
    found = manifest["calibration"]
    logits, labels = logits_of(build_page_model(manifest, data), splits.test, manifest)
    right, doubted = logits.argmax(1) == labels, logits.softmax(-1).amax(1) < found["doubt_below"]
    assert found["test"]["right_doubted"] == pytest.approx(doubted[right].float().mean().item(), abs=0.02)
    assert found["test"]["wrong_doubted"] == pytest.approx(doubted[~right].float().mean().item(), abs=0.02)
    assert (found["n_val"], found["test"]["n"]) == (200, 200)


def test_done_twice_it_is_the_same(model_and_data: tuple[PageModel, Splits]) -> None:
    page, splits = model_and_data
    once = calibrated(page.manifest, page.data, splits)
    again = calibrated(*once, splits)
    assert again[1] == once[1]
    assert again[0]["calibration"]["temperature"] == once[0]["calibration"]["temperature"]


@pytest.mark.parametrize("name", page_models("vit"))
def test_every_classifier_of_the_page_is_calibrated(name: str) -> None:
    manifest, _ = read_page_model(name)
    found = manifest["calibration"]
    bent = {
        "photos32": 0.05
    }  # smoothed labels leave a bend that no temperature takes out: sure where it is right less often
    assert found["test"]["error"] < bent.get(name, 0.03)
    assert found["test"]["right_doubted"] < 0.1 < found["test"]["wrong_doubted"]


def test_only_a_model_of_mnist_asks_for_mnists_preparation() -> None:
    assert read_page_model("digits28")[0]["drawing"] == "mnist"
    assert "drawing" not in read_page_model("photos32")[0]
