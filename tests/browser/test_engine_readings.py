"""What the engine reads out of a forward pass: rollout, received attention, entropy, distance, similarity, pictures.

Where the package has the same reading, that is the reference: page and package mean the same by the same word.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from engine_page import EnginePage, random_image, random_model
from engine_twin import twin_forward
from PIL import Image
from torch import Tensor

from vit_tutorial.interpret import attention_distance, attention_entropy, attention_rollout
from vit_tutorial.vit import VisionTransformer

OBLONG = {
    "img_size": (12, 20),
    "patch_size": 4,
    "in_chans": 3,
    "num_classes": 5,
    "embed_dim": 32,
    "depth": 3,
    "num_heads": 4,
    "reg_tokens": 1,
}
ROWS, COLUMNS, PREFIX, HEADS = 3, 5, 2, 4
N = PREFIX + ROWS * COLUMNS


@pytest.fixture(scope="module")
def model() -> VisionTransformer:
    return random_model(**OBLONG)


@pytest.fixture(scope="module")
def weights(model: VisionTransformer) -> list[Tensor]:
    """PyTorch's attention weights [h, N, N], one a block."""
    return [block["weights"] for block in twin_forward(model, random_image(model))["blocks"]]


def reading(engine: EnginePage, model: VisionTransformer, expression: str) -> Any:
    engine.load(model)
    return engine.run(f"(() => {{ const r = vit.forward(image); return {expression}; }})()", image=random_image(model))


def test_rollout_multiplies_the_mean_attention_with_the_residual(
    engine: EnginePage, model: VisionTransformer, weights: list[Tensor]
) -> None:
    found = reading(engine, model, "rollout(vit, r)")
    maps = [w[None] for w in weights]
    for layer in range(len(maps)):
        expected = attention_rollout(maps[: layer + 1])[0]
        torch.testing.assert_close(found[layer].reshape(N, N), expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(found[-1].reshape(N, N).sum(1), torch.ones(N))


def test_received_attention_is_the_mean_over_queries(
    engine: EnginePage, model: VisionTransformer, weights: list[Tensor]
) -> None:
    found = reading(engine, model, "receivedAttention(vit, r, 1)").reshape(HEADS, N)
    torch.testing.assert_close(found, weights[1].mean(1), atol=1e-6, rtol=0)


def test_head_entropy_is_that_of_the_distribution_over_keys(
    engine: EnginePage, model: VisionTransformer, weights: list[Tensor]
) -> None:
    found = reading(engine, model, "headEntropy(vit, r, 2)")
    torch.testing.assert_close(found, attention_entropy(weights[2][None])[0], atol=1e-5, rtol=0)


def test_attention_distance_is_in_pixels_between_patch_centres(
    engine: EnginePage, model: VisionTransformer, weights: list[Tensor]
) -> None:
    found = reading(engine, model, "attentionDistance(vit, r, 0)")
    expected = attention_distance(weights[0][None], (ROWS, COLUMNS), patch_size=4)[0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_hidden_patches_leave_entropy_and_distance_finite(engine: EnginePage, model: VisionTransformer) -> None:
    engine.load(model)
    hide = list(range(ROWS * COLUMNS))  # the class token and the register are left
    found = engine.run(
        "(() => { const r = vit.forward(image, { hide }); return [headEntropy(vit, r, 0), attentionDistance(vit, r, 0)]; })()",
        image=random_image(model),
        hide=hide,
    )
    assert all(torch.isfinite(value).all() for value in found)


def test_position_similarity_is_the_cosine_between_patches_only(engine: EnginePage, model: VisionTransformer) -> None:
    found = reading(engine, model, "positionSimilarity(vit)").reshape(ROWS * COLUMNS, -1)
    assert model.pos_embed is not None
    patches = model.pos_embed[0, PREFIX:].detach()
    torch.testing.assert_close(found, F.cosine_similarity(patches[:, None], patches[None], dim=-1), atol=1e-6, rtol=0)


def test_the_last_reading_of_the_logit_lens_is_the_prediction(engine: EnginePage, model: VisionTransformer) -> None:
    lens, logits = reading(engine, model, "[logitLens(vit, r), r.logits]")
    assert len(lens) == OBLONG["depth"] + 1
    torch.testing.assert_close(lens[-1]["logits"], logits, atol=0, rtol=0)
    torch.testing.assert_close(lens[0]["probabilities"], lens[0]["logits"].softmax(-1))


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_a_picture_becomes_the_input_that_python_makes(engine: EnginePage, mode: str, channels: int) -> None:
    from vit_tutorial.widgets.models.export import page_model

    mean, std = [0.1, 0.2, 0.3][:channels], [0.5, 0.6, 0.7][:channels]
    model = random_model(**{**OBLONG, "in_chans": channels})
    engine.load(page_model(model, "fp32", mean=mean, std=std))
    rgb = torch.randint(0, 256, (12, 20, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    rgba = torch.cat([rgb, torch.full((12, 20, 1), 255, dtype=torch.uint8)], dim=-1)
    found = engine.run("imageToInput(vit, new ImageData(Uint8ClampedArray.from(rgba), 20))", rgba=rgba)
    picture = Image.open(io.BytesIO(_png(rgb))).convert(mode)
    pixels = torch.tensor(list(picture.tobytes())).reshape(12, 20, channels).permute(2, 0, 1) / 255
    expected = (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    tolerance = 0.51 / 255 / 0.5 if mode == "L" else 1e-6  # PIL rounds grey to whole numbers
    torch.testing.assert_close(found.reshape(channels, 12, 20), expected, atol=tolerance, rtol=0)


def _png(rgb: Tensor) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb.numpy()).save(file, "PNG")
    return file.getvalue()
