"""A segmenter's file: what comes back is the same model, and other files are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vit_tutorial.heads import LinearSegmenter, MaskSegmenter, Segmenter, SegmenterConfig
from vit_tutorial.lora import add_lora
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import load_classifier, load_model, load_segmenter, read_extra, save_model, save_segmenter

ENCODER = ViTConfig(img_size=(8, 12), patch_size=4, in_chans=1, num_classes=0, embed_dim=16, depth=2, num_heads=2)
HEADS = [
    SegmenterConfig(3),
    SegmenterConfig(3, head_cells=2),
    SegmenterConfig(3, "mask_transformer", head_depth=1, head_num_heads=4),
    SegmenterConfig(3, "mask_transformer", head_cells=2, head_drop_path_rate=0.25),
    SegmenterConfig(3, "queries", head_depth=1),
]
each_head = pytest.mark.parametrize(
    "config", HEADS, ids=["linear", "cells", "one block", "cells and drop path", "queries"]
)


def made(config: SegmenterConfig, pixels: bool = True) -> Segmenter:
    torch.manual_seed(0)
    model = config.build(VisionTransformer(ENCODER), pixels)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return model.eval()


@each_head
@pytest.mark.parametrize("pixels", [True, False])
def test_the_file_gives_the_model_back(config: SegmenterConfig, pixels: bool, tmp_path: Path) -> None:
    model, images = made(config, pixels), torch.randn(2, 1, 8, 12)
    save_segmenter(nn.DataParallel(model), tmp_path / "model.safetensors", {"classes": ["a", "b", "c"]})
    again = load_segmenter(tmp_path / "model.safetensors")
    assert type(again) is type(model)
    assert not again.training
    assert torch.equal(again(images), model(images))
    assert SegmenterConfig.of(again) == SegmenterConfig.of(model)
    assert read_extra(tmp_path / "model.safetensors") == {"classes": ["a", "b", "c"]}


@each_head
def test_a_head_says_its_configuration(config: SegmenterConfig) -> None:
    heads = config.head_num_heads or (2 if config.head == "mask_transformer" else None)
    assert SegmenterConfig.of(made(config)).to_dict() == config.to_dict() | {"head_num_heads": heads}


def test_queries_with_cells_are_refused() -> None:
    with pytest.raises(ValueError, match="head_cells is 2; queries score whole patches"):
        made(SegmenterConfig(3, "queries", head_cells=2))


def test_lora_in_the_encoder_is_merged(tmp_path: Path) -> None:
    model, images = made(HEADS[0]), torch.randn(2, 1, 8, 12)
    add_lora(model.encoder, rank=2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    save_segmenter(model, tmp_path / "model.safetensors")
    assert_close(load_segmenter(tmp_path / "model.safetensors")(images), model(images), atol=1e-5, rtol=1e-4)


def test_files_of_segmenters_and_classifiers_are_told_apart(tmp_path: Path) -> None:
    save_segmenter(made(HEADS[0]), tmp_path / "segmenter.safetensors")
    save_model(VisionTransformer(ENCODER), tmp_path / "encoder.safetensors")
    for load in (load_classifier, load_model):
        with pytest.raises(ValueError, match="holds a segmenter, and a classifier is needed here; load_segmenter"):
            load(tmp_path / "segmenter.safetensors")
    with pytest.raises(ValueError, match="holds no segmenter but a vit; read it with load_classifier"):
        load_segmenter(tmp_path / "encoder.safetensors")


def test_what_could_not_be_loaded_again_is_not_saved(tmp_path: Path) -> None:
    encoder = VisionTransformer(ENCODER)
    for model, message in (
        (encoder, "a VisionTransformer is no segmenter; save_model writes ViTs and CNNs"),
        (Segmenter(encoder, nn.Linear(16, 2)), "a Segmenter is no LinearSegmenter, MaskSegmenter or QuerySegmenter"),
    ):
        with pytest.raises(ValueError, match=message):
            save_segmenter(model, tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_configuration_builds_the_head_it_names() -> None:
    encoder = VisionTransformer(ENCODER)
    assert isinstance(SegmenterConfig(3).build(encoder), LinearSegmenter)
    assert isinstance(SegmenterConfig(3, "mask_transformer").build(encoder), MaskSegmenter)
    with pytest.raises(ValueError, match="head is 'unet'; it must be one of linear, mask_transformer, queries"):
        SegmenterConfig(3, "unet")  # type: ignore[arg-type]


def test_no_field_but_the_classes_is_one_of_the_encoders() -> None:
    assert SegmenterConfig(3).to_dict().keys() & ENCODER.to_dict().keys() == {"num_classes"}
