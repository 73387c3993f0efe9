"""Image classification: a class for each image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_tutorial import data
from vit_tutorial.cnn import CNNConfig, ConvNet
from vit_tutorial.data import Splits, augment, mix, normalize, take_share
from vit_tutorial.losses.classification import cross_entropy
from vit_tutorial.losses.imbalance import balanced_weights, log_frequencies, mean_one
from vit_tutorial.metrics.classification import (
    accuracy_from_confusion,
    confusion_matrix,
    recall_per_class,
    topk_correct,
)
from vit_tutorial.patches import in_pixels
from vit_tutorial.training.evaluation import Task
from vit_tutorial.training.recipe import Recipe, RecipeError
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import PRETRAINED, encoder_normalisation, load_classifier, load_encoder, save_model


class Classification(Task):
    """Cross-entropy between a model's logits and the classes; accuracy chooses the weights.

    With ``class_balance`` or ``logit_adjustment`` each class is to count alike, so the mean of the classes' accuracies chooses.

    Args:
        recipe: names the data, the model and the augmentation.
        root: the folder of images, or the data root; None is `vit_tutorial.data.data_root()`.
        download: let torchvision download what is missing.
        splits: data in place of the recipe's, for experiments in a notebook.

    Raises:
        ValueError: a model field is unknown, the images do not fit the model, or logits are to be adjusted to a class without images.
        FileNotFoundError: the data is not there; the message says how to get it.
    """

    def __init__(
        self,
        recipe: Recipe,
        root: str | Path | None = None,
        download: bool = False,
        splits: Splits | None = None,
    ) -> None:
        self.recipe = recipe
        whole = splits if splits is not None else load_splits(recipe, root, download)
        self.splits = take_share(whole, recipe.train_share)
        self.config = model_config(recipe, self.splits)
        self.weight: Tensor | None = None
        self.adjustment: Tensor | None = None
        self.best_by = "class_accuracy" if recipe.class_balance or recipe.logit_adjustment else "accuracy"
        counts = torch.bincount(self.splits.train.labels.cpu(), minlength=self.config.num_classes)
        if recipe.class_balance:
            self.weight = mean_one(balanced_weights(counts, recipe.class_balance), counts)
        if recipe.logit_adjustment:
            self.adjustment = recipe.logit_adjustment * log_frequencies(counts, self.splits.classes)

    def build_model(self) -> nn.Module:
        """The recipe's model with fresh weights from torch's global random numbers; with ``pretrained`` only the head is fresh.

        A frozen encoder, and one with official weights, gets the images by the mean and standard deviation that it knows; another one that is
        fine-tuned by those of this data.
        """
        if isinstance(self.config, CNNConfig):
            return ConvNet(self.config)
        model = VisionTransformer(self.config)
        if self.recipe.pretrained:
            seed = torch.initial_seed()  # the seed that was set last is the run's
            load_encoder(model, self.recipe.pretrained.replace("{seed}", str(seed)), self.recipe.frozen)
            if (known := self.known_normalisation(seed)) is not None:
                self.splits = self.splits.normalised_by(*known)
        if self.recipe.frozen:
            model.requires_grad_(False).head.requires_grad_(True)
        return model

    def known_normalisation(self, seed: int) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Mean and standard deviation that an encoder knows whose images keep them; None where there is none, or its file does not say them."""
        if not self.keeps_normalisation:
            return None
        known = encoder_normalisation(self.recipe.pretrained.replace("{seed}", str(seed)))
        return known if known is not None and len(known[0]) == len(self.splits.mean) else None

    def remarks(self, seed: int) -> list[str]:
        """Of a probe, and of official weights, by which mean and standard deviation the images are normalised."""
        if not self.keeps_normalisation:
            return []
        if (known := self.known_normalisation(seed)) is None:
            return [
                "the encoder's file does not say by which mean and std its images were normalised; those of this data are taken"
            ]
        words = ", ".join(f"{m:.3f} ± {s:.3f}" for m, s in zip(*known))
        why = "is frozen" if self.recipe.frozen else "has official weights"
        return [f"the encoder {why}, so images are normalised by the mean ± std that it was trained with: {words}"]

    @property
    def keeps_normalisation(self) -> bool:
        """Whether images are normalised as the encoder knows them: a frozen one, or one with official weights."""
        return bool(self.recipe.pretrained) and (self.recipe.frozen or self.recipe.pretrained in PRETRAINED)

    def prepare(self, images: Tensor, labels: Tensor, train: bool) -> tuple[Tensor, Tensor]:
        """uint8 images [B, C, H, W] and labels [B] -> what model and loss take; augmented and mixed when training."""
        mean, std, r = self.splits.mean, self.splits.std, self.recipe
        if not train:
            return normalize(images, mean, std), labels
        inputs = augment(
            images,
            mean,
            std,
            crop_padding=r.crop_padding,
            hflip=r.hflip,
            rand_augment=r.rand_augment,
            shift=r.shift,
            rotate=r.rotate,
            random_erasing=r.random_erasing,
        )
        if r.mixup or r.cutmix:
            return mix(inputs, labels, self.config.num_classes, r.mixup, r.cutmix)
        return inputs, labels

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of logits [B, K] against classes [B] or mixed labels [B, K], with what the recipe says of smoothing and rare classes."""
        if self.adjustment is not None:
            outputs = outputs.float() + self.adjustment.to(outputs.device)
        weight = None if self.weight is None else self.weight.to(outputs.device)
        return cross_entropy(outputs, targets, weight, self.recipe.label_smoothing)

    def counted(self, targets: Tensor) -> float:
        """By what the mean of `loss` was divided: the number of images."""
        return len(targets)

    def count(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Sums over one batch: the confusion matrix [K, K], the cross-entropy, and hits among the five largest logits."""
        logits = outputs.float()
        sums = {
            "confusion": confusion_matrix(logits.argmax(1), targets, self.config.num_classes),
            "loss": F.cross_entropy(logits, targets, reduction="sum"),
        }
        if self.config.num_classes > 5:
            sums["top5"] = topk_correct(logits, targets, 5).sum()
        return sums

    def metrics(self, totals: dict[str, Tensor]) -> dict[str, float]:
        """Accuracy, the mean of the classes' accuracies, mean cross-entropy (natural logarithm, no smoothing), and top-5 accuracy with more than 5 classes."""
        M = totals["confusion"]
        n = M.sum().item()
        result = {
            "accuracy": accuracy_from_confusion(M),
            "class_accuracy": recall_per_class(M).nanmean().item(),
            "loss": totals["loss"].item() / n,
        }
        if "top5" in totals:
            result["top5_accuracy"] = totals["top5"].item() / n
        return result

    def save(self, model: nn.Module, path: Path) -> None:
        """Write the model with all that is needed to use it on an image: classes, mean and std."""
        extra: dict[str, Any] = {
            "classes": self.splits.classes,
            "mean": list(self.splits.mean),
            "std": list(self.splits.std),
            "recipe": self.recipe.to_dict(),
            "data": self.splits.variant,
        }
        if self.splits.remembered is not None:
            extra["split"] = self.splits.remembered.to_dict()
        if self.splits.report is not None:
            extra["value_range"] = self.splits.report.value_range
        save_model(model, path, extra)

    def load(self, path: Path) -> nn.Module:
        """Read what `save` wrote."""
        return load_classifier(path)


