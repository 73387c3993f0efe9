"""How images are made ready for official weights: cut and scaled as they were when the model learned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as vision

from vit_tutorial.patches import pair

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Preparation:
    """From a picture to the tensor [3, H, W] that a model with official weights expects: (x / 255 - mean) / std of its middle.

    What belongs to the weights travels with them: with another mean and std, another cut or another filter a model runs as before and is
    right less often.

    Args:
        size: (height, width) of the model's input, in pixels.
        mean, std: of each channel, of pixels from 0 to 1.
        crop: the picture's shorter side is resized to size / crop (rounded down), and its middle is cut out; 1 cuts only what a longer side has more.
        squash: resize to `size` at once, whatever the picture's shape, as Hugging Face's ViTImageProcessor does.
        filter: of the resizing, always with antialias.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float] = HALF
    std: tuple[float, float, float] = HALF
    crop: float = 0.9
    squash: bool = False
    filter: Literal["bicubic", "bilinear"] = "bicubic"

    def __call__(self, picture: Image.Image | Tensor) -> Tensor:
        """A picture, or uint8 [3, H, W], as float32 [3, H, W].

        Raises:
            ValueError: a tensor that is not uint8 [3, H, W], whose range could only be guessed.
        """
        if isinstance(picture, Image.Image):
            picture = picture.convert("RGB")
        elif picture.dtype != torch.uint8 or picture.ndim != 3 or picture.shape[0] != 3:
            raise ValueError(f"a picture or uint8 [3, H, W] is wanted, this is {picture.dtype} {tuple(picture.shape)}")
        mode = InterpolationMode(self.filter)
        if self.squash:
            picture = vision.resize(picture, list(self.size), interpolation=mode, antialias=True)
        else:
            side = math.floor(max(self.size) / self.crop + 1e-6)  # 224 / (224 / 242) is to be 242
            picture = vision.resize(picture, [side], interpolation=mode, antialias=True)
            picture = vision.center_crop(picture, list(self.size))
        return self.normalize(vision.to_dtype(vision.to_image(picture), torch.float32, scale=True))

    def normalize(self, pixels: Tensor) -> Tensor:
        """(x - mean) / std, for pixels from 0 to 1, [..., 3, H, W]."""
        mean, std = (pixels.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (pixels - mean) / std

    def for_size(self, img_size: int | tuple[int, int]) -> Preparation:
        """The same for a model that was resized to another input."""
        return Preparation(**{**vars(self), "size": pair(img_size)})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the ``extra`` of :func:`~vit_tutorial.weights.save_model`, where ``mean`` and ``std`` are looked for."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
