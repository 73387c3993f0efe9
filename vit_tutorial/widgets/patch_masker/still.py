"""The patch masker as a still: what the encoder gets, what is painted, and the image, for print and for readers without JavaScript."""

from __future__ import annotations

import html
import io
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vit_tutorial.patches import pair, patchify
from vit_tutorial.pretraining.mae import masked_mse
from vit_tutorial.widgets.models.page_model import data_address, gallery, load_page_model, open_picture, read_page_model
from vit_tutorial.widgets.patch_masker.state import MODEL, MaskerState, count_patches

INK, HIDDEN, LINE = "#1d2129", "#8a8f98", "#5d626b"  # as the page hatches hidden patches


@dataclass(frozen=True)
class Still:
    html: str
    png: bytes


def readings(start: MaskerState) -> tuple[Tensor, Tensor, float, float]:
    """(image, painted image) [C, H, W], normalised, and the errors of the decoder and of the visible pixels' mean; NaN where nothing is hidden."""
    image = open_picture(MODEL, start.image)
    mask = torch.zeros(1, count_patches(), dtype=torch.bool)
    mask[0, start.hide] = True
    model = load_page_model(MODEL)
    painted, _ = model.reconstruct(image, mask)
    if not start.hide:
        return image[0], painted[0], np.nan, np.nan
    patches = patchify(image, model.encoder.config.patch_size)
    by_channel = patches.unflatten(-1, (image.shape[1], -1))  # [1, N, C, P*P]
    seen = by_channel[~mask]
    mean = seen.mean((0, 2)) if len(seen) else torch.zeros(image.shape[1])
    guess = mean[:, None].expand_as(by_channel).flatten(2)
    errors = (
        masked_mse(values, patches, mask).item()
        for values in (patchify(painted, model.encoder.config.patch_size), guess)
    )
    return image[0], painted[0], *errors


def describe(start: MaskerState) -> str:
    """The alternative text."""
    _, _, error, guess = readings(start)
    label = next(entry["label"] for entry in gallery(MODEL) if entry["name"] == start.image)
    numbers = f" On them the mean squared error is {error:.3f}; that of the mean of the visible pixels is {guess:.3f}."
    return (
        f"An image, {label}, with {len(start.hide)} of {count_patches()} patches hidden; beside it the same with the hidden patches as a "
        f"masked autoencoder paints them.{numbers if start.hide else ''}"
    )


def pixels(image: Tensor) -> NDArray[np.float32]:
    """Normalised [C, H, W] -> [H, W, 3] from 0 to 1."""
    manifest = read_page_model(MODEL)[0]
    mean, std = (torch.tensor(manifest[key])[:, None, None] for key in ("mean", "std"))
    return (image * std + mean).clamp(0, 1).expand(3, -1, -1).permute(1, 2, 0).numpy()


def draw(start: MaskerState) -> Still:
    image, painted, _, _ = readings(start)
    config = read_page_model(MODEL)[0]["config"]
    P, (height, width) = config["patch_size"], pair(config["img_size"])
    panels = [
        ("What the encoder gets", pixels(image), start.hide, "The image, its hidden patches hatched."),
        ("Painted", pixels(painted), [], describe(start)),
        ("The whole image", pixels(image), [], "The whole image."),
    ]
    whole = Figure(figsize=(7.4, 7.4 / 3 * height / width + 0.3), dpi=200, facecolor="#ffffff")
    parts = []
    for axes, (title, values, hide, text) in zip(whole.subplots(1, 3), panels):
        own = Figure(figsize=(2.4, 2.4 * height / width), dpi=150)
        for place in (axes, own.add_axes((0, 0, 1, 1))):
            place.imshow(values, interpolation="nearest", aspect="auto")
            place.set_axis_off()
            for patch in hide:
                row, column = divmod(patch, width // P)
                corner = (column * P - 0.5, row * P - 0.5)
                place.add_patch(Rectangle(corner, P, P, facecolor=HIDDEN, edgecolor=LINE, hatch="////", linewidth=0.3))
        axes.set_title(title, fontsize=9.5, loc="left", color=INK)
        small = Image.open(saved(own)).convert("P", palette=Image.Palette.ADAPTIVE)
        parts.append(
            f'<div><div style="font-weight: 600; font-size: 0.85rem">{html.escape(title)}</div><img src="{data_address(small, "PNG", optimize=True)}" '
            f'alt="{html.escape(text, quote=True)}" style="width: 100%; height: auto; border-radius: 4px"></div>'
        )
    whole.subplots_adjust(0.01, 0.01, 0.99, 0.9, 0.04)
    grid = "display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.6rem"
    return Still(f'<div style="{grid}">{"".join(parts)}</div>', saved(whole).getvalue())


def saved(figure: Figure) -> io.BytesIO:
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    png.seek(0)
    return png
