"""A model as one HTML file, opened from the disk: it answers as in Python."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vit_tutorial.data import normalize
from vit_tutorial.data.joint import fit_pair, fitted, resize_image
from vit_tutorial.enlarge import enlarge
from vit_tutorial.heads import Segmenter, SegmenterConfig
from vit_tutorial.patches import pair
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.widgets.site import export_site

CLASSES = ["cat", "</script>", "owl"]


def test_a_page_opened_by_a_double_click_answers_as_the_model_does(tmp_path: Path, chromium: Any) -> None:
    torch.manual_seed(0)
    model = VisionTransformer(ViTConfig(img_size=16, patch_size=8, num_classes=3, embed_dim=16, depth=2, num_heads=2))
    with torch.no_grad():
        for parameter in model.eval().parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    pixels = np.random.default_rng(0).integers(256, size=(16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    file = export_site(model, tmp_path / "mine.html", CLASSES, mean, std, [tmp_path / "a.png"], dtype="fp32")
    page, faults = chromium.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector("#explorer [data-ready]")
    page.wait_for_function(
        "document.querySelector('#explorer').explorer || document.querySelector('#explorer [data-renders]')"
    )
    text = page.evaluate("document.querySelector('#explorer [data-ready]').shadowRoot.textContent")
    page.close()
    images = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    with torch.no_grad():
        expected = model(normalize(images, mean, std))[0].softmax(0)
    for name, p in zip(CLASSES, expected.tolist()):
        found = re.search(rf"{re.escape(name)}\s*{100 * p:.1f} %", text)
        assert found, (name, p, text[:600])
    assert faults == []


@pytest.mark.parametrize("size", [(16, 24), (40, 32)], ids=["of the model's size", "larger, with black beside it"])
def test_a_segmenters_page_lays_the_masks_over_pictures_that_python_would(
    tmp_path: Path, chromium: Any, size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    encoder = VisionTransformer(
        ViTConfig(img_size=(16, 24), patch_size=8, num_classes=0, embed_dim=16, depth=2, num_heads=2)
    )
    model = SegmenterConfig(3, head_cells=4).build(encoder, pixels=False).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    pixels = np.random.default_rng(0).integers(256, size=(*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.new("RGB", (60, 60), "teal").save(tmp_path / "own.png")
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    file = export_site(model, tmp_path / "masks.html", CLASSES, mean, std, [tmp_path / "a.png"], dtype="fp32")
    page, faults = chromium.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector("#explorer [data-ready]")
    found = page.evaluate("document.querySelector('#explorer').viewer.now")
    text = page.evaluate(
        "document.querySelector('#explorer [data-ready]').shadowRoot.querySelector('.legend').textContent"
    )
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    shown = image if size == (16, 24) else resize_image(image, fitted(image, (16, 24)))
    inside = enlarge_mask(model, shown, mean, std, found["height"] // shown.shape[1])
    mask = torch.tensor(found["mask"]).reshape(found["height"], found["width"])
    assert mask.shape == inside.shape
    assert (mask == inside).float().mean() > 0.99
    for k, name in enumerate(CLASSES):
        share = (mask == k).float().mean().item()
        assert not share or f"{name}{100 * share:.1f} %" in text
    page.locator("#explorer input[type=file]").set_input_files(tmp_path / "own.png")
    page.wait_for_function(
        "document.querySelector('#explorer').viewer.now.height === document.querySelector('#explorer').viewer.now.width"
    )
    page.locator("#explorer input[type=file]").set_input_files(
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    )
    alarm = page.locator("#explorer [role=alert]")
    alarm.wait_for()
    assert "a.txt is not a picture that this browser can read" in alarm.inner_text()
    page.set_viewport_size({"width": 380, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    page.close()
    assert faults == []


def enlarge_mask(
    model: Segmenter, image: torch.Tensor, mean: list[float], std: list[float], factor: int
) -> torch.Tensor:
    """As ``segment`` does it for an image that fits, with the scores enlarged by a factor instead of to the image's own size."""
    size = pair(model.encoder.config.img_size)
    x, _ = fit_pair(image, torch.zeros(image.shape[1:], dtype=torch.uint8), size)
    with torch.no_grad():
        scores = enlarge(model.patch_logits(normalize(x[None], mean, std)), size)
    (top, left), (h, w) = ((a - b) // 2 for a, b in zip(size, image.shape[1:])), image.shape[1:]
    return enlarge(scores[..., top : top + h, left : left + w], (factor * h, factor * w))[0].argmax(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_of_its_own_is_light_or_dark_as_the_device_is(tmp_path: Path, chromium: Any, scheme: str) -> None:
    Image.new("RGB", (16, 16), "teal").save(tmp_path / "a.png")
    model = VisionTransformer(ViTConfig(img_size=16, patch_size=8, num_classes=3, embed_dim=16, depth=2, num_heads=2))
    file = export_site(model, tmp_path / "mine.html", CLASSES, [0.5] * 3, [0.25] * 3, [tmp_path / "a.png"])
    page = chromium.new_page(color_scheme=scheme)
    page.goto(file.as_uri())
    page.wait_for_selector("#explorer [data-ready]")
    paper, ink, figure = page.evaluate(
        """() => {
            const grey = (element, name) => getComputedStyle(element)[name].match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 3;
            const inside = document.querySelector("#explorer [data-ready]").shadowRoot.querySelector(".figure");
            return [grey(document.body, "backgroundColor"), grey(inside, "color"), grey(inside, "backgroundColor")];
        }"""
    )
    page.close()
    assert paper == figure
    assert (ink - paper > 150) if scheme == "dark" else (paper - ink > 150)


def test_the_case_studys_page_within_the_page_runs_from_the_disk(chromium: Any, html: Path) -> None:
    page = chromium.new_page(color_scheme="null")  # as outside of a test: nothing stands above the page
    page.goto((html / "chapters/08_cases/01_classification.html").as_uri())
    page.locator("iframe").scroll_into_view_if_needed()  # a figure starts when it comes near the screen
    frame = page.locator("iframe").element_handle().content_frame()
    frame.wait_for_selector("#explorer [data-ready]")
    frame.wait_for_function("document.querySelector('#explorer [data-renders]')")
    text = frame.evaluate("document.querySelector('#explorer [data-ready]').shadowRoot.textContent")
    for width in (1280, 380):  # it is as high as what it shows: nothing to scroll in it
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(500)
        shown, whole = frame.evaluate("[innerHeight, document.documentElement.scrollHeight]")
        assert shown == whole > 500
    page.evaluate("document.documentElement.dataset.theme = 'dark'")  # it is as dark as the page around it
    papers = [place.evaluate("getComputedStyle(document.body).backgroundColor") for place in (page.main_frame, frame)]
    page.close()
    assert papers == ["rgb(21, 24, 29)"] * 2
    assert re.search(r"brick\s*[\d.]+ %", text), text[-600:]
