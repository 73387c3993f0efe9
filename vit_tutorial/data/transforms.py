"""Normalising and augmenting whole batches, on any device, each image with random numbers of its own.

torchvision's v2 transforms do the work where they can. Given a batch they draw *one* set of parameters for all of
it; what follows draws one an image. All random numbers come from the global CPU generator, whatever the device:
call `torch.manual_seed` first and the same batch is augmented in the same way. What was drawn goes to the device without waiting for it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2


def normalize(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    r""":math:`(x / 255 - \mu_c) / \sigma_c` for each channel c: all that evaluation does to an image.

    Args:
        images: [B, C, H, W] or [C, H, W] uint8.
        mean, std: C numbers each, of pixel values scaled to 0..1.

    Returns:
        float32, same shape.
    """
    channels = images.shape[-3]
    if len(mean) != channels or len(std) != channels:
        raise ValueError(
            f"images have {channels} channels, but mean has {len(mean)} values and std {len(std)}; give one a channel"
        )
    return normalize_scaled(v2.functional.to_dtype(images, torch.float32, scale=True), mean, std)


def normalize_scaled(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """`v2.functional.normalize`, whose two constants wait for a GPU each time they go there; here they go once."""
    mu, sigma = _constants(tuple(mean), tuple(std), images.device)
    return (images - mu).div_(sigma)


@functools.lru_cache(maxsize=16)
def _constants(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    mu, sigma = torch.tensor([mean, std], dtype=torch.float32, device=device)[..., None, None]
    return mu, sigma


def augment(
    images: Tensor,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    crop_padding: int = 0,
    hflip: float = 0.0,
    rand_augment: Sequence[int] | None = None,
    shift: float = 0.0,
    rotate: float = 0.0,
    random_erasing: float = 0.0,
) -> Tensor:
    """Augment a training batch and normalise it; everything is off by default, which leaves `normalize`.

    In this order: random crop, horizontal flip, RandAugment, rotation and shift, normalisation, random erasing.

    Args:
        images: [B, C, H, W] uint8.
        mean, std: C numbers each, of pixel values scaled to 0..1.
        crop_padding: pixels of black border from which a crop of the old size is cut; 4 is usual for CIFAR.
        hflip: probability of a left-right flip. Not for digits: a mirrored 2 is no 2.
        rand_augment: (number of operations, magnitude 0..30), usually (2, 9). None: off.
        shift: largest shift in pixels, each way and in both directions; need not be whole.
        rotate: largest rotation in degrees, both ways.
        random_erasing: probability of erasing a rectangle.

    Returns:
        float32 [B, C, H, W].
    """
    if images.ndim != 4 or images.dtype != torch.uint8:
        raise ValueError(f"images must be uint8 [B, C, H, W], got {images.dtype} {list(images.shape)}")
    for name, p in (("hflip", hflip), ("random_erasing", random_erasing)):
        if isinstance(p, bool) or not 0 <= p <= 1:
            raise ValueError(f"{name} is a probability from 0 to 1, got {p}; 0 is off, 0.5 is usual for hflip")
    if crop_padding:
        images = random_crop(images, crop_padding)
    if hflip:
        images = random_hflip(images, hflip)
    if rand_augment:
        num_ops, magnitude = rand_augment
        images = RandAugmentEach(num_ops, magnitude)(images)
    if shift or rotate:
        images = random_affine(v2.functional.to_dtype(images, torch.float32, scale=True), shift, rotate)
        result = normalize_scaled(images, mean, std)
    else:
        result = normalize(images, mean, std)
    return random_erase(result, random_erasing) if random_erasing else result


def random_crop(images: Tensor, padding: int) -> Tensor:
    """Pad with `padding` black pixels on all sides and cut out H x W at a random place, one an image.

    The usual CIFAR augmentation (Krizhevsky, 2012; He et al., 2016, section 4.2). [B, C, H, W] to [B, C, H, W].
    """
    B, _, H, W = images.shape
    windows = F.pad(images, [padding] * 4).unfold(2, H, 1).unfold(3, W, 1)  # [B, C, 2p + 1, 2p + 1, H, W], a view
    item = torch.arange(B, device=images.device)
    top, left = torch.randint(2 * padding + 1, (2, B)).to(images.device, non_blocking=True)
    return windows[item, :, top, left]


def random_hflip(images: Tensor, p: float = 0.5) -> Tensor:
    """Mirror each image left to right with probability p. [B, C, H, W] to [B, C, H, W]."""
    flip = (torch.rand(len(images)) < p).to(images.device, non_blocking=True)
    return torch.where(flip[:, None, None, None], images.flip(-1), images)


def random_affine(images: Tensor, shift: float, rotate: float) -> Tensor:
    r"""Rotate each image about its centre and shift it, by its own draw, with bilinear interpolation.

    The angle is uniform in :math:`\pm` `rotate` degrees, the shifts uniform in :math:`\pm` `shift` pixels. An output
    pixel at :math:`u` (from the centre, in pixels) is read at :math:`R(u - t)`, black outside; R is the rotation.

    Args:
        images: [B, C, H, W] float.
    """
    B = len(images)
    angle = torch.deg2rad(torch.empty(B).uniform_(-rotate, rotate))
    tx, ty = torch.empty(2, B).uniform_(-shift, shift)
    return affine(images, angle, tx, ty)


def affine(images: Tensor, angle: Tensor, tx: Tensor, ty: Tensor) -> Tensor:
    """Turn each image clockwise by its angle (radians), then move it by tx pixels right and ty down.

    Equal to `v2.functional.affine` with one angle and translation an image. [B, C, H, W] and three times [B].
    """
    grid = affine_grid(images, angle, tx, ty)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def affine_grid(images: Tensor, angle: Tensor, tx: Tensor, ty: Tensor) -> Tensor:
    """Where `affine` reads each output pixel, as `F.grid_sample` counts: [B, H, W, 2]."""
    H, W = images.shape[-2:]
    cos, sin = angle.cos(), angle.sin()
    x0 = -(cos * tx + sin * ty)  # R(-t), in pixels
    y0 = -(cos * ty - sin * tx)
    theta = torch.stack(
        [  # affine_grid measures in half widths and half heights
            torch.stack([cos, sin * H / W, 2 * x0 / W], -1),
            torch.stack([-sin * W / H, cos, 2 * y0 / H], -1),
        ],
        dim=1,
    )  # [B, 2, 3]
    return F.affine_grid(theta.to(images), list(images.shape), align_corners=False)


class RandAugmentEach(v2.RandAugment):
    """v2.RandAugment with its own operations drawn for each image (Cubuk et al., 2020, section 3).

    Of N operations in a row each is drawn uniformly from 14 (identity, shears, shifts, rotation, colour changes...),
    all at magnitude M, with a random sign where it has one. Since M is fixed, images with the same operation and sign
    get the same treatment: they are grouped, so v2's kernels run at most 24 times a step whatever the batch size.
    uint8 [B, 1 or 3, H, W] to uint8 of the same shape.
    """

    def forward(self, *inputs: Any) -> Any:
        (images,) = inputs
        names = list(self._AUGMENTATION_SPACE)
        signed = torch.tensor([self._AUGMENTATION_SPACE[name][1] for name in names])
        for _ in range(self.num_ops):
            operation = torch.randint(len(names), (len(images),))
            negative = (torch.rand(len(images)) <= 0.5) & signed[operation]
            groups = 2 * operation + negative
            order = groups.argsort(stable=True)
            sizes = torch.bincount(groups, minlength=2 * len(names)).tolist()
            at = order.to(images.device, non_blocking=True)
            changed = [
                self._apply(members, names[group // 2], 1 - 2 * (group % 2))
                for group, members in enumerate(images[at].split(sizes))  # those of a group stand together
                if len(members)
            ]
            images = torch.empty_like(images).index_copy_(0, at, torch.cat(changed))
        return images

    def _apply(self, images: Tensor, name: str, sign: int) -> Tensor:
        magnitudes = self._AUGMENTATION_SPACE[name][0](self.num_magnitude_bins, *images.shape[-2:])
        magnitude = 0.0 if magnitudes is None else sign * float(magnitudes[self.magnitude])
        changed = self._apply_image_or_video_transform(
            images, name, magnitude, interpolation=self.interpolation, fill=self._fill
        )
        return torch.as_tensor(changed)


def random_erase(images: Tensor, p: float) -> Tensor:
    """With probability p set a rectangle of 2 to 33 % of an image to 0, which is the mean after `normalize`.

    Each image has its own rectangle, all drawn at once from the distribution of v2.RandomErasing (Zhong et al., 2020, section 3):
    the area is uniform, height over width log-uniform from 0.3 to 3.3, the place uniform; of ten draws the first that is smaller
    than the image is taken, and if none is, the image stays whole. [B, C, H, W] float, same out.
    """
    B, _, H, W = images.shape
    area = H * W * torch.empty(10, B).uniform_(0.02, 0.33)
    ratio = torch.empty(10, B).uniform_(math.log(0.3), math.log(3.3)).exp()
    heights, widths = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    smaller = (heights < H) & (widths < W)  # [10, B]
    first = smaller.int().argmax(0, keepdim=True)
    height, width = heights.gather(0, first)[0], widths.gather(0, first)[0]
    top, left = (torch.rand(B) * (H - height + 1)).floor(), (torch.rand(B) * (W - width + 1)).floor()
    height[(torch.rand(B) >= p) | ~smaller.any(0)] = 0
    top, height, left, width = torch.stack([top, height, left, width]).to(images.device, non_blocking=True)[..., None]
    row, column = torch.arange(H, device=images.device), torch.arange(W, device=images.device)
    in_rows, in_columns = (top <= row) & (row < top + height), (left <= column) & (column < left + width)
    return images.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0.0)