def load_splits(recipe: Recipe, root: str | Path | None = None, download: bool = False) -> Splits:
    """The data that a recipe names. Raises RecipeError for an unknown name, FileNotFoundError where it is not there."""
    standard = ("mnist", "mnist_10k", "fashion_mnist", "cifar10")
    if recipe.data == "digits":
        return data.digits()
    if recipe.data == "digits_blocks":
        return data.digits(by="block")
    if recipe.data == "digit_photos":
        return data.digit_photos()
    if recipe.data in standard:
        loader: Callable[..., Splits] = getattr(data, recipe.data)
        return loader(root, download)
    own: dict[str, Callable[..., Splits]] = {
        "image_folder": data.image_folder,
        "shards": data.shards,
        "huggingface": data.huggingface,
    }
    if recipe.data in own:
        if root is None:
            raise RecipeError(f"data: {recipe.data} needs to know the folder; give it with --data FOLDER")
        splits = own[recipe.data](
            root,
            image_size(recipe.model.get("img_size", 224)),
            on_bad="skip" if recipe.on_bad == "skip" else "stop",
            on_leak="drop" if recipe.on_leak == "drop" else "stop",
            channels=recipe.model.get("in_chans", 3),
            split="hash" if recipe.split == "hash" else "shuffle",
            group_by=recipe.group_by,
            value_range=recipe.value_range,
            labelled=recipe.task != "pretraining",
        )
        if recipe.variant:
            for split in splits:
                split.variant = f"{recipe.variant}; {split.variant}"
        return splits
    raise RecipeError(
        f"unknown data {recipe.data!r}; choose digits, {', '.join(standard)}, digits_blocks, digit_photos, {', '.join(own)}"
    )


def model_config(recipe: Recipe, splits: Splits) -> ViTConfig | CNNConfig:
    """The recipe's model fields, with channels and classes from the data.

    Raises:
        ValueError: a field is unknown, or img_size is not the images' size.
    """
    fields = fields_for_images(recipe, splits.name, splits.train[0][0])
    fields["num_classes"] = len(splits.classes)
    if recipe.arch == "cnn":
        return CNNConfig.from_dict(fields)
    size = fields.pop("size", None)
    return ViTConfig.named(size, **fields) if size else ViTConfig.from_dict(fields)


def fields_for_images(recipe: Recipe, name: str, image: Tensor) -> dict[str, Any]:
    """The recipe's model fields with size and channels of the images [C, H, W] of the data set `name`.

    Raises:
        ValueError: img_size is not the images' size.
    """
    fields = dict(recipe.model)
    channels, height, width = image.shape
    fields["img_size"] = image_size(fields.get("img_size", [height, width]))
    if fields["img_size"] != image_size([height, width]):
        raise ValueError(
            f"the model's img_size is {fields['img_size']}, but the images of {name} are {in_pixels((height, width))}; "
            f"set model.img_size=[{height},{width}]"
        )
    return {**fields, "in_chans": channels}


def image_size(value: int | list[int] | tuple[int, int]) -> int | tuple[int, int]:
    """A side in pixels, or (height, width) where they differ."""
    if isinstance(value, int):
        return value
    height, width = value
    return height if height == width else (height, width)
