"""Tasks: each file joins data, model, loss and metrics for `vit_tutorial.training.fit`."""

from __future__ import annotations

from pathlib import Path

from vit_tutorial.tasks.classification import Classification
from vit_tutorial.tasks.distillation import Distillation
from vit_tutorial.tasks.multitask import MultiTaskLearning
from vit_tutorial.tasks.pretraining import Pretraining
from vit_tutorial.tasks.segmentation import Segmentation
from vit_tutorial.training.recipe import Recipe

__all__ = ["Classification", "Distillation", "MultiTaskLearning", "Pretraining", "Segmentation", "task_of"]


def task_of(
    recipe: Recipe, root: str | Path | None = None, download: bool = False
) -> Classification | Segmentation | Pretraining | MultiTaskLearning:
    """The task that a recipe names, with its data. Arguments and what is raised: see the tasks."""
    if recipe.task == "segmentation":
        return Segmentation(recipe, root)
    if recipe.task == "pretraining":
        return Pretraining(recipe, root, download)
    if recipe.task == "multitask":
        return MultiTaskLearning(recipe, root, download)
    if recipe.teacher:
        return Distillation(recipe, root, download)
    return Classification(recipe, root, download)
