"""The explorer, and the scene with its mask, in JupyterLab with a live kernel: what Python sets the browser shows, what the reader does Python sees."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from explorer_page import need_models

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")

SETUP = "import torch; torch.set_num_threads(1)\nfrom vit_tutorial.widgets import explorer\n"
CELLS = [
    'w = explorer("digits28", layer=1, head=0, query=24, image="three")\nw',
    "w.layer, w.head, w.query = 2, 'mean', 30",
    "print('python sees', w.query, w.layer, w.hide, round(sum(w.probabilities), 3), w.image)",
    "w.layer = 99",
    "explorer('digits28', layer=3)",
    "from PIL import Image\nw.show_picture(Image.new('RGB', (300, 200), 'white'))",
    "print(w.image)",
    "print(w.image, w.picture.startswith('data:image/png'), round(sum(w.probabilities), 3))",
    "from vit_tutorial.widgets import scene_mask\ns = scene_mask()\ns",
    "s.digits = [{'digit': 4, 'row': 3, 'column': 3}]",
    "print(s.digits, s.mask_array().shape, 0 < s.right <= 1, s.hide)",
]
READY = ".jp-OutputArea-output [data-ready]"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab server with one notebook, ended afterwards."""
    folder = tmp_path_factory.mktemp("lab")
    models = tmp_path_factory.mktemp("models")
    need_models(models)
    other = f"from vit_tutorial.widgets.models import page_model; from pathlib import Path; page_model.MODELS = Path({str(models)!r})\n" if any(models.iterdir()) else ""  # fmt: skip
    sources = [SETUP + other + CELLS[0], *CELLS[1:]]
    cells = [{"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": s, "outputs": [], "execution_count": None} for i, s in enumerate(sources)]  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    (folder / "nb.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
    )
    environment = {k: v for k, v in os.environ.items() if k != "VIT_BOOK_BUILD"}
    environment.update(
        PYTHONPATH=str(Path(__file__).parents[2]),
        JUPYTER_CONFIG_DIR=str(folder / "config"),
        IPYTHONDIR=str(folder / "ipython"),
    )
    options = ["--no-browser", "--allow-root", "--IdentityProvider.token=", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    log = folder / "log"
    command = [sys.executable, "-m", "jupyterlab", *options]
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=file, stdout=subprocess.DEVNULL)
    try:
        found = None
        for _ in range(600):
            found = found or re.search(r"http://127\.0\.0\.1:[1-9]\d*", log.read_text())
            if found or process.poll() is not None:
                break
            time.sleep(0.1)
        if found is None:
            pytest.skip(f"JupyterLab did not start here: {log.read_text()[-300:]}")
        yield found[0]
    finally:
        process.terminate()
        process.wait(20)


class Notebook:
    def __init__(self, page: Any) -> None:
        self.page = page

    def run(self, number: int) -> Any:
        """Run a cell; its outputs."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        prompt = cell.locator(".jp-InputPrompt").first
        accept = self.page.locator(".jp-Dialog .jp-mod-accept")
        for _ in range(600):
            if re.search(r"\d", prompt.inner_text()):
                return cell.locator(".jp-OutputArea-output")
            if accept.count():  # "Select kernel": the cell ran before the kernel was known
                accept.click()
            self.page.wait_for_timeout(100)
        raise TimeoutError(f"cell {number} did not end within 60 s")


@pytest.fixture(scope="module")
def notebook(chromium: Any, lab: str) -> Iterator[Notebook]:
    context = chromium.new_context(viewport={"width": 1300, "height": 1500})
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(f"{lab}/lab/tree/nb.ipynb")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
    page.get_by_text("| Idle").wait_for(timeout=90_000)
    book = Notebook(page)
    book.run(0)
    page.wait_for_selector(READY, timeout=60_000)
    yield book
    context.close()


def test_the_figure_starts_with_the_state_of_the_call(notebook: Notebook) -> None:
    figure = notebook.page.locator(READY).first
    assert figure.get_by_role("slider", name="Layer").input_value() == "1"
    assert figure.locator('.panel.picture [data-patch="24"]').get_attribute("aria-selected") == "true"


def test_what_python_sets_the_browser_shows(notebook: Notebook) -> None:
    notebook.run(1)
    figure = notebook.page.locator(READY).first
    figure.get_by_text("In layer 2, mean of the heads, patch 30").wait_for(timeout=20_000)
    assert figure.get_by_role("slider", name="Layer").input_value() == "2"


def test_what_the_reader_does_python_sees(notebook: Notebook) -> None:
    figure = notebook.page.locator(READY).first
    figure.locator('.panel.picture [data-patch="16"]').click()
    figure.get_by_role("slider", name="Layer").focus()
    notebook.page.keyboard.press("ArrowRight")  # JupyterLab must not take the key
    figure.locator('[aria-label="Tool"] input[value="hide"]').check(force=True)
    figure.locator('.panel.picture [data-patch="3"]').click()
    figure.get_by_role("button", name="eight", exact=True).click()
    output = notebook.run(2)
    assert output.inner_text().strip() == "python sees 16 3 [3] 1.0 eight"


def test_a_wrong_value_is_an_error_that_names_the_right_ones(notebook: Notebook) -> None:
    assert "layer 99 is not in digits28; choose 0 to 3" in notebook.run(3).first.inner_text()


def test_a_second_figure_shares_model_and_pictures_and_nothing_complains(notebook: Notebook) -> None:
    notebook.run(4)
    notebook.page.wait_for_function(
        "document.querySelectorAll('.jp-OutputArea-output [data-ready]').length === 2", timeout=30_000
    )
    assert notebook.page.faults == []


def test_python_shows_a_picture_of_its_own(notebook: Notebook) -> None:
    figure = notebook.page.locator(READY).first
    notebook.run(5)
    figure.get_by_text("Your photo", exact=True).wait_for(timeout=20_000)
    assert notebook.run(6).inner_text().strip() == "photo"


def test_a_drawing_reaches_python(notebook: Notebook) -> None:
    figure = notebook.page.locator(READY).first
    figure.locator('[aria-label="Tool"] input[value="draw"]').check(force=True)
    square = figure.locator(".panel.picture .square")
    square.scroll_into_view_if_needed()
    box = square.bounding_box()
    notebook.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 30, steps=8)
    notebook.page.mouse.up()
    notebook.page.wait_for_timeout(400)
    assert notebook.run(7).inner_text().strip() == "drawn True 1.0"


def test_a_scene_and_its_mask_go_both_ways(notebook: Notebook) -> None:
    notebook.run(8)
    scene = notebook.page.locator(READY).filter(has=notebook.page.locator(".digits"))
    scene.locator(".digit").nth(3).wait_for(timeout=30_000)
    notebook.run(9)
    scene.get_by_role("button", name="digit 4, row 3, column 3").focus()
    assert scene.locator(".digit").count() == 1
    for key in ("ArrowRight", "ArrowDown", "]"):  # JupyterLab must not take the keys
        notebook.page.keyboard.press(key)
    scene.locator('[aria-label="Tool"] input[value="hide"]').check(force=True)
    scene.locator('[data-patch="2"]').click()
    notebook.page.wait_for_timeout(600)
    said = notebook.run(10).inner_text().strip()
    assert said == "[{'digit': 4, 'row': 4, 'column': 4, 'angle': 5}] (24, 32) True [2]"
    assert notebook.page.faults == []
