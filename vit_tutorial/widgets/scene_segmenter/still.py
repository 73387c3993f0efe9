"""The scene as a still: the image, the model's mask and the truth, for print and for readers without JavaScript."""

from __future__ import annotations

import html
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vit_tutorial.metrics.segmentation import mean_iou, pixel_accuracy, pixel_confusion
from vit_tutorial.widgets.models.page_model import data_address, load_page_model, read_page_model
from vit_tutorial.widgets.scene_segmenter.scene import compose, palette
from vit_tutorial.widgets.scene_segmenter.state import MODELS, SceneState, canvas

CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442")  # as in overlay.js


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
        f"Three panels. Left: handwritten digits on black, {kinds}. Middle: the mask of a segmenter with {head}, each region in the colour "
        f"of its class with the digit written on it; {100 * pixel_accuracy(table):.1f} per cent of the pixels are right, mIoU {mean_iou(table):.3f}. "
        "Right: the truth."
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
    from skimage.measure import label, regionprops

    image, truth, mask = readings(start)
    names = read_page_model(MODELS[start.decoder])[0]["classes"]
    height, width = image.shape
    figure = Figure(figsize=(7.4, 7.4 / 3 * height / width + 0.3), dpi=200, facecolor="#ffffff")
    grey = np.repeat(image[..., None] / 255, 3, -1)
    panels = (("Scene", grey, None), ("The model's mask", coloured(image, mask, start.opacity), mask), ("Truth", coloured(image, truth, start.opacity), truth))  # fmt: skip
    for axes, (title, pixels, classes_) in zip(figure.subplots(1, 3), panels):
        axes.imshow(pixels, interpolation="nearest")
        axes.set_title(title, fontsize=9.5, loc="left", color="#1d2129")
        axes.set_axis_off()
        for region in regionprops(label(classes_, connectivity=1)) if classes_ is not None else []:
            if region.area < 0.004 * mask.size:
                continue
            row, column = min(region.coords.tolist(), key=lambda at: np.hypot(*(np.array(at) - region.centroid)))
            box = {"facecolor": "white", "edgecolor": "#1d2129", "linewidth": 0.5, "pad": 1.2, "alpha": 0.9}
            axes.text(
                column,
                row,
                names[classes_[row, column]],
                ha="center",
                va="center",
                fontsize=7,
                color="#1d2129",
                bbox=box,
            )
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.9, 0.04)
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    png.seek(0)
    from PIL import Image

    address = data_address(Image.open(png).convert("P", palette=Image.Palette.ADAPTIVE), "PNG", optimize=True)
    text = html.escape(describe(start), quote=True)
    return Still(f'<img src="{address}" alt="{text}" style="width: 100%; height: auto">', png.getvalue())
