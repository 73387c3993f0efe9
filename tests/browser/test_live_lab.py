"""Live figures in JupyterLab with a live kernel: the reader's slider reaches Python, what Python sets reaches the reader."""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from PIL import Image

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
PlaywrightTimeout = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").TimeoutError

ROOT = Path(__file__).parents[2]
CELLS = [
    """from matplotlib.figure import Figure
from vit_tutorial.widgets import live

def draw(layer):
    if layer == 1:
        raise ValueError("no such layer")
    return Figure(figsize=(4, 2), facecolor=str(0.2 + 0.2 * layer))

fig = live(draw, layer=range(4), labels={"layer": "Layer"}, alt=lambda layer: f"Grey {layer}.", caption="The caption.")
fig""",
    "print('settings', fig.settings)",
    "fig.settings = {'layer': 2}",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab whose folder holds one notebook."""
    folder = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "live.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "RUNTIME")}
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=", f"--LabApp.workspaces_dir={folder / 'workspaces'}", f"--LabApp.user_settings_dir={folder / 'user'}"],
        env={**{k: v for k, v in os.environ.items() if k != "VIT_BOOK_BUILD"}, **own, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5).close()
                break
            except OSError:
                time.sleep(0.25)
        else:
            raise RuntimeError("JupyterLab did not answer within 60 s")
        yield address
    finally:
        process.terminate()
        process.wait(20)


def open_notebook(page: Any, lab: str) -> Any:
    """The cells of the notebook, its kernel connected; on a busy machine the server may give up the connection, and the page is loaded again."""
    page.goto(f"{lab}/lab/tree/live.ipynb?reset")
    cells = page.locator(".jp-CodeCell")
    for attempt in range(3):
        cells.nth(2).wait_for(timeout=90_000)
        try:
            page.get_by_text(re.compile("Python 3.*Idle")).first.wait_for(timeout=60_000)
            return cells
        except PlaywrightTimeout:
            if attempt == 2:
                raise
            page.reload()


def grey(picture: Any) -> int:
    shot = Image.open(io.BytesIO(picture.screenshot())).convert("L")
    return int(shot.getpixel((shot.width // 2, shot.height // 2)))


@pytest.mark.slow
def test_reader_and_python_move_the_same_figure(chromium: Any, lab: str) -> None:
    page = chromium.new_page(viewport={"width": 1200, "height": 1100})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    cells = open_notebook(page, lab)

    def run(number: int) -> Any:
        cells.nth(number).locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        return cells.nth(number).locator(".jp-OutputArea")

    run(0)
    picture, slider = page.locator("img.picture"), page.get_by_label("Layer")
    slider.wait_for(timeout=90_000)
    assert picture.get_attribute("alt") == "Grey 0."
    assert abs(grey(picture) - 255 * 0.2) < 3
    assert page.locator("figcaption").inner_text() == "The caption."

    slider.press("End")  # the reader
    page.locator("img.picture[alt='Grey 3.']").wait_for(timeout=30_000)
    assert abs(grey(picture) - 255 * 0.8) < 3
    run(1).get_by_text("settings {'layer': 3}").wait_for(timeout=30_000)

    run(2)  # Python
    page.locator("img.picture[alt='Grey 2.']").wait_for(timeout=30_000)
    assert abs(grey(picture) - 255 * 0.6) < 3
    assert slider.get_attribute("aria-valuetext") == "2"

    slider.press("ArrowLeft")  # a setting that cannot be drawn
    page.get_by_role("alert").filter(has_text="ValueError: no such layer").wait_for(timeout=30_000)
    slider.press("ArrowLeft")
    page.locator("img.picture[alt='Grey 0.']").wait_for(timeout=30_000)
    assert not page.get_by_role("alert").filter(has_text="no such layer").is_visible()
    assert errors == []
    page.close()
