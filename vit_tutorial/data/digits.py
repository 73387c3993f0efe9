"""The embedded data set: 1,797 real handwritten digits that come with scikit-learn."""

from __future__ import annotations

from typing import Literal

import torch

from .dataset import Splits, TensorImages, channel_stats
from .splitting import split_tensor_images

SPLIT_SEED = 20  # not a training seed: every run of every seed is scored on the same test images


def digits(split_seed: int = SPLIT_SEED, by: Literal["chance", "block"] = "chance") -> Splits:
    """Handwritten digits, 8x8 pixels, split 60/20/20: 1,797 images that need no download.

    Each was written by one of 13 people on a printed form and scanned to a 32x32 bitmap; each pixel here counts the
    black dots (0..16) of a 4x4 block. We scale 0..16 to 0..255 as `round(value * 255 / 16)`, so 17 grey levels occur. Who
    wrote what is not recorded, but neighbours in the file share writers, as forms were scanned one after the other.

    Args:
        split_seed: of the split by chance.
        by: "chance" splits each class at random, so the same hands are in all splits, and a stranger's digits may be read worse
            than the test says. "block" cuts the file into five blocks in its order: three to train on, the fourth for validation, the
            fifth for the test, so that most of the writers of the test are strangers.

    Source: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, doi:10.24432/C50P49, CC BY 4.0; scikit-learn ships its test part.

    Returns:
        `Splits` of `TensorImages`: images uint8 [N, 1, 8, 8], labels 0..9.

    Raises:
        ValueError: `by` is neither.
    """
    from sklearn.datasets import load_digits  # here, because it takes a second that other data sets need not pay

    if by not in ("chance", "block"):
        raise ValueError(f'by must be "chance" or "block", got {by!r}')
    source = load_digits()
    images = torch.from_numpy(source.images).mul(255 / 16).round().to(torch.uint8).unsqueeze(1)  # [N, 1, 8, 8]
    labels = torch.from_numpy(source.target).to(torch.int64)
    cut = f"stratified 60/20/20 split, split seed {split_seed}"
    if by == "block":
        cut = "split by blocks of the file's order, 60/20/20, so that most writers of the test are others"
    whole = TensorImages(
        images,
        labels,
        classes=[str(digit) for digit in range(10)],
        name="digits" if by == "chance" else "digits_blocks",
        variant=(
            "scikit-learn's 1,797 handwritten digits (UCI, Alpaydin and Kaynak 1998), 8x8, "
            f"0..16 scaled to 0..255; {cut}"
        ),
    )
    if by == "chance":
        return Splits(*split_tensor_images(whole, (0.6, 0.2, 0.2), split_seed))
    n = len(whole)
    ends = [n * 3 // 5, n * 4 // 5]
    train, val, test = (whole.select(range(a, b)) for a, b in zip([0, *ends], [*ends, n]))
    train.mean, train.std = channel_stats(train.images)
    return Splits(train, val, test)
