"""Checks that anybody can make of a training script before believing its number; none of them knows which mistake it looks for.

Each takes a script as a module and says whether what one expects is so. A script that lacks what a check needs does not pass it.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from vit_tutorial.data import Splits, digits, normalize
from vit_tutorial.hunt.tests import replaced
from vit_tutorial.patches import patchify, unpatchify
from vit_tutorial.vit import VisionTransformer, ViTConfig

PLAN = ViTConfig(
    img_size=8,
    patch_size=2,
    in_chans=1,
    num_classes=10,
    embed_dim=32,
    depth=2,
    num_heads=4,
    mlp_ratio=2.0,
    norm_eps=1e-5,
)


def shapes(script: Any) -> bool:
    """The logits of 64 images are [64, 10]."""
    images, _ = some_images()
    return script.ViT()(images).shape == (64, 10)


def first_loss(script: Any) -> bool:
    """The loss of a fresh model is near log 10: it knows nothing."""
    images, labels = some_images()
    return abs(script.loss_of(script.ViT()(images), labels).item() - math.log(10)) < 0.5


def learns_by_heart(script: Any) -> bool:
    """The loss of 32 images, trained on alone for 50 steps, falls below a tenth of log 10."""
    images, labels = some_images(32)
    model = script.ViT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=script.PEAK)
    losses = [script.train_step(model, optimizer, images, labels) for _ in range(50)]
    return losses[-1] < math.log(10) / 10


def pixels_count(script: Any) -> bool:
    """The logits have a gradient at every pixel."""
    images = some_images()[0].requires_grad_()
    script.ViT().eval()(images).square().sum().backward()
    assert images.grad is not None
    return bool(images.grad.abs().amax(0).all())


def places_count(script: Any) -> bool:
    """An image whose patches are shuffled gets other logits."""
    images, model, P = some_images()[0], script.ViT().eval(), script.PATCH
    side = 8 // P
    part = images[..., : side * P, : side * P]
    shuffled = images.clone()
    patches = patchify(part, P)[:, torch.randperm(side**2)]
    shuffled[..., : side * P, : side * P] = unpatchify(patches, P, (side, side))
    return (model(images) - model(shuffled)).abs().max().item() > 1e-3


def parameters(script: Any) -> bool:
    """The optimiser has as many numbers as the formula says that there are."""
    D, N, P, L, K = 32, 16, 2, 2, 10
    counts = []

    def note(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
        optimizer.step()
        counts.append(sum(p.numel() for group in optimizer.param_groups for p in group["params"]))
        return 0.0

    with replaced(script, train_step=note, accuracy=lambda model, split: 0.5, WARMUP=0):
        script.fit(few(64), epochs=1)
    embedding, block = (P * P * D + D) + D + (1 + N) * D, 8 * D * D + 11 * D
    return counts[0] == embedding + L * block + 2 * D + K * D + K


def same_block(script: Any) -> bool:
    """A block with the weights of torch's own encoder layer gives the same tokens."""
    layer = shaken(nn.TransformerEncoderLayer(32, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True))
    names = {
        "self_attn.in_proj_": "attn.qkv.",
        "self_attn.out_proj": "attn.proj",
        "linear1": "mlp.0",
        "linear2": "mlp.3",
    }
    return agree(script.Block(32, 4), layer, names, torch.randn(2, 17, 32))


def same_model(script: Any) -> bool:
    """The model with the weights of an independent implementation gives the same logits."""
    names = {"patch_embed.proj": "patch_embed", "mlp.fc1": "mlp.0", "mlp.fc2": "mlp.3"}
    return agree(script.ViT(), shaken(VisionTransformer(PLAN)), names, some_images(8)[0])


def same_gradient(script: Any) -> bool:
    """The same batch gives the same gradient a second time, if nothing moves in between."""
    images, labels = some_images()
    model = script.ViT()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    norms = []
    with replaced(nn.utils, clip_grad_norm_=lambda parameters, limit: norms.append(length(parameters))):
        for _ in range(2):
            script.train_step(model, optimizer, images, labels)
    return math.isclose(norms[0], norms[1], rel_tol=0.05)


