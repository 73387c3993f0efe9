"""Recipes: what is in them, what is refused, and that each one builds its model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vit_tutorial.data import Splits, TensorImages
from vit_tutorial.tasks import Classification
from vit_tutorial.training import Recipe, RecipeError, list_recipes, load_recipe

SHAPES = {
    "digits": (1, 8),
    "digits_blocks": (1, 8),
    "mnist": (1, 28),
    "mnist_10k": (1, 28),
    "fashion_mnist": (1, 28),
    "cifar10": (3, 32),
}


def random_splits(channels: int, side: int) -> Splits:
    """Data of that shape in the place of the real ones."""
    images = torch.randint(256, (20, channels, side, side), dtype=torch.uint8)
    data = [TensorImages(images, torch.arange(20) % 10, list("0123456789")) for _ in range(3)]
    return Splits(*data)


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_builds_a_model_that_takes_its_data(name: str) -> None:
    recipe = load_recipe(name)
    channels, side = SHAPES.get(recipe.data, (3, recipe.model.get("img_size")))
    task = Classification(recipe, splits=random_splits(channels, side))
    inputs, targets = task.prepare(task.splits.train.images, task.splits.train.labels, train=True)
    assert torch.isfinite(task.loss(task.build_model()(inputs), targets))
    assert recipe.title


def test_a_recipe_survives_the_way_through_json() -> None:
    recipe = load_recipe("cifar10")
    assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_one_field_of_the_model_can_be_changed() -> None:
    changed = load_recipe("digits", **{"model.depth": 6})
    assert changed.model == {**load_recipe("digits").model, "depth": 6}


def test_numbers_may_be_written_as_people_write_them(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("lr: 1e-3\nbetas: [0.9, 0.99]\nepochs: 3\npatience: null\nmodel: {norm_eps: 1e-5}\n")
    recipe = load_recipe(file)
    assert (recipe.name, recipe.lr, recipe.betas, recipe.patience) == ("mine", 1e-3, (0.9, 0.99), None)
    assert recipe.model["norm_eps"] == 1e-5


def test_an_unknown_recipe_names_the_nearest_and_all_known() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'digts'; did you mean 'digits'\? \(known recipes: .*mnist"):
        load_recipe("digts")


def test_an_unknown_field_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="unknown field 'learning_rat' in a recipe; known fields: name, title"):
        load_recipe("digits", learning_rat=1)
    with pytest.raises(RecipeError, match="unknown field 'warmup_epoch' in a recipe; did you mean 'warmup_epochs'"):
        load_recipe("digits", warmup_epoch=1)


def test_an_unknown_field_of_the_model_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown ViTConfig field 'dept'; did you mean 'depth'"):
        Classification(load_recipe("digits", **{"model.dept": 3}))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", "many", "field 'epochs' is 'many'; expected int"),
        ("epochs", 1.5, "field 'epochs' is 1.5; expected int"),
        ("epochs", 0, "epochs is 0; it must be larger than 0"),
        ("epochs", None, "field 'epochs' is None; expected int"),
        ("lr", -1e-3, "lr is -0.001; it must be larger than 0"),
        ("lr", True, "field 'lr' is True; expected float"),
        ("compile", "yes please", "field 'compile' is 'yes please'; expected bool"),
        ("betas", [0.9], r"field 'betas' is \[0.9\]"),
        ("optimizer", "lion", "optimizer is 'lion'; choose adamw, adam, sgd"),
        ("precision", "fp16", "precision is 'fp16'; choose fp32, bf16"),
        ("on_leak", "ignore", "on_leak is 'ignore'; choose stop, drop"),
        ("arch", "mlp", "arch is 'mlp'; choose vit, cnn"),
        ("train_share", 0, "train_share is 0.0; it must be above 0 and at most 1"),
        ("train_share", 1.5, "train_share is 1.5; it must be above 0 and at most 1"),
        ("ema_decay", 1.0, r"ema_decay is 1.0; it must be in \[0, 1\)"),
        ("lr.inner", 1, "field 'lr' has no inner fields"),
        ("model", 3, "expected fields and values"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(field: str, value: object, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("digits", **{field: value})


def test_layer_decay_is_refused_where_there_are_no_layers_of_a_vit() -> None:
    with pytest.raises(RecipeError, match=r"layer_decay is 0\.8, but only a vit knows it"):
        load_recipe("fashion_cnn", layer_decay=0.8)


def test_a_share_of_the_training_split_leaves_the_others_whole() -> None:
    whole, part = (Classification(load_recipe("digits", train_share=share)).splits for share in (1, 0.1))
    assert len(part.train) == pytest.approx(0.1 * len(whole.train), abs=5)
    assert part.val.fingerprint() == whole.val.fingerprint()
    assert part.test.fingerprint() == whole.test.fingerprint()
    assert "of 1,078 training images" in part.variant


def test_a_share_that_leaves_a_class_without_images_is_refused_with_one_that_does_not() -> None:
    with pytest.raises(ValueError, match=r"leaves no training image of class '\d', which has 10\d; use at least 0\.0"):
        Classification(load_recipe("digits", train_share=0.001))


def test_a_file_that_is_no_recipe_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("lr: [1, 2\n")
    with pytest.raises(RecipeError, match=r"broken\.yaml is not a recipe"):
        load_recipe(file)


def test_images_of_another_size_than_the_models_are_refused() -> None:
    with pytest.raises(ValueError, match="the model's img_size is 16, but the images of digits are 8x8 pixels"):
        Classification(load_recipe("digits", **{"model.img_size": 16}))


def test_unknown_data_is_refused_with_what_there_is() -> None:
    with pytest.raises(RecipeError, match="unknown data 'imagenet'; choose digits, mnist"):
        Classification(load_recipe("digits", data="imagenet"))


def test_an_image_folder_needs_its_folder() -> None:
    with pytest.raises(RecipeError, match="give it with --data FOLDER"):
        Classification(load_recipe("image_folder"))
