"""Recipes: what is in them, what is refused, and that each one builds its model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vit_tutorial.data import SCENE_TASKS, Splits, TensorImages, scene_tasks
from vit_tutorial.patches import pair
from vit_tutorial.tasks import Classification, MultiTaskLearning, Pretraining, Segmentation
from vit_tutorial.training import Recipe, RecipeError, list_recipes, load_recipe
from vit_tutorial.weights import PRETRAINED

SHAPES = {
    "digits": (1, 8),
    "digit_scenes": (1, (24, 32)),
    "camvid": (3, (180, 240)),
    "digits_blocks": (1, 8),
    "mnist": (1, 28),
    "mnist_10k": (1, 28),
    "fashion_mnist": (1, 28),
    "cifar10": (3, 32),
}


def random_splits(channels: int, side: int | tuple[int, int], masks: bool = False) -> Splits:
    """Data of that shape in the place of the real ones."""
    images = torch.randint(256, (20, channels, *pair(side)), dtype=torch.uint8)
    targets = torch.randint(10, (20, *pair(side))) if masks else torch.arange(20) % 10
    data = [TensorImages(images, targets, list("0123456789")) for _ in range(3)]
    return Splits(*data)


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_builds_a_model_that_takes_its_data(name: str) -> None:
    recipe = load_recipe(name)
    channels, side = SHAPES.get(recipe.data, (3, recipe.model.get("img_size")))
    if recipe.train_share < 1:
        recipe = recipe.with_(train_share=1.0)  # of twenty images
    if recipe.pretrained in PRETRAINED:
        recipe = recipe.with_(pretrained="")  # nothing is downloaded here
    task: Classification | Segmentation | Pretraining | MultiTaskLearning
    if recipe.task == "multitask":
        task = MultiTaskLearning(recipe, splits=scene_tasks((20, 4, 4)), outputs=SCENE_TASKS)
    else:
        kind = {"segmentation": Segmentation, "pretraining": Pretraining}.get(recipe.task, Classification)
        task = kind(recipe, splits=random_splits(channels, side, masks=kind is Segmentation))
    inputs, targets = task.prepare(task.splits.train.images, task.splits.train.targets, train=True)
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
    with pytest.raises(RecipeError, match=r"unknown Recipe field 'learning_rat' \(known: name, title"):
        load_recipe("digits", learning_rat=1)
    with pytest.raises(RecipeError, match="unknown Recipe field 'warmup_epoch'; did you mean 'warmup_epochs'"):
        load_recipe("digits", warmup_epoch=1)


def test_an_unknown_field_of_the_model_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown ViTConfig field 'dept'; did you mean 'depth'"):
        Classification(load_recipe("digits", **{"model.dept": 3}))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", "many", "epochs is 'many'; it must be a whole number of at least 1$"),
        ("epochs", 1.5, "epochs is 1.5; it must be a whole number"),
        ("epochs", 0, "epochs is 0; it must be a whole number of at least 1"),
        ("epochs", None, "epochs is None; it must be a whole number"),
        ("lr", -1e-3, "lr is -0.001; it must be a number above 0$"),
        ("lr", True, "lr is True; it must be a number"),
        ("lr", "nan", "lr is 'nan'; it must be a number"),
        ("compile", "yes please", "compile is 'yes please'; it must be true or false"),
        ("betas", [0.9], r"betas is \[0.9\]; it must be 2 numbers, each of at least 0 and below 1"),
        ("optimizer", "lion", "optimizer is 'lion'; it must be one of adamw, adam, sgd, muon"),
        ("precision", "fp16", "precision is 'fp16'; it must be one of fp32, bf16"),
        ("on_leak", "ignore", "on_leak is 'ignore'; it must be one of stop, drop"),
        ("arch", "mlp", "arch is 'mlp'; it must be one of vit, cnn"),
        ("task", "detection", "task is 'detection'; it must be one of classification, segmentation, pretraining"),
        ("train_share", 0, "train_share is 0; it must be a number above 0 and at most 1"),
        ("ema_decay", 1.0, "ema_decay is 1.0; it must be a number of at least 0 and below 1"),
        ("clip_grad", -1, "clip_grad is -1; it must be a number of at least 0"),
        (
            "rand_augment",
            [2, 31],
            "rand_augment is .*2 whole numbers, the first of at least 1, the second from 0 to 30, or null",
        ),
        ("random_resized_crop", [1.0, 0.2], "random_resized_crop is .*in ascending order, or null"),
        ("patience", 0, "patience is 0; it must be a whole number of at least 1, or null"),
        ("seeds", [], r"seeds is \[\]; it must be one or more whole numbers"),
        ("seeds", [1, 1], r"seeds is \[1, 1\]; each seed can be there once"),
        ("min_lr", 1, "min_lr is 1; it must be at most lr, which is 0.003"),
        ("model.depth", "six", "model.depth is 'six'; it must be a whole number of at least 1"),
        (
            "model.img_size",
            "8x8",
            "model.img_size is '8x8'; it must be a whole number of at least 1, or 2 whole numbers",
        ),
        ("model.qkv_bias", "maybe", "model.qkv_bias is 'maybe'; it must be true or false"),
        ("model.size", "huge", "model.size is 'huge'; it must be one of tiny, small, base, large"),
        ("lr.inner", 1, "field 'lr' has no inner fields"),
        ("model", 3, "model is 3; it must be fields and values"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_allowed(field: str, value: object, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("digits", **{field: value})


def test_a_recipe_says_which_fields_define_the_experiment_and_which_belong_to_the_machine() -> None:
    recipe = load_recipe("digits")
    elsewhere = recipe.with_(device="cuda", threads=4, workers=3, checkpoint_every_steps=5, title="Another title")
    assert elsewhere.experiment() == recipe.experiment()
    beside = set(recipe.to_dict()) - set(recipe.experiment())
    assert beside == {
        "title", "variant", "seeds", "device", "micro_batch", "read_loss_every", "shard", "threads", "workers", "checkpoint_every_seconds",
        "checkpoint_every_steps",
    }  # fmt: skip
    assert recipe.with_(precision="bf16").experiment() != recipe.experiment()


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


def test_dropped_patches_end_only_where_they_begin_and_never_under_a_mask() -> None:
    with pytest.raises(
        RecipeError, match=r"patch_drop_until is 0\.8, but no patches are dropped; set model\.patch_drop"
    ):
        load_recipe("digits", patch_drop_until=0.8)
    with pytest.raises(RecipeError, match=r"model\.patch_drop_rate is 0\.5, but a segmentation needs every patch"):
        load_recipe("digit_scenes_linear", **{"model.patch_drop_rate": 0.5})


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
