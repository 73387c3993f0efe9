"""Pre-training as a task: what it learns from, what it keeps, and how its encoder goes on to be fine-tuned and probed."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.testing import assert_close
from training_helpers import tiny

from vit_tutorial.cli import main
from vit_tutorial.data import Splits, digits
from vit_tutorial.pretraining import DINO, MaskedAutoencoder, kept_encoder
from vit_tutorial.tasks import Classification, Pretraining, task_of
from vit_tutorial.training import Recipe, RecipeError, evaluate, fit, load_recipe
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.loop import backward
from vit_tutorial.weights import load_model, read_extra, save_model

MODEL: dict[str, Any] = {"patch_size": 2, "embed_dim": 16, "depth": 2, "num_heads": 2}
SMALL: dict[str, dict[str, Any]] = {
    "mae": {"method": "mae", "decoder_dim": 8, "decoder_heads": 2},
    "dino": {"method": "dino", "out_dim": 16, "hidden_dim": 16, "bottleneck_dim": 8, "small_views": 2, "small_size": 4},
    "contrastive": {"method": "contrastive", "out_dim": 8, "hidden_dim": 16},
}


@pytest.fixture(scope="module")
def few() -> Splits:
    """A hundred digits to learn from, forty to look at."""
    train, val, test = digits()
    return Splits(train.select(range(100)), val.select(range(40)), test.select(range(40)))


def recipe(method: str, **changes: Any) -> Recipe:
    fields = {"task": "pretraining", "model": MODEL, "pretraining": SMALL[method], "epochs": 2, "batch_size": 32}
    return Recipe("small").with_(**{**fields, **changes})


def pretrained(few: Splits, method: str, out: Path | None = None, **changes: Any):
    r = recipe(method, **changes)
    return fit(Pretraining(r, splits=few), r, out, progress=False)


@pytest.mark.parametrize("method", list(SMALL))
def test_no_label_changes_what_is_learned(few: Splits, method: str) -> None:
    wrong = few.train.select(range(100))
    wrong.targets = few.train.labels.flip(0)
    shuffled = Splits(wrong, few.val, few.test)
    weights = [kept_encoder(pretrained(of, method).model).state_dict() for of in (few, shuffled)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize("method", list(SMALL))
def test_a_run_that_was_killed_ends_as_one_that_was_not(few: Splits, method: str, tmp_path: Path) -> None:
    whole = pretrained(few, method)
    r = recipe(method, checkpoint_every_steps=1)

    class Killed(Exception):
        pass

    task = Pretraining(r, splits=few)
    prepare, steps = task.prepare, iter(range(4))

    def dies(*args: Any, train: bool) -> Any:
        if train and next(steps, None) is None:
            raise Killed
        return prepare(*args, train=train)

    task.prepare = dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        fit(task, r, tmp_path, progress=False)
    resumed = fit(Pretraining(r, splits=few), r, tmp_path, progress=False)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


@pytest.mark.parametrize("method", list(SMALL))
def test_a_finished_run_gives_the_encoder_that_a_recipe_and_load_model_read(
    few: Splits, method: str, tmp_path: Path
) -> None:
    result = pretrained(few, method, tmp_path / "seed-3")
    encoder = load_model(tmp_path / "seed-3" / "model.safetensors")
    mine = kept_encoder(result.model)  # type: ignore[arg-type]
    assert all(torch.equal(value, mine.state_dict()[name]) for name, value in encoder.state_dict().items())
    assert read_extra(tmp_path / "seed-3" / "model.safetensors")["mean"] == list(few.mean)
    again = pretrained(few, method, tmp_path / "seed-3")
    assert again.already_finished
    x = torch.randn(2, 1, 8, 8)
    assert_close(kept_encoder(again.model)(x), mine(x))  # type: ignore[arg-type]
    assert sum(p.numel() for p in again.model.parameters()) == sum(p.numel() for p in result.model.parameters())


def test_the_last_weights_are_kept_whatever_k_nn_says(few: Splits) -> None:
    r = recipe("mae", epochs=3)
    task = Pretraining(r, splits=few)
    falling = iter([0.9, 0.5, 0.1])
    measure = task.measure
    task.measure = lambda *args: {**measure(*args), "knn_accuracy": next(falling, 0.0)}  # type: ignore[method-assign]
    assert fit(task, r, progress=False, test=False).metrics["best_epoch"] == 3


def test_what_is_reported_is_k_nn_rank_and_of_dino_the_two_entropies(few: Splits) -> None:
    task = Pretraining(recipe("dino"), splits=few)
    torch.manual_seed(0)
    model = task.build_model()
    found = evaluate(task, model, few.val)
    assert {"loss", "knn_accuracy", "effective_rank", "teacher_entropy", "mean_answer_entropy"} == {*found}
    assert isinstance(model, DINO)
    with torch.no_grad():  # the same answer to every image
        for p in model.teacher.norm.parameters():
            p.zero_()
    collapsed = evaluate(task, model, few.val)
    assert collapsed["knn_accuracy"] < 0.3
    assert collapsed["mean_answer_entropy"] == pytest.approx(collapsed["teacher_entropy"], abs=1e-3)


def test_a_last_batch_of_one_image_is_left_out_of_a_contrastive_loss(few: Splits) -> None:
    task = Pretraining(recipe("contrastive"), splits=few)
    torch.manual_seed(0)
    model = task.build_model().eval()
    found = []
    for images in (few.val, few.val.select(range(39))):  # 39 and one; 39
        torch.manual_seed(1)  # the same views
        found.append(evaluate(task, model, images, batch_size=39)["loss"])
    assert found[0] == found[1]


def test_the_parts_of_a_batch_have_the_gradient_of_the_whole(few: Splits) -> None:
    for method in ("mae", "dino"):
        task = Pretraining(recipe(method, **{"pretraining.view_scale": (1.0, 1.0)}), splits=few)
        torch.manual_seed(0)
        model = task.build_model()
        if isinstance(model, MaskedAutoencoder):
            mask = torch.arange(16).expand(12, 16) < 12
            model.forward = functools.partial(same_mask, model.forward, mask)  # type: ignore[method-assign]
        inputs, targets = task.prepare(few.train.images[:12], few.train.labels[:12], train=True)
        gradients = []
        for size in (12, 5):
            model.zero_grad()
            backward(task, model, inputs, targets, Engine("cpu"), size)
            gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        assert_close(*gradients, atol=1e-6, rtol=1e-4)


def same_mask(forward: Any, mask: Tensor, images: Tensor) -> Any:
    return forward(images, mask[: len(images)])


# Fine-tuning and probing


def test_fine_tuning_starts_from_the_encoder_of_its_own_seed(few: Splits, tmp_path: Path) -> None:
    for seed in (0, 1):
        r = recipe("mae", epochs=1)
        fit(Pretraining(r, splits=few), r, tmp_path / f"seed-{seed}", seed=seed, progress=False)
    r = tiny(model=MODEL, pretrained=f"{tmp_path}/seed-{{seed}}")
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = Classification(r, splits=few).build_model()
        encoder = load_model(tmp_path / f"seed-{seed}" / "model.safetensors")
        assert torch.equal(model.blocks[0].mlp.fc1.weight, encoder.blocks[0].mlp.fc1.weight)  # type: ignore[union-attr]


def test_a_probe_trains_the_head_alone(few: Splits, tmp_path: Path) -> None:
    encoder = kept_encoder(pretrained(few, "mae", tmp_path).model).state_dict()  # type: ignore[arg-type]
    r = tiny(model=MODEL, pretrained=str(tmp_path / "model.safetensors"), frozen=True, batch_size=50)
    task = Classification(r, splits=few)
    torch.manual_seed(0)
    head = task.build_model().head.weight.clone()
    result = fit(task, r, progress=False)
    after = result.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in encoder.items())
    assert not torch.equal(after["head.weight"], head)


def test_a_probe_sees_images_by_the_mean_and_std_that_its_encoder_knows(few: Splits, tmp_path: Path) -> None:
    pretrained(few, "mae", tmp_path)
    own = few.normalised_by((0.1,), (0.9,))
    known = few.mean, few.std
    for frozen, wanted in ((True, known), (False, ((0.1,), (0.9,)))):
        r = tiny(model=MODEL, pretrained=str(tmp_path), frozen=frozen, batch_size=50, epochs=1)
        task = Classification(r, splits=own)
        said = task.remarks(0)
        result = fit(task, r, tmp_path / f"frozen-{frozen}", progress=False)
        extra = read_extra(tmp_path / f"frozen-{frozen}" / "model.safetensors")
        assert (tuple(extra["mean"]), tuple(extra["std"])) == wanted
        assert evaluate(task, result.model, task.splits.val)["accuracy"] == result.metrics["val_accuracy"]
        assert (own.mean, own.std) == ((0.1,), (0.9,))  # the caller's are as they were
        if frozen:
            assert f"{known[0][0]:.3f} ± {known[1][0]:.3f}" in said[0]
        else:
            assert said == []
    bare = tmp_path / "bare.safetensors"
    save_model(load_model(tmp_path / "model.safetensors"), bare)
    task = Classification(tiny(model=MODEL, pretrained=str(bare), frozen=True), splits=own)
    task.build_model()
    assert task.splits.mean == (0.1,)
    assert "those of this data are taken" in task.remarks(0)[0]


def test_a_runs_checkpoint_is_no_encoder(few: Splits, tmp_path: Path) -> None:
    pretrained(few, "mae", tmp_path)
    task = Classification(tiny(model=MODEL, pretrained=str(tmp_path / "checkpoint.safetensors")), splits=few)
    with pytest.raises(ValueError, match=r"is a run's checkpoint.*give the run's folder"):
        task.build_model()


def test_weights_that_do_not_fit_say_what_to_do(few: Splits, tmp_path: Path) -> None:
    pretrained(few, "mae", tmp_path)
    torch.manual_seed(0)
    nowhere = Classification(tiny(pretrained=f"{tmp_path}/no-such/seed-{{seed}}"), splits=few)
    with pytest.raises(FileNotFoundError, match=r"no-such/seed-0.*folder of a finished run"):
        nowhere.build_model()
    wider = Classification(tiny(model={**MODEL, "embed_dim": 32}, pretrained=str(tmp_path)), splits=few)
    with pytest.raises(ValueError, match=r"has model\.embed_dim=16, and the recipe 32"):
        wider.build_model()


def test_a_probe_of_an_encoder_of_another_image_size_is_refused_and_fine_tuning_resizes(
    few: Splits, tmp_path: Path
) -> None:
    pretrained(few, "mae", tmp_path)
    larger = Splits(*(part.select(range(40)) for part in few))
    for part in larger:
        part.images = part.images.repeat_interleave(2, -1).repeat_interleave(2, -2)
    model = Classification(tiny(model=MODEL, pretrained=str(tmp_path)), splits=larger).build_model()
    assert model.pos_embed.shape[1] == 1 + 64  # type: ignore[union-attr]
    probe = Classification(tiny(model=MODEL, pretrained=str(tmp_path), frozen=True), splits=larger)
    with pytest.raises(ValueError, match=r"trained on images of 8x8.*these are 16x16.*frozen=false"):
        probe.build_model()


# Bad settings


@pytest.mark.parametrize(
    ("method", "changes", "message"),
    [
        ("mae", {"pretraining.mask_ratio": 0.0}, r"pretraining\.mask_ratio is 0\.0; it must be"),
        ("mae", {"pretraining.mask_ratio": 1.0}, r"pretraining\.mask_ratio is 1\.0"),
        ("mae", {"pretraining.mask_ratio": 0.01}, "hides 0 of 16 patches"),
        ("mae", {"pretraining.decoder_dim": 15}, "decoder_dim is 15, .* choose a multiple of 4"),
        ("mae", {"pretraining.decoder_heads": 3}, "decoder_heads, which is 3; choose a multiple of 12"),
        ("mae", {"pretraining.teacher_temp": 0.1}, "only dino knows it; leave it out of mae"),
        (
            "mae",
            {"pretraining.method": "simclr"},
            r"pretraining\.method is 'simclr'; it must be one of mae, dino, contrastive",
        ),
        (
            "mae",
            {"pretraining.mask_rate": 0.5},
            "unknown PretrainingConfig field 'mask_rate'; did you mean 'mask_ratio'",
        ),
        ("dino", {"pretraining.small_size": 3}, "must be a multiple of the patch size 2"),
        ("dino", {"pretraining.small_size": 16}, "at most 8"),
        ("dino", {"pretraining.small_size": 0}, "set small_size, too"),
        ("contrastive", {"batch_size": 1}, "set batch_size=2 or more"),
        ("contrastive", {"micro_batch": 8}, "leave micro_batch out"),
        ("mae", {"shift": 1.0}, "shift is 1, but pretraining knows neither"),
        ("mae", {"class_balance": 1.0}, "leave it out"),
        ("mae", {"label_smoothing": 0.1}, "only classification knows it"),
        ("mae", {"arch": "cnn", "model": {}}, "leave arch: cnn out"),
        ("mae", {"model.patch_drop_rate": 0.5}, "needs every patch"),
    ],
)
def test_settings_that_cannot_be_are_refused(few: Splits, method: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pretraining(recipe(method, **changes), splits=few)


def test_a_batch_larger_than_the_images_is_refused(few: Splits) -> None:
    r = recipe("dino", batch_size=128)
    with pytest.raises(ValueError, match="set batch_size=100 or less"):
        fit(Pretraining(r, splits=few), r, progress=False)


def test_only_pretraining_has_an_objective() -> None:
    with pytest.raises(RecipeError, match=r"pretraining is .*, but only pretraining knows it"):
        load_recipe("digits", **{"pretraining.method": "mae"})
    with pytest.raises(RecipeError, match="only model, pretraining and multitask have"):
        load_recipe("digits", **{"epochs.method": 1})


def test_a_recipe_says_what_differs_and_comes_back() -> None:
    r = recipe("dino", **{"pretraining.teacher_temp": 0.04, "pretraining.momentum": "0.9"})
    assert r.pretraining["momentum"] == 0.9
    assert "teacher_temp" not in r.pretraining  # the default
    assert Recipe.from_dict(r.to_dict()) == r
    assert isinstance(task_of(r.with_(data="digits")), Pretraining)


# The command line


def test_a_pile_of_pictures_without_names_is_enough(few: Splits, tmp_path: Path) -> None:
    folder = tmp_path / "pile" / "pictures"
    folder.mkdir(parents=True)
    for i in range(60):
        Image.fromarray(few.train.images[i, 0].numpy()).save(folder / f"{i}.png")
    changes = {"data": "image_folder", "model": {**MODEL, "img_size": 8, "in_chans": 1}, "batch_size": 16}
    task = task_of(recipe("mae", **changes), tmp_path / "pile")
    assert task.splits.classes == ["pictures"]
    metrics = fit(task, recipe("mae", **changes), progress=False).metrics
    assert "val_effective_rank" in metrics
    assert "val_knn_accuracy" not in metrics  # it would be 1 whatever was learned
    with pytest.raises(ValueError, match="single class folder, 'pictures', but a classifier needs two or more"):
        task_of(tiny(data="image_folder", **{"model.img_size": 8}), tmp_path / "pile")


def test_pretrain_probe_and_evaluate_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "without_labels.yaml"
    file.write_text(
        "task: pretraining\ndata: digits\nmodel: {patch_size: 2, embed_dim: 16, depth: 2, num_heads: 2, mlp_ratio: 2.0}\n"
        "pretraining: {method: mae, decoder_dim: 8, decoder_heads: 2}\nepochs: 1\nbatch_size: 256\n"
    )
    assert main(["train", str(file), "--out", str(tmp_path / "pre"), "--quiet"]) == 0
    assert "test knn_accuracy" in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path / "pre" / "seed-0")]) == 0
    out = capsys.readouterr().out
    assert "knn_accuracy" in out
    assert "effective_rank" in out
    probe = ["--set", f"pretrained={tmp_path}/pre/seed-{{seed}}", "--set", "frozen=true", "--epochs", "1"]
    probe += ["--set", "model.embed_dim=16", "--set", "model.depth=2", "--set", "model.num_heads=2"]
    assert main(["train", "digits", "--out", str(tmp_path / "probe"), "--quiet", *probe]) == 0
    assert main(["evaluate", str(tmp_path / "probe" / "seed-0")]) == 0
