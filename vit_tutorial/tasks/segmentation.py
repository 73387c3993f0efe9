"""Semantic segmentation: a class for each pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vit_tutorial import data
from vit_tutorial.cnn import UNet, UNetConfig
from vit_tutorial.data import VOID, RandomWindow, Splits, augment_pairs, normalize
from vit_tutorial.data.batches import Transform
from vit_tutorial.data.joint import fit_pair, fitted
from vit_tutorial.data.pairs import PairedImages
from vit_tutorial.enlarge import classes_of_pixels, enlarge
from vit_tutorial.heads import Segmenter, SegmenterConfig
from vit_tutorial.losses.imbalance import balanced_weights
from vit_tutorial.losses.segmentation import combined_loss, count_pixels, cross_entropy
from vit_tutorial.metrics.segmentation import (
    dice_per_class,
    iou_per_class,
    mean_class_accuracy,
    mean_iou,
    pixel_accuracy,
    pixel_confusion,
)
from vit_tutorial.patches import pair
from vit_tutorial.tasks.classification import fields_for_images, image_size
from vit_tutorial.tasks.own_masks import own_images
from vit_tutorial.training.evaluation import Task
from vit_tutorial.training.recipe import Recipe, RecipeError
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import load_segmenter, save_segmenter

MANY_SIZES = ("voc", "coco", "mask_folder")
SCENES = (96_000, 500, 1000)  # for training, validation and test


class Segmentation(Task):
    """Cross-entropy, Dice or focal loss between scores and masks; mIoU over all pixels of the validation split chooses the weights.

    Training sees windows of the model's size: whole images, or with ``scale_jitter`` parts of images that were scaled at random. Validation and
    test see each image fitted into that size, with black around it that is void in the mask.

    Args:
        recipe: names the data, the model, the loss and the augmentation.
        root: the folder of images and masks, or the data root; None is `vit_tutorial.data.data_root()`.
        splits: data in place of the recipe's, for experiments in a notebook: items (image, mask).

    Raises:
        ValueError: a model field is unknown, or the images do not fit the model.
        FileNotFoundError: the data is not there; the message says how to get it.
    """

    best_by = "miou"

    def __init__(self, recipe: Recipe, root: str | Path | None = None, splits: Splits | None = None) -> None:
        self.recipe = recipe
        self.splits = splits if splits is not None else load_splits(recipe, root)
        self.config = model_config(recipe, self.splits)
        self.transform: Transform | None = None
        if recipe.scale_jitter:
            self.transform = RandomWindow(pair(self.size), recipe.scale_jitter, recipe.hflip)
        self.weight = class_weights(self.splits, recipe.class_balance) if recipe.class_balance else None

    @property
    def size(self) -> int | tuple[int, int]:
        """(height, width) of what the model is trained on, or its side."""
        return self.config.img_size if isinstance(self.config, UNetConfig) else self.config[0].img_size

    def build_model(self) -> Segmenter | UNet:
        """The recipe's model with fresh weights from torch's global random numbers; a segmenter that gives the scores of patches."""
        if isinstance(self.config, UNetConfig):
            return UNet(self.config)
        encoder, head = self.config
        return head.build(VisionTransformer(encoder), pixels=False)

    def prepare(self, images: Tensor, masks: Tensor, train: bool) -> tuple[Tensor, Tensor]:
        """uint8 images [B, C, H, W] and masks [B, H, W] -> normalised images and int64 masks; augmented together when training."""
        mean, std, r = self.splits.mean, self.splits.std, self.recipe
        if not train:
            return normalize(images, mean, std), masks.long()
        images, masks = augment_pairs(
            images,
            masks,
            mean,
            std,
            hflip=0.0 if self.transform else r.hflip,  # else the window has mirrored them
            shift=r.shift,
            rotate=r.rotate,
            brightness=r.color_jitter,
            contrast=r.color_jitter,
            saturation=r.color_jitter,
        )
        return images, masks.long()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The recipe's loss of scores [B, K, h, w], of patches or pixels, and masks [B, H, W]; void does not count."""
        weight = None if self.weight is None else self.weight.to(outputs.device)
        focal = self.recipe.focal_gamma > 0
        return combined_loss(
            outputs, targets, float(not focal), self.recipe.dice, float(focal), self.recipe.focal_gamma, weight
        )

    def counted(self, targets: Tensor) -> Tensor:
        """By what the mean of `loss` was divided: the pixels that are not void, or the sum of their classes' weights."""
        return count_pixels(targets, None if self.weight is None else self.weight.to(targets.device))

    def count(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Sums over one batch: the confusion matrix [K, K] of all counted pixels, and their cross-entropy."""
        called = classes_of_pixels(outputs, (targets.shape[-2], targets.shape[-1]))
        confusion = pixel_confusion(called, targets, outputs.shape[1])
        return {"confusion": confusion, "loss": cross_entropy(outputs.float(), targets, reduction="sum")}

    def metrics(self, totals: dict[str, Tensor]) -> dict[str, float]:
        """mIoU, Dice and mean class accuracy over all pixels, pixel accuracy, mean cross-entropy, and the IoU of each class that occurs."""
        M = totals["confusion"]
        found = {
            "miou": mean_iou(M),
            "accuracy": pixel_accuracy(M),
            "class_accuracy": mean_class_accuracy(M),
            "dice": dice_per_class(M).nanmean().item(),
            "loss": totals["loss"].item() / max(int(M.sum()), 1),
        }
        of_class = zip(self.splits.classes, iou_per_class(M).tolist(), M.sum(1).tolist())
        return found | {f"{name.replace(' ', '-')}_iou": value for name, value, pixels in of_class if pixels}

    def save(self, model: nn.Module, path: Path) -> None:
        """Write the model with all that is needed to use it on an image: classes, mean and std."""
        extra: dict[str, Any] = {
            "classes": self.splits.classes,
            "mean": list(self.splits.mean),
            "std": list(self.splits.std),
            "recipe": self.recipe.to_dict(),
            "data": self.splits.variant,
        }
        save_segmenter(model, path, extra)

    def load(self, path: Path) -> Segmenter | UNet:
        """Read what `save` wrote."""
        return load_segmenter(path)


def load_splits(recipe: Recipe, root: str | Path | None = None) -> Splits:
    """The images with masks that a recipe names, fitted into the model's size; those for training as they are, where windows are cut of them.

    Raises:
        RecipeError: an unknown name. FileNotFoundError: the data is not there.
    """
    if recipe.data not in MANY_SIZES:
        return load_whole(recipe, root)
    if "img_size" not in recipe.model:
        raise RecipeError(
            f"the images of {recipe.data} have many sizes; say that of the model, as in --set model.img_size=224"
        )
    held = 0 if recipe.scale_jitter else 2**30  # bytes: windows are cut of whole images, which stay in their files
    fitted = load_whole(recipe, root, pair(image_size(recipe.model["img_size"])), held)
    if recipe.scale_jitter and isinstance(fitted.train, PairedImages):
        fitted.train = replace(fitted.train, size=None)
    return fitted


def load_whole(
    recipe: Recipe, root: str | Path | None = None, size: tuple[int, int] | None = None, held: int = 0
) -> Splits:
    """The images with masks that a recipe names, each in its own size, or fitted into one. Raises as `load_splits`.

    Args:
        held: bytes within which the images of one's own folder are held in memory.
    """
    if recipe.data == "digit_scenes":
        return data.scene_splits(SCENES)
    if recipe.data == "camvid":
        return data.camvid(root)
    if recipe.data == "mask_folder":
        return own_images(recipe, root, size, held)
    if recipe.data in MANY_SIZES:
        loader: Callable[..., Splits] = getattr(data, recipe.data)
        return loader(root, size=size)
    raise RecipeError(
        f"unknown data {recipe.data!r}; of segmentation choose digit_scenes, camvid, {', '.join(MANY_SIZES)}"
    )


@torch.no_grad()
def segment(model: Segmenter | UNet, image: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """The class of each pixel of one image of any size.

    The image is fitted into the size that the model was trained on, as validation images are, and the scores are enlarged to the image.

    Args:
        model: in evaluation mode. image: uint8 [C, h, w]. mean, std: C numbers each.

    Returns:
        int64 [h, w].
    """
    size = pair(model.config.img_size if isinstance(model, UNet) else model.encoder.config.img_size)
    inner = fitted(image, size)
    pixels, _ = fit_pair(image, torch.zeros(image.shape[-2:], dtype=torch.uint8), size)
    x = normalize(pixels[None].to(next(model.parameters()).device), mean, std)
    scores = enlarge(model(x), size)  # of the whole window: [1, K, H, W]
    top, left = ((outside - inside) // 2 for outside, inside in zip(size, inner))
    scores = scores[..., top : top + inner[0], left : left + inner[1]]
    return enlarge(scores, (image.shape[-2], image.shape[-1]))[0].argmax(0)


def model_config(recipe: Recipe, splits: Splits) -> tuple[ViTConfig, SegmenterConfig] | UNetConfig:
    """The recipe's model fields, with channels and classes from the data: of encoder and head, or of a U-Net.

    Raises:
        ValueError: a field is unknown, or img_size is not the images' size where nothing makes it so.
    """
    given = fields_for_images(recipe, splits.name, splits.val[0][0])  # a training image may be larger
    if recipe.arch == "cnn":
        return UNetConfig.from_dict({**given, "num_classes": len(splits.classes)})
    of_head = {f.name for f in fields(SegmenterConfig)}
    head = {name: given.pop(name) for name in [*given] if name in of_head}
    given["num_classes"] = 0
    size = given.pop("size", None)
    encoder = ViTConfig.named(size, **given) if size else ViTConfig.from_dict(given)
    return encoder, SegmenterConfig.from_dict({**head, "num_classes": len(splits.classes)})


def class_weights(splits: Splits, power: float) -> Tensor:
    """What each class weighs by its share of the training pixels, void left out: float32 [K], see `balanced_weights`. Reads every training mask once."""
    masks = splits.train.targets if isinstance(splits.train.targets, Tensor) else (m for _, m in splits.train)
    counts = torch.zeros(VOID + 1, dtype=torch.int64)
    for mask in masks:
        counts += torch.bincount(mask.flatten().long().cpu(), minlength=VOID + 1)
    return balanced_weights(counts[: len(splits.classes)], power)
