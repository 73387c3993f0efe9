"""Real handwritten digits on real photographs, 32x32 pixels in colour: a stand-in for CIFAR-10 that needs no download."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from .dataset import Splits, TensorImages, channel_stats
from .digits import digits

SIDE = 32  # pixels of an image
SHARES = {"train": (0.0, 0.6), "val": (0.6, 0.8), "test": (0.8, 1.0)}  # of the width of each photograph
DIGIT_SIDES = (18.0, 22.0)  # pixels that the eight pixels of a digit are enlarged to
LUMINANCE = torch.tensor([0.2126, 0.7152, 0.0722])  # of red, green and blue (ITU-R BT.709)
BRIGHTEST = 0.5  # mean luminance of a background; a brighter one is darkened, so that there is room above it
CONTRAST = (0.45, 0.6)  # from the background's mean luminance up to the digit's; black and white are 1 apart
ROUGHNESS = 0.07  # largest standard deviation of a background's luminance; a rougher one is softened


@dataclass(frozen=True)
class Layers:
    """What n images are made of, all from 0 to 1: image = (1 - ink) photograph + ink colour.

    Args:
        photograph: [n, 3, 32, 32], the crop behind the digit, darkened and softened as the image has it.
        number: [n], 0 to 5, of which of :func:`photographs` it is a crop.
        ink: [n, 1, 32, 32], how much of each pixel the digit covers.
        colour: [n, 3], the digit's.
        labels: [n], 0 to 9, the digit.
    """

    photograph: Tensor
    number: Tensor
    ink: Tensor
    colour: Tensor
    labels: Tensor


def digit_photos(train_copies: int = 2, seed: int = 0, wander: float = 0.25) -> Splits:
    """Handwritten digits on photographs: 2,156 / 360 / 359 images, 32x32 in colour, classes 0 to 9.

    Each image is one digit of :func:`digits`, enlarged to 18 to 22 pixels, at a random place and in a random colour, laid over a
    random crop of a photograph: with the digit's ink :math:`a` from 0 to 1, its colour :math:`c` and the photograph :math:`x`,

    .. math:: (1 - a)\\, x + a\\, c .

    So that a person can read it, :math:`x` is darkened to a mean luminance of at most 0.5 and softened towards its mean until the
    standard deviation of its luminance is at most 0.07, and the luminance of :math:`c` is 0.45 to 0.6 above the mean of :math:`x`.
    As in photographs of things, most pixels say nothing about the class, and colour and background must be seen through.

    The splits are disjoint twice over: in their digits, which are those of the three splits of `digits`, and in their backgrounds,
    which come from three separate parts of each photograph.

    The photographs come with scikit-image (astronaut by NASA and rocket by SpaceX, public domain; chelsea by Stefan van der Walt
    and coffee by Rachel Michetti, CC0) and scikit-learn (china by danielbuechele and flower by vultilion, CC BY 2.0).

    Args:
        train_copies: how often each training digit is laid down, each time elsewhere; validation and test digits once.
        seed: of places, sizes, colours and crops; no training seed.
        wander: how far a digit may be from the middle, in each direction: 0 stays there, 1 goes up to the border.

    Returns:
        `Splits` of `TensorImages`: images uint8 [N, 3, 32, 32], labels 0..9.

    Raises:
        ValueError: there is not at least one copy, or `wander` is not from 0 to 1.
    """
    if train_copies < 1:
        raise ValueError(f"train_copies is {train_copies}; each digit needs at least one")
    if not 0 <= wander <= 1:
        raise ValueError(f"wander is {wander}; give 0 (in the middle) to 1 (anywhere within the image)")
    variant = (
        "Digits on photographs: scikit-learn's handwritten digits, enlarged and coloured, on crops of photographs that "
        f"scikit-image and scikit-learn carry, 32x32; {train_copies} of each training digit, seed {seed}, wander {wander:g}"
    )
    parts = []
    for name in SHARES:
        of = layers(name, train_copies, seed, wander)
        images = lay_over(of.photograph, of.ink, of.colour)
        parts.append(TensorImages(images, of.labels, digits().train.classes, "digit_photos", variant))
    parts[0].mean, parts[0].std = channel_stats(parts[0].images)
    return Splits(*parts)


def layers(part: str, train_copies: int = 2, seed: int = 0, wander: float = 0.25) -> Layers:
    """What the images of one part ("train", "val" or "test") are made of, in their order; arguments as of :func:`digit_photos`.

    Raises:
        ValueError: there is no such part.
    """
    if part not in SHARES:
        raise ValueError(f"part is {part!r}; it must be one of {', '.join(SHARES)}")
    split = getattr(digits(), part)
    copies = train_copies if part == "train" else 1
    ink = split.images.repeat(copies, 1, 1, 1).float() / 255  # [n, 1, 8, 8]
    random = np.random.RandomState([seed, list(SHARES).index(part)])  # its stream is the same in every NumPy version
    number = random.randint(len(photographs()), size=len(ink))
    photograph = backgrounds(random, number, part)
    colour = colours(random, luminance(photograph).mean((1, 2)))
    return Layers(
        photograph, torch.from_numpy(number), placed(random, ink, wander), colour, split.labels.repeat(copies)
    )


def lay_over(photograph: Tensor, ink: Tensor, colour: Tensor) -> Tensor:
    """(1 - a) x + a c: uint8 [n, 3, H, W] of photographs [n, 3, H, W], ink [n, 1, H, W] and colours [n, 3], all from 0 to 1."""
    image = torch.lerp(photograph, colour[:, :, None, None], ink)
    return image.mul(255).round().to(torch.uint8)


def backgrounds(random: np.random.RandomState, number: NDArray[Any], part: str) -> Tensor:
    """Crops [n, 3, 32, 32] of one part of the photographs with these numbers, darkened and softened where needed; 0 to 1."""
    begin, end = SHARES[part]
    strips = []
    for photograph in photographs():
        width = photograph.shape[2]
        strips.append(photograph[:, :, math.ceil(begin * width) : math.floor(end * width)])
    crops = np.empty((len(number), 3, SIDE, SIDE), np.float32)
    for i, chosen in enumerate(number):
        strip = strips[chosen]
        row, column = (random.randint(side - SIDE + 1) for side in strip.shape[1:])
        crops[i] = strip[:, row : row + SIDE, column : column + SIDE]
    x = torch.from_numpy(crops)
    x = (
        x * (BRIGHTEST / luminance(x).mean((1, 2)).clamp(min=BRIGHTEST))[:, None, None, None]
    )  # times 1 where it is dark enough
    roughness = luminance(x).std((1, 2), correction=0)  # [n]
    softening = (ROUGHNESS / roughness.clamp(min=ROUGHNESS))[:, None, None, None]
    return torch.lerp(x.mean((2, 3), keepdim=True), x, softening)


def photographs() -> list[NDArray[np.float32]]:
    """Six photographs [3, H, W], 0 to 1, at half their size, so that a crop of 32 pixels shows more than a plain surface."""
    from skimage import data  # here, because other data sets need not pay for the import
    from sklearn.datasets import load_sample_images

    taken = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), *load_sample_images().images]
    return [halved(np.asarray(photograph)) for photograph in taken]


def halved(photograph: NDArray[Any]) -> NDArray[np.float32]:
    """uint8 [2 H, 2 W, 3] to [3, H, W], 0 to 1; each pixel is the mean of four. An odd last row or column is left out."""
    H, W = photograph.shape[0] // 2, photograph.shape[1] // 2
    blocks = photograph[: 2 * H, : 2 * W].reshape(H, 2, W, 2, 3).astype(np.float32)
    return np.ascontiguousarray(blocks.mean((1, 3)).transpose(2, 0, 1) / 255)


def placed(random: np.random.RandomState, ink: Tensor, wander: float) -> Tensor:
    """Ink of digits [n, 1, 8, 8] enlarged bilinearly to a random size and put at a random place: [n, 1, 32, 32]."""
    n = len(ink)
    side = torch.from_numpy(random.uniform(*DIGIT_SIDES, size=n)).float()
    place = torch.from_numpy(random.uniform(-wander, wander, size=(n, 2))).float()  # at 1 a side touches the border
    scale = SIDE / side
    shift = -place * (1 - side / SIDE)[:, None] * scale[:, None]  # affine_grid asks where an output pixel is read
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, [n, 1, SIDE, SIDE], align_corners=False)
    return F.grid_sample(ink, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def colours(random: np.random.RandomState, background: Tensor) -> Tensor:
    """Random colours [n, 3], each lighter than its background, whose mean luminance is given: [n], 0 to `BRIGHTEST`."""
    n = len(background)
    wanted = (background + torch.from_numpy(random.uniform(*CONTRAST, size=n)).float()).clamp(max=1)  # luminance
    hue = torch.from_numpy(random.uniform(size=(n, 3))).float()
    hue = hue - (hue @ LUMINANCE)[:, None]  # a multiple of it can be added without a change of luminance
    room = torch.where(hue > 0, 1 - wanted[:, None], wanted[:, None]) / hue.abs().clamp(min=1e-6)
    return (wanted[:, None] + room.amin(1, keepdim=True).clamp(max=1) * hue).clamp(0, 1)


def luminance(images: Tensor) -> Tensor:
    """[n, 3, H, W] to [n, H, W]."""
    return torch.einsum("nchw,c->nhw", images, LUMINANCE)
