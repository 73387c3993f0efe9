"""Data sets, their splits, augmentation and batches. Start with `digits()`: it needs no download."""

from .batches import batches, derive_seed, epoch_order, num_batches
from .camvid import CAMVID_CLASSES, camvid
from .coco import coco, coco_images
from .coco_file import BadAnnotations, read_coco
from .coco_write import write_coco, write_coco_results, write_coco_scenes
from .dataset import ImageDataset, Splits, TensorImages, channel_stats
from .digit_photos import digit_photos
from .digit_scenes import DigitScenes, digit_scenes, scene_splits
from .digits import digits
from .duplicates import Leak, LeakedImages, find_leaks
from .file_images import BadImages, FileImages
from .huggingface import huggingface
from .image_folder import image_folder
from .joint import RandomWindow, fit_pair
from .joint_batch import augment_pairs
from .mask_files import read_mask, write_mask
from .mask_folder import mask_folder
from .mixing import mix
from .own_coco import own_coco
from .pair_survey import BadPairs, PairReport
from .pairs import PairedImages
from .remember import RememberedSplit
from .scan import FolderReport
from .scene_tasks import SCENE_TASKS, scene_tasks
from .scoring import images_to_score
from .shard_order import in_turn, shards_in_turn
from .shard_write import write_shards
from .shards import shards
from .splitting import grouped_split, hashed_split, split_tensor_images, stratified_split, take_share
from .tar_members import BadShard
from .targets import VOID, Target, Targets
from .transforms import augment, normalize
from .views import random_views
from .vision import MissingData, cifar10, data_root, fashion_mnist, mnist, mnist_10k
from .voc import VOC_CLASSES, voc, voc_images, write_voc_scenes

__all__ = [
    "CAMVID_CLASSES",
    "SCENE_TASKS",
    "VOC_CLASSES",
    "VOID",
    "BadAnnotations",
    "BadImages",
    "BadPairs",
    "BadShard",
    "DigitScenes",
    "FileImages",
    "FolderReport",
    "ImageDataset",
    "Leak",
    "LeakedImages",
    "MissingData",
    "PairReport",
    "PairedImages",
    "RandomWindow",
    "RememberedSplit",
    "Splits",
    "Target",
    "Targets",
    "TensorImages",
    "augment",
    "augment_pairs",
    "batches",
    "camvid",
    "channel_stats",
    "cifar10",
    "coco",
    "coco_images",
    "data_root",
    "derive_seed",
    "digit_photos",
    "digit_scenes",
    "digits",
    "epoch_order",
    "fashion_mnist",
    "find_leaks",
    "fit_pair",
    "grouped_split",
    "hashed_split",
    "huggingface",
    "image_folder",
    "images_to_score",
    "in_turn",
    "mask_folder",
    "mix",
    "mnist",
    "mnist_10k",
    "normalize",
    "num_batches",
    "own_coco",
    "random_views",
    "read_coco",
    "read_mask",
    "scene_splits",
    "scene_tasks",
    "shards",
    "shards_in_turn",
    "split_tensor_images",
    "stratified_split",
    "take_share",
    "voc",
    "voc_images",
    "write_coco",
    "write_coco_results",
    "write_coco_scenes",
    "write_mask",
    "write_shards",
    "write_voc_scenes",
]
