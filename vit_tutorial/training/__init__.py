"""Training: `fit(Classification(recipe), recipe)` and what it is made of."""

from vit_tutorial.training.evaluation import Task, evaluate, predict
from vit_tutorial.training.loop import DivergedError, Result, fit
from vit_tutorial.training.recipe import Recipe, RecipeError, list_recipes, load_recipe
from vit_tutorial.training.run_folder import RunFolder, RunFolderError

__all__ = [
    "DivergedError",
    "Recipe",
    "RecipeError",
    "Result",
    "RunFolder",
    "RunFolderError",
    "Task",
    "evaluate",
    "fit",
    "list_recipes",
    "load_recipe",
    "predict",
]
