"""Data sets, their splits, augmentation and batches. Start with `digits()`: it needs no download."""

from .batches import batches, derive_seed, epoch_order, num_batches
from .dataset import ImageDataset, Splits, TensorImages, channel_stats
from .digits import digits
from .mixing import mix
from .splitting import Leak, find_leaks, split_tensor_images, stratified_split
from .transforms import augment, normalize

__all__ = [
    "ImageDataset",
    "Leak",
    "Splits",
    "TensorImages",
    "augment",
    "batches",
    "channel_stats",
    "derive_seed",
    "digits",
    "epoch_order",
    "find_leaks",
    "mix",
    "normalize",
    "num_batches",
    "split_tensor_images",
    "stratified_split",
]
