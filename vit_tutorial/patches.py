"""From an image to a sequence of patch tokens, and back.

An image [C, H, W] is cut into a grid of (H/P) x (W/P) squares. Each square is flattened to a vector of C*P*P numbers, and one linear
map, the same for every square, turns it into a token of width D (Dosovitskiy et al. 2021, section 3.1, equation 1).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def pair(size: int | tuple[int, int]) -> tuple[int, int]:
    """``16 -> (16, 16)``; a pair (height, width) stays as it is."""
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


def in_pixels(size: tuple[int, int]) -> str:
    """A size in words, in the order that every message has: ``28x32 pixels (height x width)``; of a square without the order."""
    height, width = size
    return f"{height}x{width} pixels{' (height x width)' * (height != width)}"


def check_divisible(height: int, width: int, patch_size: int) -> tuple[int, int]:
    """The grid (rows, columns) of an image cut into patches.

    Raises:
        ValueError: a side is not a multiple of the patch size; the message names patch sizes that fit.
    """
    for name, side in (("height", height), ("width", width)):
        if side <= 0 or side % patch_size:
            fitting = [p for p in range(2, min(height, width) + 1) if height % p == 0 and width % p == 0]
            remedy = f"choose {', '.join(map(str, fitting))}" if fitting else "resize or crop the image"
            raise ValueError(f"image {name} {side} is not divisible by patch size {patch_size}; {remedy}")
    return height // patch_size, width // patch_size


def check_batch(images: Tensor, in_chans: int) -> None:
    """Refuse what is no batch of images [B, C, H, W] with this many channels.

    Raises:
        ValueError: another rank, or other channels.
    """
    if images.ndim != 4:
        hint = "; add the batch dimension with images.unsqueeze(0)" if images.ndim == 3 else ""
        raise ValueError(
            f"expected a batch of images [B, C, H, W], got {images.ndim} dimensions {tuple(images.shape)}{hint}"
        )
    C = images.shape[1]
    if in_chans != C:
        raise ValueError(
            f"the model takes {in_chans} channel{'s' * (in_chans != 1)}, the images have {C}; "
            f"convert them (images.expand or images.mean over channels) or build the model with in_chans={C}"
        )


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images into flattened patches, row by row.

    Args:
        images: [B, C, H, W].
        patch_size: the side P of a patch in pixels; it must divide H and W.

    Returns:
        [B, N, C*P*P] with N = (H/P)(W/P). Patch n stands in row n // (W/P) and column n % (W/P); inside a patch the order is
        channel, row, column, which is the order of a convolution's weights.
    """
    B, C, H, W = images.shape
    rows, columns = check_divisible(H, W, patch_size)
    x = images.reshape(B, C, rows, patch_size, columns, patch_size)
    x = x.permute(0, 2, 4, 1, 3, 5)  # [B, rows, columns, C, P, P]
    return x.reshape(B, rows * columns, C * patch_size * patch_size)


def unpatchify(patches: Tensor, patch_size: int, grid_size: tuple[int, int]) -> Tensor:
    """The inverse of :func:`patchify`.

    Args:
        patches: [B, N, C*P*P].
        patch_size: P in pixels.
        grid_size: (rows, columns) with rows * columns = N.

    Returns:
        [B, C, rows*P, columns*P].

    Raises:
        ValueError: N or the length of a patch does not fit the grid or the patch size.
    """
    B, N, length = patches.shape
    rows, columns = grid_size
    if rows * columns != N or length % patch_size**2:
        raise ValueError(
            f"{N} patches of length {length} do not fill a {rows}x{columns} grid of {patch_size}x{patch_size} patches;"
            f" expected {rows * columns} patches whose length is a multiple of {patch_size**2}"
        )
    C = length // patch_size**2
    x = patches.reshape(B, rows, columns, C, patch_size, patch_size)
    return x.permute(0, 3, 1, 4, 2, 5).reshape(B, C, rows * patch_size, columns * patch_size)


class PatchEmbed(nn.Module):
    """Patch embedding: ``patchify`` and one shared linear map, z_n = W x_n + b.

    A convolution whose kernel size and stride are both P computes exactly that, and is what libraries store, so the parameter
    ``proj.weight`` has shape [D, C, P, P]; flattened to [D, C*P*P] it is the matrix W.

    Args:
        img_size: side of the square image, or (height, width), in pixels.
        patch_size: side P of a patch in pixels.
        in_chans: channels C of the image.
        embed_dim: width D of a token.

    Shape:
        [B, C, H, W] -> [B, N, D].
    """

    def __init__(self, img_size: int | tuple[int, int], patch_size: int, in_chans: int, embed_dim: int) -> None:
        super().__init__()
        self.img_size = pair(img_size)
        self.patch_size = patch_size
        self.in_chans = in_chans
        self.grid_size = check_divisible(*self.img_size, patch_size)
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        self.strict_img_size = True  # False takes images of any size that patches divide
        self.proj = nn.Conv2d(in_chans, embed_dim, kernel_size=patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        self.check(images)
        return self.proj(images).flatten(2).transpose(1, 2)  # [B, D, rows, columns] -> [B, N, D]

    def check(self, images: Tensor) -> None:
        """Refuse a batch that this embedding cannot cut: wrong rank, channels or size."""
        check_batch(images, self.in_chans)
        H, W = images.shape[2:]
        if not self.strict_img_size:
            check_divisible(H, W, self.patch_size)
        elif self.img_size != (H, W):
            raise ValueError(
                f"the model takes images of {self.img_size[0]}x{self.img_size[1]} pixels, these have {H}x{W} (height x width); "
                "resize the images, or resize the model's position embedding with model.set_input_size"
            )


def resize_patch_weight(weight: Tensor, patch_size: int) -> Tensor:
    """A patch embedding's weight for patches of another size, so that a resized patch gives the token of the original one.

    Resizing is linear: a patch x of P x P pixels becomes R x, with R of shape [P'^2, P^2]. Wanted is w' with <w', R x> = <w, x> for every x, that is
    R^T w' = w. Where patches grow this has exact solutions, and where they shrink none; the pseudo-inverse gives the smallest of the first,
    and of the second the one that is nearest for white pixels: w' = (R^T)^+ w (Beyer et al. 2023, FlexiViT, section 3.4). R is bicubic with antialias.

    Args:
        weight: [D, C, P, P].
        patch_size: P', the new side in pixels.

    Returns:
        [D, C, P', P'], in the same type.

    Raises:
        ValueError: the weight's patches are not square, or P' is less than 1.
    """
    D, C, P, width = weight.shape
    if width != P or patch_size < 1:
        raise ValueError(f"patches of {P}x{width} pixels cannot be resized to {patch_size}x{patch_size}")
    if patch_size == P:
        return weight
    pixels = torch.eye(P * P, dtype=torch.float64).reshape(P * P, 1, P, P)  # one patch a pixel, white on black
    resized = F.interpolate(pixels, size=(patch_size, patch_size), mode="bicubic", antialias=True)
    transposed = resized.flatten(1)  # R^T, [P^2, P'^2]
    new = weight.detach().double().cpu().reshape(D * C, P * P) @ torch.linalg.pinv(transposed).T
    return new.reshape(D, C, patch_size, patch_size).to(weight)
