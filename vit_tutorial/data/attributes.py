"""Attributes of CIFAR-10's classes: a second task on its images, of our own definition.

What is true of a class is taken to be true of each of its images, so the attributes follow from the class: they say nothing new about an image that has
its class, and something about one that has not. Cat, deer and dog have the same attributes.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from vit_tutorial.heads.multitask import Output

from .dataset import Splits, TensorImages

ATTRIBUTES = ("is an animal", "flies", "has fur", "has wheels", "is found in water", "carries people")
CIFAR10_ATTRIBUTES: dict[str, tuple[int, ...]] = {
    # animal, flies, fur, wheels, water, people
    "airplane": (0, 1, 0, 1, 0, 1),
    "automobile": (0, 0, 0, 1, 0, 1),
    "bird": (1, 1, 0, 0, 0, 0),
    "cat": (1, 0, 1, 0, 0, 0),
    "deer": (1, 0, 1, 0, 0, 0),
    "dog": (1, 0, 1, 0, 0, 0),
    "frog": (1, 0, 0, 0, 1, 0),
    "horse": (1, 0, 1, 0, 0, 1),
    "ship": (0, 0, 0, 0, 1, 1),
    "truck": (0, 0, 0, 1, 0, 1),
}


def with_attributes(splits: Splits) -> tuple[Splits, dict[str, Output]]:
    """CIFAR-10 with two targets an image: its class [N], and its class's attributes [N, 6] of 0 and 1. And what the two tasks ask.

    Raises:
        ValueError: the classes are not CIFAR-10's, or the images are too many to be held in memory.
    """
    if set(splits.classes) != set(CIFAR10_ATTRIBUTES):
        raise ValueError(
            f"attributes are known of CIFAR-10's classes ({', '.join(CIFAR10_ATTRIBUTES)}), not of {', '.join(splits.classes)}"
        )
    table = torch.tensor([CIFAR10_ATTRIBUTES[name] for name in splits.classes])
    parts = []
    for split in splits:
        if not isinstance(split, TensorImages):
            raise ValueError(
                f"{split.name} is read from its files as it is used; several targets need images that fit into memory"
            )
        parts.append(replace(split, targets={"class": split.labels, "attributes": table[split.labels]}))
    outputs = {"class": Output("class", tuple(splits.classes)), "attributes": Output("labels", ATTRIBUTES)}
    train, val, test = parts
    return replace(splits, train=train, val=val, test=test), outputs
