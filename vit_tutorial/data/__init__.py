"""Data sets, their splits, augmentation and batches. Start with `digits()`: it needs no download."""

from .batches import batches, derive_seed, epoch_order, num_batches
from .dataset import VOID, ImageDataset, Splits, TensorImages, channel_stats
from .digit_photos import digit_photos
from .digit_scenes import DigitScenes, digit_scenes
from .digits import digits
from .duplicates import Leak, LeakedImages, find_leaks
from .file_images import BadImages, FileImages
from .image_folder import image_folder
from .mixing import mix
from .remember import RememberedSplit
from .scan import FolderReport
from .scoring import images_to_score
from .splitting import grouped_split, hashed_split, split_tensor_images, stratified_split, take_share
from .targets import Target, Targets
from .transforms import augment, normalize
from .vision import MissingData, cifar10, data_root, fashion_mnist, mnist, mnist_10k

__all__ = [
    "VOID",
    "BadImages",
    "DigitScenes",
    "FileImages",
    "FolderReport",
    "ImageDataset",
    "Leak",
    "LeakedImages",
    "MissingData",
    "RememberedSplit",
    "Splits",
    "Target",
    "Targets",
    "TensorImages",
    "augment",
    "batches",
    "channel_stats",
    "cifar10",
    "data_root",
    "derive_seed",
    "digit_photos",
    "digit_scenes",
    "digits",
    "epoch_order",
    "fashion_mnist",
    "find_leaks",
    "grouped_split",
    "hashed_split",
    "image_folder",
    "images_to_score",
    "mix",
    "mnist",
    "mnist_10k",
    "normalize",
    "num_batches",
    "split_tensor_images",
    "stratified_split",
    "take_share",
]
