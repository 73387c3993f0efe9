"""Parity with timm, torchvision and Hugging Face on random weights, and what happens to bad files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.testing import assert_close

from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import convert_state_dict, load_model, load_weights, save_model

TINY = ViTConfig.named("tiny")
BASE = ViTConfig.named("base", img_size=64)  # of its usual size but for the number of patches, which decides the time
HF = ViTConfig(img_size=64, patch_size=16, num_classes=7, embed_dim=48, depth=3, num_heads=4, norm_eps=1e-12)


def jitter(model: nn.Module) -> nn.Module:
    """Add N(0, 0.02) to every parameter: a fresh model's zero biases and unit gains hide mistakes in the mapping."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.02 * torch.randn(p.shape, generator=generator)
    return model.eval()


def timm_vit(**kwargs) -> nn.Module:
    import timm

    torch.manual_seed(0)
    return jitter(timm.create_model("vit_tiny_patch16_224", pretrained=False, **kwargs))


def torchvision_vit() -> nn.Module:
    from torchvision.models import vit_b_16

    return jitter(vit_b_16(weights=None, image_size=64))


def hugging_face_vit() -> nn.Module:
    from transformers import ViTConfig as HFConfig
    from transformers import ViTForImageClassification

    config = HFConfig(
        hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=192, image_size=64, patch_size=16, num_labels=7,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return jitter(ViTForImageClassification(config))


def logits(model: nn.Module, images: Tensor) -> Tensor:
    out = model(images)
    return out if isinstance(out, Tensor) else out.logits


def compare(theirs: nn.Module, config: ViTConfig, atol: float = 1e-5) -> None:
    """Same logits, and the same gradient of a random projection of them, for the images and for every parameter."""
    ours = VisionTransformer(config).eval()
    load_weights(ours, theirs.state_dict())
    size = config.img_size
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    projection = torch.randn(2, config.num_classes, generator=torch.Generator().manual_seed(2)) / config.num_classes
    results = []
    for model in (ours, theirs):
        x = images.clone().requires_grad_()
        out = logits(model, x)
        (out * projection).sum().backward()
        gradients = {name: p.grad for name, p in model.named_parameters()}
        results.append((out.detach(), x.grad, gradients if model is ours else convert_state_dict(gradients)))
    (our_out, our_image, our_gradients), (their_out, their_image, their_gradients) = results
    assert_close(our_out, their_out, atol=atol, rtol=0)
    assert_close(our_image, their_image, atol=atol, rtol=0)
    assert our_gradients.keys() == their_gradients.keys()
    for name, gradient in our_gradients.items():
        scale = max(
            1.0, their_gradients[name].abs().max().item()
        )  # in units of the largest entry, where that is above 1
        assert_close(
            gradient / scale, their_gradients[name] / scale, atol=atol, rtol=0, msg=lambda m, name=name: f"{name}: {m}"
        )


def test_timms_vit_has_our_names_and_gives_our_outputs_and_gradients() -> None:
    theirs = timm_vit()
    assert list(theirs.state_dict()) == list(VisionTransformer(TINY).state_dict())
    compare(theirs, TINY)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"reg_tokens": 4, "no_embed_class": True}, {"reg_tokens": 4, "no_embed_class": True}),
        ({"reg_tokens": 2}, {"reg_tokens": 2}),
        ({"global_pool": "avg", "class_token": False}, {"global_pool": "avg", "class_token": False}),
        ({"global_pool": "avg"}, {"global_pool": "avg"}),
        ({"init_values": 0.1, "qkv_bias": False}, {"init_values": 0.1, "qkv_bias": False}),
    ],
)
def test_timms_options_mean_what_ours_mean(theirs: dict, ours: dict) -> None:
    small = {"depth": 2, "img_size": 64, "num_classes": 5}
    compare(timm_vit(**small, **theirs), dataclasses.replace(TINY, **small, **ours))


def test_a_timm_model_resized_to_384_gives_our_outputs() -> None:
    theirs = timm_vit()
    ours = VisionTransformer(TINY).eval()
    load_weights(ours, theirs.state_dict())
    ours.set_input_size(384)
    theirs.set_input_size((384, 384))
    images = torch.randn(1, 3, 384, 384)
    assert_close(ours(images), theirs(images), atol=1e-5, rtol=0)
    direct = VisionTransformer(dataclasses.replace(TINY, img_size=384)).eval()
    load_weights(direct, timm_vit().state_dict())
    assert_close(direct(images), ours(images), atol=1e-6, rtol=0)


@pytest.mark.slow
def test_torchvisions_vit_b_16_gives_our_outputs_and_gradients() -> None:
    compare(torchvision_vit(), BASE)


def test_hugging_faces_classifier_gives_our_outputs_and_gradients() -> None:
    compare(hugging_face_vit(), HF)


def test_hugging_faces_saved_file_gives_our_outputs(tmp_path: Path) -> None:
    theirs = hugging_face_vit()
    theirs.save_pretrained(tmp_path)
    ours = VisionTransformer(HF).eval()
    load_weights(ours, tmp_path / "model.safetensors")
    images = torch.randn(2, 3, 64, 64)
    assert_close(ours(images), logits(theirs, images), atol=1e-5, rtol=0)


# Planted mistakes: the comparison must see each of them.


def swap_norms(state: dict[str, Tensor]) -> dict[str, Tensor]:
    swapped = {"norm1": "norm2", "norm2": "norm1"}
    return {".".join(swapped.get(part, part) for part in name.split(".")): tensor for name, tensor in state.items()}


