"""The scene as a still: the image, the model's mask and the truth, for print and for readers without JavaScript."""

from __future__ import annotations

import html
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from skimage.measure import label, regionprops

from vit_tutorial.metrics.segmentation import mean_iou, pixel_accuracy, pixel_confusion
from vit_tutorial.widgets.models.page_model import data_address, load_page_model, read_page_model
from vit_tutorial.widgets.scene_segmenter.scene import compose, palette
from vit_tutorial.widgets.scene_segmenter.state import MODELS, SceneState, canvas

CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442")  # as in overlay.js
INK, SMALLEST = "#1d2129", 0.004  # share of the scene from which a region is named


@dataclass(frozen=True)
class Still:
    html: str
    png: bytes


def readings(start: SceneState) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    """(image, truth, the model's mask) of the start, each [H, W]."""
    image, truth = compose(start.digits, canvas())
    name = MODELS[start.decoder]
    manifest = read_page_model(name)[0]
    x = (torch.from_numpy(image.astype(np.float32))[None, None] / 255 - manifest["mean"][0]) / manifest["std"][0]
    with torch.no_grad():
        mask = load_page_model(name)(x)[0].argmax(0)
    return image, truth, mask.numpy()


def describe(start: SceneState) -> str:
    """The alternative text."""
    _, truth, mask = readings(start)
    table = pixel_confusion(torch.from_numpy(mask)[None], torch.from_numpy(truth).long()[None], classes())
    kinds = ", ".join(str(palette()[one["digit"]]["kind"]) for one in start.digits) or "no digits"
    head = {"linear": "a linear head", "mask": "a mask transformer"}[start.decoder]
    return (
        f"Handwritten digits on black, {kinds}, and over them the mask of a segmenter with {head}: each region in the colour of its class, "
        f"with the digit written on it. {100 * pixel_accuracy(table):.1f} per cent of the pixels are right, mIoU {mean_iou(table):.3f}."
    )


def classes() -> int:
    return int(read_page_model(MODELS["linear"])[0]["head"]["num_classes"])


def coloured(image: NDArray[np.uint8], mask: NDArray[Any], opacity: float) -> NDArray[np.float64]:
    """[H, W, 3] from 0 to 1: the mask's colours laid over the image; background has none."""
    table = np.array([[0, 0, 0], *([int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CATEGORIES)]) / 255
    grey = np.repeat(image[..., None] / 255, 3, -1)
    colours = table[np.where(mask > 0, (mask.astype(int) - 1) % len(CATEGORIES) + 1, 0)]
    return np.where(mask[..., None] > 0, opacity * colours + (1 - opacity) * grey, grey)


def draw(start: SceneState) -> Still:
    image, truth, mask = readings(start)
    grey = np.repeat(image[..., None] / 255, 3, -1)
    panels: list[tuple[str, NDArray[np.float64], NDArray[Any] | None]] = [
        ("Scene", grey, None),
        ("The model's mask", coloured(image, mask, start.opacity), mask),
        ("Truth", coloured(image, truth, start.opacity), truth),
    ]
    names = read_page_model(MODELS[start.decoder])[0]["classes"]
    height, width = image.shape
    whole = Figure(figsize=(7.4, 7.4 / 3 * height / width + 0.3), dpi=200, facecolor="#ffffff")
    parts = []
    texts = ("The scene.", describe(start), "The true mask.")
    for axes, text, (title, pixels, regions) in zip(whole.subplots(1, 3), texts, panels):
        axes.set_title(title, fontsize=9.5, loc="left", color=INK)
        draw_panel(axes, pixels, regions, names)
        own = Figure(figsize=(2.4, 2.4 * height / width), dpi=150)
        draw_panel(own.add_axes((0, 0, 1, 1)), pixels, regions, names)
        address = data_address(
            Image.open(saved(own)).convert("P", palette=Image.Palette.ADAPTIVE), "PNG", optimize=True
        )
        parts.append(
            f'<div><div style="font-weight: 600; font-size: 0.85rem">{html.escape(title)}</div>'
            f'<img src="{address}" alt="{html.escape(text, quote=True)}" style="width: 100%; height: auto; border-radius: 4px"></div>'
        )
    whole.subplots_adjust(0.01, 0.01, 0.99, 0.9, 0.04)
    grid = "display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.6rem"
    return Still(f'<div style="{grid}">{"".join(parts)}</div>', saved(whole).getvalue())


def draw_panel(axes: Axes, pixels: NDArray[np.float64], mask: NDArray[Any] | None, names: list[str]) -> None:
    """Pixels, with the name of its class on each region of the mask."""
    axes.imshow(pixels, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    if mask is None:
        return
    for region in regionprops(label(mask, connectivity=1)):
        if region.area < SMALLEST * mask.size:
            continue
        row, column = min(region.coords.tolist(), key=lambda at: np.hypot(*(np.array(at) - region.centroid)))
        box = {"facecolor": "white", "edgecolor": INK, "linewidth": 0.5, "pad": 1.2, "alpha": 0.9}
        axes.text(column, row, names[mask[row, column]], ha="center", va="center", fontsize=7, color=INK, bbox=box)


def saved(figure: Figure) -> io.BytesIO:
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    png.seek(0)
    return png