def rate_curve(script: Any) -> bool:
    """The learning rate rises to its peak and falls to nearly nothing."""
    rates = []

    def note(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
        return 0.0

    with replaced(script, train_step=note, accuracy=lambda model, split: 0.5):
        script.fit(few(256), epochs=6)
    return rates[0] < 0.5 * max(rates) and max(rates) > 0.9 * script.PEAK and rates[-1] < 0.1 * max(rates)


def scored_twice(script: Any) -> bool:
    """One model has one accuracy, however often it is computed."""
    model, val = script.ViT().train(), images_of_digits().val
    return len({script.accuracy(model, val) for _ in range(4)}) == 1


def shuffled_labels(script: Any) -> bool:
    """Trained on 16 images whose labels are shuffled, a model reads the images of the report no better than by chance."""
    splits = few(16)
    splits.train.targets = splits.train.targets[torch.randperm(16)]
    epochs = itertools.count()
    with replaced(
        script, BATCH=16, WARMUP=5, PEAK=1e-2, accuracy=lambda model, split: next(epochs)
    ):  # the last is kept
        model = script.fit(splits, epochs=50)
    return script.report(model, splits) < 0.35


def what_was_kept(script: Any) -> bool:
    """The model that comes back has the best accuracy seen, at a learning rate that grows until the training breaks."""
    own, splits, seen = script.accuracy, replace(few(64), val=images_of_digits().val), []

    def note(model: nn.Module, split: Any) -> float:
        seen.append(own(model, split))
        return seen[-1]

    worse = {"PEAK": 1.0, "rate": lambda step, steps, warmup: 10 ** (3 * step / steps - 3)}
    with replaced(script, accuracy=note, BATCH=16, **worse):
        model = script.fit(splits, epochs=8)
    return own(model, splits.val) == max(seen)


QUICK_CHECKS: dict[str, Callable[[Any], bool]] = {
    "shapes": shapes,
    "loss at the start": first_loss,
    "a batch by heart": learns_by_heart,
    "gradient at every pixel": pixels_count,
    "patches shuffled": places_count,
    "parameters counted": parameters,
    "block = torch's": same_block,
    "model = another's": same_model,
    "gradient twice": same_gradient,
    "learning rate drawn": rate_curve,
    "scored several times": scored_twice,
    "labels shuffled": shuffled_labels,
    "best model scored again": what_was_kept,
}


@functools.cache
def images_of_digits() -> Splits:
    """The digits, read once."""
    return digits()


def some_images(n: int = 64) -> tuple[Tensor, Tensor]:
    """The first n training images, normalised, and their labels."""
    train = images_of_digits().train
    return normalize(train.images[:n], train.mean, train.std), train.labels[:n]


def few(n: int) -> Splits:
    """The digits with n training images only, and few to validate by."""
    splits = images_of_digits()
    return replace(splits, train=splits.train.select(range(n)), val=splits.val.select(range(60)))


def shaken(model: nn.Module) -> nn.Module:
    """The model with random numbers added to all its weights: a fresh one hides mistakes behind zeros and ones."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def agree(model: nn.Module, reference: nn.Module, names: dict[str, str], x: Tensor) -> bool:
    """Whether a model computes what the reference does, with its weights; ``names`` is how parts of their names differ."""
    weights = {}
    for name, value in reference.state_dict().items():
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        weights[name] = value
    try:
        model.load_state_dict(weights)
    except RuntimeError:  # other names, or other shapes
        return False
    with torch.no_grad():
        return torch.allclose(model.eval()(x), reference(x), atol=1e-3)


def length(parameters: Any) -> float:
    """The Euclidean norm of all gradients together."""
    return math.sqrt(sum(p.grad.square().sum().item() for p in parameters if p.grad is not None))