def drop_bias(part: int) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    def mistake(state: dict[str, Tensor]) -> dict[str, Tensor]:
        state = {name: tensor.clone() for name, tensor in state.items()}
        for name, tensor in state.items():
            if name.endswith("qkv.bias"):
                tensor.view(3, -1)[part] = 0
        return state

    return mistake


def swap_query_and_key(state: dict[str, Tensor]) -> dict[str, Tensor]:
    def swapped(tensor: Tensor) -> Tensor:
        q, k, v = tensor.chunk(3)
        return torch.cat([k, q, v])

    return {name: swapped(tensor) if ".qkv." in name else tensor for name, tensor in state.items()}


@pytest.mark.parametrize("mistake", [swap_norms, swap_query_and_key, drop_bias(0), drop_bias(2)])
def test_a_mistake_in_the_mapping_is_seen(monkeypatch: pytest.MonkeyPatch, mistake) -> None:
    monkeypatch.setattr(
        "vit_tutorial.weights.model.convert_state_dict", lambda state, _: mistake(convert_state_dict(state))
    )
    with pytest.raises(AssertionError, match="not close"):
        compare(hugging_face_vit(), HF)


def test_a_dropped_key_bias_shows_in_the_tensors_only(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = hugging_face_vit()
    monkeypatch.setattr(
        "vit_tutorial.weights.model.convert_state_dict", lambda state, _: drop_bias(1)(convert_state_dict(state))
    )
    ours = VisionTransformer(HF).eval()
    load_weights(ours, theirs.state_dict())
    images = torch.randn(2, 3, 64, 64)
    assert_close(ours(images), logits(theirs, images), atol=1e-5, rtol=0)  # softmax is blind to it
    with pytest.raises(AssertionError, match="not close"):
        assert_close(ours.state_dict(), convert_state_dict(theirs.state_dict()))


def test_the_loaded_tensors_are_the_converted_ones() -> None:
    for theirs, config in ((hugging_face_vit(), HF), (timm_vit(), TINY)):
        ours = VisionTransformer(config)
        load_weights(ours, theirs.state_dict())
        assert_close(ours.state_dict(), convert_state_dict(theirs.state_dict()), atol=0, rtol=0)


def test_the_other_librarys_epsilon_is_seen() -> None:
    for theirs, config, wrong in ((hugging_face_vit(), HF, 1e-6), (timm_vit(), TINY, 1e-12)):
        with pytest.raises(AssertionError, match="not close"):
            compare(theirs, dataclasses.replace(config, norm_eps=wrong))


def test_the_stacked_rows_are_query_key_value_in_that_order() -> None:
    state = hugging_face_vit().state_dict()
    ours = convert_state_dict(state)["blocks.1.attn.qkv.bias"]
    parts = [state[f"vit.layers.1.attention.{p}_proj.bias"] for p in "qkv"]
    assert_close(ours, torch.cat(parts), atol=0, rtol=0)


# Files


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    config = ViTConfig(img_size=8, patch_size=4, in_chans=1, num_classes=3, embed_dim=8, depth=1, num_heads=2)
    save_model(VisionTransformer(config), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_a_cut_file_is_refused_by_name_and_size(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"model\.safetensors: it is cut or not a safetensors file \(1000 bytes"):
        load_model(saved)


def test_a_pickle_is_refused_and_never_loaded(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="it is a pickle"):
        load_model(tmp_path / "model.pt")


def test_a_file_without_our_config_says_how_to_load_it(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="holds weights but no ViTConfig"):
        load_model(tmp_path / "x.safetensors")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        load_model(tmp_path / "none.safetensors")


def test_weights_of_another_model_are_refused_with_the_differences(saved: Path) -> None:
    wider = VisionTransformer(
        ViTConfig(img_size=8, patch_size=4, in_chans=1, num_classes=3, embed_dim=12, depth=2, num_heads=2)
    )
    with pytest.raises(ValueError, match=r"of another model: blocks\.1\.norm1\.weight is missing"):
        load_weights(wider, saved)
    other_head = VisionTransformer(dataclasses.replace(load_model(saved).config, num_classes=5))
    with pytest.raises(ValueError, match=r"head\.weight is \(3, 8\), the model's is \(5, 8\).*new_head=True"):
        load_weights(other_head, saved)
    load_weights(other_head, saved, new_head=True)
    assert_close(other_head.norm.weight, load_model(saved).norm.weight)


def test_a_state_dict_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not the state dict of a ViT.*0\.weight"):
        convert_state_dict(nn.Sequential(nn.Linear(2, 2)).state_dict())
    state = hugging_face_vit().state_dict() | {"vit.layers.0.adapter.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"unknown name 'layers\.0\.adapter\.weight'"):
        convert_state_dict(state)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """This process may not write larger files: the system refuses in the middle of the write, as a full disk does."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))  # Python ignores the signal that comes with the error
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_old_file_as_it_was(saved: Path) -> None:
    old = saved.read_bytes()
    config = ViTConfig(img_size=8, patch_size=4, in_chans=1, num_classes=3, embed_dim=64, depth=2, num_heads=2)
    model = VisionTransformer(config)
    with (
        pytest.raises(OSError, match=r"could not save(?s:.*)the file that was there is unchanged"),
        files_of_at_most(4096),
    ):
        save_model(model, saved)
    assert saved.read_bytes() == old
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_finite_numbers_load_also_where_their_sum_is_not() -> None:
    model = VisionTransformer(ViTConfig(8, 4, 1, 3, 16, 1, 2))
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state["head.bias"] = torch.full((3,), 3e38)
    load_weights(model, state)
    assert torch.equal(model.head.bias, state["head.bias"])
