"""Images of any size: whole, with resized positions, and by windows that overlap."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from vit_tutorial.enlarge import enlarge
from vit_tutorial.heads import LinearSegmenter, MaskSegmenter, Segmenter, input_size, predict_whole, predict_windows
from vit_tutorial.heads.any_size import starts
from vit_tutorial.vit import VisionTransformer, ViTConfig


def encoder(**options: object) -> VisionTransformer:
    config = {"embed_dim": 16, "depth": 1, "num_heads": 2, "pos_embed_std": 0.5, "num_classes": 0, "in_chans": 1}
    return VisionTransformer(ViTConfig.from_dict({**config, "img_size": (8, 12), "patch_size": 4, **options}))


@pytest.fixture
def model() -> Segmenter:
    torch.manual_seed(0)
    return LinearSegmenter(encoder(), 3).eval()


def test_an_image_of_the_models_own_size_is_predicted_as_it_is(model: Segmenter) -> None:
    images = torch.randn(2, 1, 8, 12)
    assert_close(predict_whole(model, images), model(images))
    assert_close(predict_windows(model, images), model(images))


@pytest.mark.parametrize("pos_embed", ["learned", "sincos2d", "none"])
def test_a_whole_image_is_filled_up_its_positions_resized_and_its_logits_cut_back(pos_embed: str) -> None:
    torch.manual_seed(0)
    model = LinearSegmenter(encoder(pos_embed=pos_embed), 3).eval()
    images = torch.randn(2, 1, 11, 17)
    filled = torch.zeros(2, 1, 12, 20)
    filled[:, :, :11, :17] = images
    found = predict_whole(model, images)
    model.encoder.set_input_size((12, 20))
    assert_close(found, model(filled)[:, :, :11, :17])


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 30), st.integers(1, 30))
def test_any_size_has_a_score_a_class_a_pixel(H: int, W: int) -> None:
    for model in (LinearSegmenter(encoder(), 3), MaskSegmenter(encoder(), 3, depth=1)):
        images = torch.randn(1, 1, H, W)
        assert predict_whole(model, images).shape == (1, 3, H, W)
        assert predict_windows(model, images).shape == (1, 3, H, W)


@pytest.mark.parametrize("pos_embed", ["learned", "sincos2d", "none"])
def test_afterwards_the_model_is_as_before_also_after_an_error(pos_embed: str) -> None:
    model = LinearSegmenter(encoder(pos_embed=pos_embed), 3).eval()
    images, positions = torch.randn(1, 1, 8, 12), model.encoder.pos_embed
    before, config = model(images), model.encoder.config
    predict_whole(model, torch.randn(1, 1, 9, 9))
    with pytest.raises(ValueError, match="stop"), input_size(model.encoder, (16, 16)):
        raise ValueError("stop")
    assert model.encoder.pos_embed is positions
    assert model.encoder.config == config
    assert_close(model(images), before)


def windows_by_loop(model: Segmenter, image: Tensor, size: int, stride: int) -> Tensor:
    """One window after the other, and for each pixel the mean of those that cover it."""
    _, H, W = image.shape
    seen: list[list[list[Tensor]]] = [[[] for _ in range(W)] for _ in range(H)]
    rows, columns = (sorted({min(i, side - size) for i in range(0, side, stride)}) for side in (H, W))
    for row in rows:
        for column in columns:
            scores = model(image[None, :, row : row + size, column : column + size])[0]
            for y in range(size):
                for x in range(size):
                    seen[row + y][column + x].append(scores[:, y, x])
    return torch.stack([torch.stack([torch.stack(of_pixel).mean(0) for of_pixel in row], -1) for row in seen], 1)


@torch.no_grad()
@pytest.mark.parametrize("stride", [1, 3, 8])
def test_windows_are_averaged_where_they_overlap(stride: int) -> None:
    torch.manual_seed(0)
    model = LinearSegmenter(encoder(img_size=8), 3).eval()
    images = torch.randn(2, 1, 11, 17)
    expected = torch.stack([windows_by_loop(model, image, 8, stride) for image in images])
    for batch_size in (1, 5, 1000):
        found = predict_windows(model, images, stride=stride, batch_size=batch_size)
        assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_probabilities_may_be_averaged_instead(model: Segmenter) -> None:
    images = torch.randn(1, 1, 8, 18)
    found = predict_windows(model, images, stride=(8, 6), average=lambda logits: logits.softmax(1))
    left, right = (model(images[..., i : i + 12]).softmax(1) for i in (0, 6))
    assert_close(found.sum(1), torch.ones(1, 8, 18))
    assert_close(found[..., 6:12], (left[..., 6:] + right[..., :6]) / 2)


def test_windows_may_have_another_size_than_the_models(model: Segmenter) -> None:
    images = torch.randn(1, 1, 16, 16)
    found = predict_windows(model, images, size=16)
    with input_size(model.encoder, 16):
        assert_close(found, enlarge(model.patch_logits(images), (16, 16)))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 200))
def test_windows_cover_a_line_and_stay_on_it(length: int, window: int, stride: int) -> None:
    window, stride = min(window, length), min(stride, window)
    found = starts(length, window, stride)
    assert found == sorted(set(found))
    assert {p for start in found for p in range(start, start + window)} == set(range(length))


@pytest.mark.parametrize("options", [{"stride": 0}, {"stride": (9, 12)}, {"stride": (8, 13)}, {"batch_size": 0}])
def test_strides_that_leave_pixels_out_are_refused(model: Segmenter, options: dict) -> None:
    with pytest.raises(ValueError, match=r"of windows of 8x12 pixels \(height x width\); a stride must be at least 1"):
        predict_windows(model, torch.randn(1, 1, 20, 20), **options)


def test_a_window_that_the_patches_do_not_divide_is_refused(model: Segmenter) -> None:
    with pytest.raises(ValueError, match="image height 10 is not divisible by patch size 4"):
        predict_windows(model, torch.randn(1, 1, 20, 20), size=10)
