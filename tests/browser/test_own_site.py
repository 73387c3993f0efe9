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
