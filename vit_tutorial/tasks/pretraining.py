"""Pre-training without labels: an encoder learns from images alone, and labels only tell how far it has come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vit_tutorial.data import ImageDataset, Splits, batches, normalize, random_views, take_share
from vit_tutorial.metrics.neighbours import effective_rank, knn_accuracy, mean_entropy
from vit_tutorial.patches import pair
from vit_tutorial.pretraining import (
    PretrainingConfig,
    kept_encoder,
    masked_mse,
    patch_targets,
    symmetric_info_nce,
    view_cross_entropy,
)
from vit_tutorial.pretraining.config import Objective
from vit_tutorial.tasks.classification import load_splits, model_config
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.evaluation import Task
from vit_tutorial.training.recipe import Recipe, RecipeError
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import load_weights, save_model

NEIGHBOURS = 20  # k
BANK = 10_000  # training images among which they are sought
LOOK = 256  # images a batch when looking


class Pretraining(Task):
    """A masked autoencoder, DINO or a contrastive objective on the recipe's encoder; what is saved is the encoder.

    No label enters the loss, the steps or the choice of the weights, which are the last. Labels are used to report ``knn_accuracy``: of
    each image the class that its nearest training images have, by the encoder's features. Where all images are of one class, as those of
    a folder that nobody has sorted, this would be 1 whatever was learned, and the features' effective rank alone is reported.

    Args: as of `Classification`, whose data this is.

    Raises:
        RecipeError: the objective does not fit the batch, the model or the images.
        FileNotFoundError: the data is not there; the message says how to get it.
    """

    keeps_last = True

    def __init__(
        self, recipe: Recipe, root: str | Path | None = None, download: bool = False, splits: Splits | None = None
    ) -> None:
        self.recipe, self.objective = recipe, PretrainingConfig.from_dict(recipe.pretraining)
        if self.objective.method == "contrastive" and min(recipe.batch_size, recipe.micro_batch or 2) < 2:
            raise RecipeError("a contrastive batch of one image has nothing to tell it from; set batch_size=2 or more")
        if self.objective.method == "contrastive" and (recipe.micro_batch or recipe.batch_size) < recipe.batch_size:
            raise RecipeError(
                f"micro_batch is {recipe.micro_batch}, but a contrastive loss compares all {recipe.batch_size} images of a batch with each other; "
                "leave micro_batch out, and make batch_size smaller where memory is short"
            )
        whole = splits if splits is not None else load_splits(recipe, root, download)
        self.splits = take_share(whole, recipe.train_share)
        self.best_by = "knn_accuracy" if len(self.splits.classes) > 1 else "effective_rank"
        config = model_config(recipe, self.splits)
        assert isinstance(config, ViTConfig)
        self.config = ViTConfig.from_dict({**config.to_dict(), "num_classes": 0})
        with torch.device("meta"):  # what does not fit shows now
            self.objective.build(VisionTransformer(self.config))

    def build_model(self) -> Objective:
        """The objective on an encoder, with fresh weights from torch's global random numbers."""
        return self.objective.build(VisionTransformer(self.config))

    def prepare(self, images: Tensor, labels: Tensor, train: bool) -> tuple[Any, Tensor]:
        """uint8 images [B, C, H, W] -> views and, of a masked autoencoder, the patches to predict. The labels go no further.

        A masked autoencoder is scored on whole images; what is compared needs views also then.
        """
        mean, std, r, o = self.splits.mean, self.splits.std, self.recipe, self.objective
        size = pair(self.config.img_size)
        if o.method != "mae":
            views = {"large": random_views(images, mean, std, 2, size, o.view_scale, hflip=r.hflip, jitter=o.jitter)}
            if o.small_views:
                views["small"] = random_views(
                    images, mean, std, o.small_views, o.small_size, o.small_scale, hflip=r.hflip, jitter=o.jitter
                )
            return views, labels
        x = normalize(images, mean, std)
        if train:
            x = random_views(images, mean, std, 1, size, o.view_scale, hflip=r.hflip, jitter=o.jitter)[:, 0]
        return x, patch_targets(x, self.config.patch_size, o.norm_targets)

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """The objective's mean loss over a batch; see `masked_mse`, `view_cross_entropy`, `symmetric_info_nce`."""
        first, second = outputs
        if self.objective.method == "mae":
            return masked_mse(first.float(), targets, second)
        if self.objective.method == "dino":
            return view_cross_entropy(first, second)
        return symmetric_info_nce(first, second, self.objective.temperature)

    def counted(self, targets: Tensor) -> float:
        """By what the mean of `loss` was divided: the number of images."""
        return len(targets)

    def count(self, outputs: Any, targets: Tensor) -> dict[str, Tensor]:
        """Sums over one batch: the loss, the images, and of DINO the entropies of the teacher's answers.

        A last batch that holds one image, which contrast has nothing to tell from, counts nowhere in its loss.
        """
        alone = self.objective.method == "contrastive" and len(targets) == 1
        n = torch.tensor(0.0 if alone else float(len(targets)), device=targets.device)
        sums = {"loss": n.clone() if alone else self.loss(outputs, targets) * n, "images": n}
        if self.objective.method == "dino":
            sums |= {"entropy": mean_entropy(outputs[1]) * n, "mean": outputs[1].mean(1).sum(0)}
        return sums

    def metrics(self, totals: dict[str, Tensor]) -> dict[str, float]:
        """The mean loss; of DINO the mean entropy of the teacher's answers, and the entropy of their mean, in nats.

        Collapse shows in these two: to one output makes both 0, to the same for all outputs makes both log K.
        """
        n = totals["images"]
        name = "squared_error" if self.objective.method == "mae" else "loss"
        found = {name: (totals["loss"] / n).item()}
        if self.objective.method == "dino":
            found["teacher_entropy"] = (totals["entropy"] / n).item()
            found["mean_answer_entropy"] = mean_entropy(totals["mean"] / n).item()
        return found

    def measure(self, model: nn.Module, dataset: ImageDataset, engine: Engine) -> dict[str, float]:
        """k-NN accuracy on frozen features, among at most 10,000 training images, and the features' effective rank."""
        encoder = kept_encoder(model)  # type: ignore[arg-type]
        train = self.splits.train
        if len(train) > BANK:
            train = train.select(torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:BANK])
        queries, truth = features_of(encoder, dataset, self.splits, engine)
        found = {"effective_rank": effective_rank(queries)}
        if len(self.splits.classes) > 1:
            bank, labels = features_of(encoder, train, self.splits, engine)
            found["knn_accuracy"] = knn_accuracy(bank, labels, queries, truth, min(NEIGHBOURS, len(bank)))
        return found

    def save(self, model: nn.Module, path: Path) -> None:
        """Write the encoder with what is needed to use it on an image, for ``pretrained`` of a recipe and for `load_model`."""
        extra = {
            "mean": list(self.splits.mean),
            "std": list(self.splits.std),
            "recipe": self.recipe.to_dict(),
            "data": self.splits.variant,
        }
        save_model(kept_encoder(model), path, extra)  # type: ignore[arg-type]

    def load(self, path: Path) -> Objective:
        """The objective with the encoder that `save` wrote; what was thrown away after pre-training is fresh."""
        with torch.random.fork_rng(devices=[]):
            model = self.build_model()
        load_weights(kept_encoder(model), path)
        return model.eval()


@torch.no_grad()
def features_of(
    encoder: VisionTransformer, dataset: ImageDataset, splits: Splits, engine: Engine
) -> tuple[Tensor, Tensor]:
    """The encoder's features [N, D] of a whole data set, in float32, and the labels [N]."""
    was_training = encoder.training
    encoder.eval()
    found, labels = [], []
    for images, of_batch in batches(dataset, LOOK, seed=0, epoch=0, shuffle=False, device=engine.device):
        with engine.autocast():
            features = encoder.forward_head(encoder.forward_features(normalize(images, splits.mean, splits.std)))
        found.append(features.float())
        labels.append(of_batch)
    encoder.train(was_training)
    return torch.cat(found), torch.cat(labels)  # type: ignore[arg-type]
