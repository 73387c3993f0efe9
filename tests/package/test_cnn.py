"""The convolutional baseline: equal to torchvision's blocks, refuses what does not fit, and goes wherever a ViT goes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch.testing import assert_close
from torchvision.models.resnet import BasicBlock

from vit_tutorial.cli import main
from vit_tutorial.cnn import CNNConfig, ConvNet, ResidualBlock, UNet, UNetConfig
from vit_tutorial.data import digits
from vit_tutorial.tasks import Classification
from vit_tutorial.training import load_recipe
from vit_tutorial.training.optimizer import EMA
from vit_tutorial.training.state import TrainingState
from vit_tutorial.vit import VisionTransformer, ViTConfig, count_parameters
from vit_tutorial.weights import load_classifier, load_model, save_model

TINY = ["--set", "arch=cnn", "--set", "model={widths: [4, 8], depth: 1}", "--set", "batch_size=128", "--epochs", "2"]


def small(**changes: Any) -> ConvNet:
    return ConvNet(CNNConfig(**{"img_size": 8, "in_chans": 1, "widths": (4, 8), **changes}))


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """With no parameter left at 0 or 1, and statistics that are not those of a fresh norm."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        for name, buffer in module.named_buffers():
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
            elif name.endswith("running_mean"):
                buffer.normal_()
    return module


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("width_in", "width_out", "stride"), [(6, 6, 1), (6, 10, 2), (6, 6, 2), (6, 10, 1)])
def test_a_block_equals_torchvisions_in_values_and_gradients(
    width_in: int, width_out: int, stride: int, training: bool
) -> None:
    ours = shaken(ResidualBlock(width_in, width_out, stride)).train(training)
    theirs = BasicBlock(width_in, width_out, stride).train(training)
    theirs.downsample = ours.shortcut
    for name in ("conv1", "conv2"):
        getattr(theirs, name).load_state_dict(getattr(ours, name).state_dict())
    theirs.bn1.load_state_dict(ours.norm1.state_dict())
    theirs.bn2.load_state_dict(ours.norm2.state_dict())
    x = torch.randn(3, width_in, 9, 7)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    outputs = [block(image) for block, image in zip((ours, theirs), inputs)]
    assert outputs[0].shape == (3, width_out, -(-9 // stride), -(-7 // stride))
    assert_close(*outputs)
    direction = torch.randn_like(outputs[0])
    for output in outputs:
        (output * direction).sum().backward()
    assert_close(inputs[0].grad, inputs[1].grad)
    assert_close(ours.conv1.weight.grad, theirs.conv1.weight.grad)


def test_the_network_is_its_parts_in_order() -> None:
    model = shaken(small(depth=2)).eval()
    x = torch.randn(2, 1, 8, 8)
    features = F.relu(model.norm(model.conv(x)))
    for block in model.stages:
        features = block(features)
    assert features.shape == (2, 8, 4, 4)
    assert_close(model(x), F.linear(features.flatten(2).mean(2), model.head.weight, model.head.bias))


def test_with_three_stages_of_three_blocks_it_is_resnet_20_of_the_paper() -> None:
    model = ConvNet(CNNConfig(widths=(16, 32, 64), depth=3))
    layers = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(layers) + 1 == 20
    assert count_parameters(model) == pytest.approx(0.27e6, rel=0.02)  # He et al. 2016, table 6


def test_a_fresh_network_knows_nothing() -> None:
    torch.manual_seed(0)
    model, x = ConvNet(CNNConfig()), torch.randn(64, 3, 32, 32)
    loss = F.cross_entropy(model(x), torch.arange(64) % 10)
    assert loss.item() == pytest.approx(2.3026, abs=0.15)


def test_the_compared_models_have_as_many_parameters() -> None:
    counts = {}
    for name in ("fashion_vit", "fashion_cnn"):
        recipe = load_recipe(name)
        fields = {"img_size": 28, "in_chans": 1, "num_classes": 10, **recipe.model}
        model = ConvNet(CNNConfig(**fields)) if recipe.arch == "cnn" else VisionTransformer(ViTConfig(**fields))
        counts[name] = count_parameters(model)
    assert counts["fashion_cnn"] == pytest.approx(counts["fashion_vit"], rel=0.02)


def test_the_compared_recipes_differ_in_the_model_and_what_was_chosen_for_it() -> None:
    vit, cnn = (load_recipe(name).to_dict() for name in ("fashion_vit", "fashion_cnn"))
    assert {key for key in vit if vit[key] != cnn[key]} <= {"name", "title", "arch", "model", "lr"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"widths": [16, 0]}, r"widths is \[16, 0\]; it must be one or more whole numbers, each of at least 1"),
        ({"widths": []}, r"widths is \[\]"),
        ({"widths": [1.5]}, r"widths is \[1.5\]"),
        ({"widths": "wide"}, "widths is 'wide'; it must be one or more whole numbers"),
        ({"depth": 0}, "depth is 0; it must be a whole number of at least 1"),
        ({"num_classes": 0}, "num_classes is 0"),
        ({"img_size": 4, "widths": [2] * 4}, "4 stages halve an image of 4 pixels 3 times.*use at most 3 stages"),
        ({"width": [16]}, "unknown CNNConfig field 'width'; did you mean 'widths'"),
        ({"patch_size": 4}, r"unknown CNNConfig field 'patch_size' \(known: "),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CNNConfig.from_dict(fields)


@pytest.mark.parametrize(
    ("shape", "message"), [((1, 8, 8), "got 3 dimensions .*unsqueeze"), ((2, 3, 8, 8), "takes 1 channel.*have 3")]
)
def test_a_batch_that_does_not_fit_is_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small()(torch.zeros(shape))


def test_the_smallest_image_that_its_stages_leave_something_of_works() -> None:
    assert ConvNet(CNNConfig(img_size=4, widths=(2, 2, 2)))(torch.zeros(2, 3, 4, 4)).shape == (2, 10)


# weights


def test_a_saved_network_comes_back_with_its_statistics(tmp_path: Path) -> None:
    model = shaken(small()).eval()
    save_model(model, tmp_path / "cnn.safetensors")
    again = load_classifier(tmp_path / "cnn.safetensors")
    x = torch.randn(2, 1, 8, 8)
    assert isinstance(again, ConvNet)
    assert again.config == model.config
    assert not again.training
    assert_close(again(x), model(x))


def test_a_vit_comes_back_as_a_vit_by_the_same_function(tmp_path: Path) -> None:
    save_model(VisionTransformer(ViTConfig(8, 2, 1, 10, 8, 1, 2)), tmp_path / "vit.safetensors")
    assert isinstance(load_classifier(tmp_path / "vit.safetensors"), VisionTransformer)


def test_where_a_vit_is_needed_a_network_is_refused_by_name(tmp_path: Path) -> None:
    save_model(small(), tmp_path / "cnn.safetensors")
    with pytest.raises(ValueError, match=r"cnn\.safetensors holds a CNN, and a plain ViT is needed here"):
        load_model(tmp_path / "cnn.safetensors")


def test_the_average_of_the_weights_takes_the_statistics_along() -> None:
    model = shaken(small())
    ema = EMA(model, 0.9)
    model(torch.randn(8, 1, 8, 8))
    ema.update(0)
    assert_close(ema.model.norm.running_mean, model.norm.running_mean)


# in a recipe and on the command line


def test_a_recipe_builds_it_with_the_datas_channels_and_classes() -> None:
    task = Classification(load_recipe("digits", arch="cnn", model={"widths": [4, 8]}))
    model = task.build_model()
    assert isinstance(model, ConvNet)
    assert (model.config.img_size, model.config.in_chans, model.config.num_classes) == (8, 1, 10)


def test_a_vits_fields_are_refused_for_it() -> None:
    with pytest.raises(ValueError, match="unknown CNNConfig field 'patch_size'"):
        Classification(load_recipe("digits", arch="cnn"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two epochs."""
    out = tmp_path_factory.mktemp("cnn")
    assert main(["train", "digits", *TINY, "--set", "eval_every=1", "--out", str(out), "--quiet"]) == 0
    return out / "seed-0"


def test_it_is_trained_evaluated_and_asked_as_a_vit_is(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(trained)]) == 0
    assert re.search(r"accuracy +\d", capsys.readouterr().out)
    Image.fromarray(digits().test[0][0][0].numpy()).resize((30, 20)).save(tmp_path / "digit.png")
    assert main(["predict", str(trained), str(tmp_path / "digit.png")]) == 0
    assert "resized to 8x8" in capsys.readouterr().out


@pytest.mark.parametrize("to", ["page", "onnx"])
def test_exporting_it_is_refused_in_one_line(
    trained: Path, tmp_path: Path, to: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trained / "model.safetensors"
    assert main(["export", str(path), "--to", to, "--out", str(tmp_path / "out")]) == 2
    assert "holds a CNN, and export writes plain ViTs" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_keeps_its_statistics(tmp_path: Path) -> None:
    recipe = load_recipe("digits", arch="cnn", model={"widths": [4, 8]})
    task = Classification(recipe)
    saved, loaded = (TrainingState(task.build_model(), recipe) for _ in range(2))
    saved.model(task.prepare(task.splits.train.images[:8], task.splits.train.labels[:8], train=True)[0])
    saved.save(tmp_path / "checkpoint.safetensors")
    loaded.load(tmp_path / "checkpoint.safetensors")
    assert loaded.model.norm.running_mean.abs().sum() > 0
    assert_close(loaded.model.state_dict(), saved.model.state_dict())


# the U-Net


def test_a_u_net_scores_every_pixel_of_an_image_of_any_size() -> None:
    model = UNet(UNetConfig(img_size=(15, 22), in_chans=1, num_classes=3, widths=(4, 8, 8)))
    for size in [(15, 22), (8, 8), (31, 5)]:
        assert model(torch.randn(2, 1, *size)).shape == (2, 3, *size)


def test_a_u_net_is_its_parts_in_order() -> None:
    model = shaken(UNet(UNetConfig(img_size=8, in_chans=1, num_classes=3, widths=(4, 6)))).eval()
    x = torch.randn(2, 1, 8, 8)
    first = model.down[0](x)
    below = model.down[1](F.max_pool2d(first, 2))
    repeated = below.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    assert_close(model(x), model.head(model.up[0](torch.cat([repeated, first], dim=1))))


def test_the_scores_of_a_stem_lie_on_the_same_pixels_where_it_does_not_divide_the_sides() -> None:
    """To the first convolution a border of zeros is what its own padding is, so that it must not move the scores."""
    model = shaken(UNet(UNetConfig(img_size=(9, 10), in_chans=1, num_classes=3, widths=(4, 6), stem=4))).eval()
    images = torch.randn(2, 1, 9, 10)
    bordered = F.pad(images, (0, 2, 0, 3))  # to 12 x 12: as many places of 4 pixels
    assert_close(model(images), model(bordered)[..., :9, :10])


def test_a_stem_shrinks_every_stage_and_scores_are_enlarged_to_the_image() -> None:
    model = shaken(UNet(UNetConfig(img_size=8, in_chans=1, num_classes=3, widths=(4, 6), stem=2))).eval()
    plain = UNet(UNetConfig(img_size=8, in_chans=1, num_classes=3, widths=(4, 6)))
    assert [p.shape for p in model.parameters()] == [p.shape for p in plain.parameters()]
    x = torch.randn(2, 1, 9, 13)
    first = model.down[0](x)
    assert first.shape == (2, 4, 5, 7)
    below = F.interpolate(model.down[1](F.max_pool2d(first, 2)), size=(5, 7), mode="nearest")
    small = model.head(model.up[0](torch.cat([below, first], dim=1)))
    assert_close(model(x), F.interpolate(small, size=(10, 14), mode="bilinear")[..., :9, :13])


def test_a_u_net_keeps_what_stands_where() -> None:
    """A pixel of one corner reaches the scores of its own corner and, with one stage below, not those of the other."""
    torch.manual_seed(0)
    model = UNet(UNetConfig(img_size=32, in_chans=1, num_classes=2, widths=(4, 4))).eval()
    x = torch.randn(1, 1, 32, 32)
    changed = x.clone()
    changed[..., 0, 0] += 1
    difference = (model(changed) - model(x)).abs().amax(1)[0]
    assert difference[0, 0] > 0
    assert difference[20:, 20:].max() == 0


def test_a_fresh_u_net_knows_nothing() -> None:
    torch.manual_seed(0)
    loss = F.cross_entropy(UNet(UNetConfig())(torch.randn(4, 3, 32, 32)), torch.randint(10, (4, 32, 32)))
    assert loss.item() == pytest.approx(2.3026, abs=0.15)


def test_more_stages_than_an_image_bears_are_refused() -> None:
    with pytest.raises(ValueError, match=r"5 stages halve an image of 8 pixels 4 times.*use at most 4 stages"):
        UNetConfig(img_size=(8, 40), widths=(2,) * 5)
    with pytest.raises(ValueError, match=r"image of 4 places \(a stem of 2\) 3 times.*use at most 3 stages"):
        UNetConfig(img_size=(8, 40), widths=(2,) * 4, stem=2)
