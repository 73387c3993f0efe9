"""The engine computes what PyTorch computes: every intermediate, in several shapes, with and without interventions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from engine_page import EnginePage, random_image, random_model
from engine_twin import flatten, twin_forward

from vit_tutorial.interpret import record_attention

DIGIT = {"img_size": 28, "patch_size": 4, "in_chans": 1, "num_classes": 10, "embed_dim": 64, "depth": 4, "num_heads": 4}
SHAPES: dict[str, dict[str, Any]] = {
    "digits: class token, learned positions": DIGIT,
    "photographs: mean of patches, layer scale, no class token": {
        "img_size": 32, "patch_size": 4, "in_chans": 3, "num_classes": 10, "embed_dim": 48, "depth": 3, "num_heads": 3,
        "class_token": False, "global_pool": "avg", "init_values": 0.5, "norm_eps": 1e-2,
    },
    "odd: oblong image, two channels, registers, no qkv bias, head width 12": {
        "img_size": (12, 20), "patch_size": 4, "in_chans": 2, "num_classes": 3, "embed_dim": 36, "depth": 2, "num_heads": 3,
        "mlp_ratio": 2.3, "qkv_bias": False, "reg_tokens": 2, "no_embed_class": True, "norm_eps": 1e-2,
    },
    "encoder: sine-cosine positions, class token and mean, no head": {
        "img_size": 16, "patch_size": 4, "in_chans": 1, "num_classes": 0, "embed_dim": 20, "depth": 2, "num_heads": 1,
        "pos_embed": "sincos2d", "global_pool": "avg", "reg_tokens": 1,
    },
    "smallest: one patch, no positions": {
        "img_size": 4, "patch_size": 4, "in_chans": 1, "num_classes": 2, "embed_dim": 6, "depth": 1, "num_heads": 2,
        "pos_embed": "none",
    },
}  # fmt: skip


def interventions(model: Any) -> dict[str, dict[str, Any]]:
    """One of each kind, then all together, for a model of any size."""
    n, c = model.patch_embed.num_patches, model.config
    hidden = list(range(0, n - 1, 3))
    order = torch.randperm(n, generator=torch.Generator().manual_seed(2)).tolist()
    heads = ["0.0", f"{c.depth - 1}.{c.num_heads - 1}"]
    single = {
        "none": {},
        "hide": {"hide": hidden},
        "move": {"move": order},
        "positions off": {"positions": False},
        "heads off": {"headsOff": heads},
        "temperature": {"temperature": 0.25},
        "no scaling": {"scaleExponent": 0},
        "scaled by 1/d": {"scaleExponent": 1},
    }
    together = {
        "hide": hidden,
        "move": order,
        "positions": False,
        "headsOff": heads[1:],
        "temperature": 3,
        "scaleExponent": 0.25,
    }
    return {**single, "all together": together}


def largest_error(found: dict[str, Any], expected: dict[str, Any]) -> float:
    """Over all tensors of ``expected``, which must all be there; infinities must agree in place and sign."""
    found, expected, worst = flatten(found), flatten(expected), 0.0
    for name, value in expected.items():
        if value is None:
            assert found[name] is None, name
            continue
        actual = found[name].reshape(value.shape)
        infinite = value.isinf()
        assert torch.equal(actual[infinite], value[infinite]), f"{name}: infinities differ"
        worst = max(worst, (actual - value)[~infinite].abs().max().item() if (~infinite).any() else 0.0)
        assert worst < 1e-4, f"{name} is off by {worst}"
    return worst


@pytest.mark.parametrize("fields", SHAPES.values(), ids=SHAPES)
def test_the_twin_without_interventions_is_the_model(fields: dict[str, Any]) -> None:
    model = random_model(**fields)
    image = random_image(model)
    twin = twin_forward(model, image)
    with torch.no_grad(), record_attention(model) as maps:
        torch.testing.assert_close(twin["features"], model.forward_features(image[None])[0], atol=2e-5, rtol=0)
        torch.testing.assert_close(
            twin["logits"] if fields["num_classes"] else twin["pooled"], model(image[None])[0], atol=2e-5, rtol=0
        )
        torch.testing.assert_close(twin["tokens"], model.embed(image[None])[0], atol=2e-5, rtol=0)
    for block, weights in zip(twin["blocks"], maps):
        torch.testing.assert_close(block["weights"], weights[0], atol=2e-5, rtol=0)


@pytest.mark.parametrize("simd", [True, False], ids=["wasm", "plain JavaScript"])
@pytest.mark.parametrize("fields", SHAPES.values(), ids=SHAPES)
def test_every_intermediate_and_intervention_equals_pytorch(
    engine: EnginePage, fields: dict[str, Any], simd: bool
) -> None:
    model = random_model(**fields)
    image = random_image(model)
    assert engine.load(model, simd=simd) == ("wasm-simd" if simd else "javascript")
    for name, options in interventions(model).items():
        expected = twin_forward(model, image, **options)
        lens = expected.pop("lens", None)
        found = engine.forward(image, **options)
        print(f"{name}: {largest_error(found, expected):.1e}")
        if lens is not None:
            readings = engine.run("logitLens(vit, vit.forward(image, options))", image=image, options=options)
            assert largest_error({"lens": [r["logits"] for r in readings]}, {"lens": lens}) < 1e-4
    assert engine.errors == []


def test_each_intervention_changes_the_logits(engine: EnginePage) -> None:
    model = random_model(**DIGIT)
    image = random_image(model)
    engine.load(model)
    plain = engine.forward(image)["logits"]
    for name, options in interventions(model).items():
        if name != "none":
            assert (engine.forward(image, **options)["logits"] - plain).abs().max() > 1e-3, name


@pytest.mark.parametrize("pool", ["token", "avg"])
def test_what_a_hidden_patch_shows_does_not_matter(engine: EnginePage, pool: str) -> None:
    model = random_model(**{**DIGIT, "global_pool": pool})
    engine.load(model)
    image = random_image(model)
    painted = image.clone()
    painted[:, 4:8, 8:12] = 9.0  # patch (1, 2) of a 7 x 7 grid
    for options, same in (({"hide": [9]}, True), ({}, False)):
        one, other = (engine.forward(x, **options)["logits"] for x in (image, painted))
        assert torch.equal(one, other) is same


def test_without_positions_moving_patches_changes_nothing_but_their_order(engine: EnginePage) -> None:
    model = random_model(**DIGIT)
    engine.load(model)
    image, order = random_image(model), torch.randperm(49, generator=torch.Generator().manual_seed(5))
    one = engine.forward(image, positions=False)
    other = engine.forward(image, positions=False, move=order.tolist())
    torch.testing.assert_close(other["logits"], one["logits"], atol=1e-5, rtol=0)
    features = one["features"].reshape(50, 64)[1:][order]
    torch.testing.assert_close(other["features"].reshape(50, 64)[1:], features, atol=1e-5, rtol=0)


def test_moving_patches_is_cutting_up_the_image(engine: EnginePage) -> None:
    model = random_model(**DIGIT)
    engine.load(model)
    image = random_image(model)
    order = [*range(7, 49), *range(7)]  # every row of patches one up
    moved = engine.forward(image, move=order)["logits"]
    torch.testing.assert_close(moved, engine.forward(image.roll(-4, dims=1))["logits"], atol=0, rtol=0)


def test_the_weights_are_the_softmax_of_the_scores_and_ignore_hidden_keys(engine: EnginePage) -> None:
    model = random_model(**DIGIT)
    engine.load(model)
    block = engine.forward(random_image(model), hide=[0, 48], temperature=0.1)["blocks"][2]
    weights = block["weights"].reshape(4, 50, 50)
    torch.testing.assert_close(weights, block["scores"].reshape(4, 50, 50).softmax(-1), atol=1e-6, rtol=0)
    assert (weights[..., [1, 49]] == 0).all()


def test_results_are_views_that_the_next_forward_overwrites_and_copies_stay(engine: EnginePage) -> None:
    model = random_model(**DIGIT)
    engine.load(model)
    one, other = random_image(model, 1), random_image(model, 2)
    same, kept, changed = engine.run(
        "(() => { const r = vit.forward(one), k = copy(r), before = k.blocks[1].q[7]; const s = vit.forward(other);"
        " return [r === s, k.blocks[1].q[7] === before, s.blocks[1].q[7] !== before]; })()",
        one=one,
        other=other,
    )
    assert (same, kept, changed) == (True, True, True)


def test_the_same_image_twice_gives_the_same_numbers_after_any_intervention(engine: EnginePage) -> None:
    model = random_model(**DIGIT)
    engine.load(model)
    image = random_image(model)
    first = engine.forward(image)
    engine.forward(image, hide=list(range(40)), headsOff=["0.0", "1.1"], positions=False, scaleExponent=0)
    again = engine.forward(image)
    for name, value in flatten(first).items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, flatten(again)[name]), name


def test_gelu_is_the_exact_one_to_float32_everywhere(engine: EnginePage) -> None:
    """A model whose MLP input is a ramp: one patch of one pixel, hidden bias from -9 to 9, hidden weights zero."""
    model = random_model(
        img_size=2, patch_size=2, in_chans=1, num_classes=2, embed_dim=8, depth=1, num_heads=1, mlp_ratio=5000.0
    )
    ramp = torch.linspace(-9, 9, 40_000)
    with torch.no_grad():
        model.blocks[0].mlp.fc1.weight.zero_()
        model.blocks[0].mlp.fc1.bias.copy_(ramp)
    engine.load(model)
    hidden = engine.forward(random_image(model))["blocks"][0]["mlpHidden"][:40_000]
    exact = ramp.double() * torch.special.ndtr(ramp.double())
    error = (hidden.double() - exact).abs()
    print(f"largest error of GELU: {error.max():.1e}")
    assert (error <= 2e-7 + 1e-7 * exact.abs()).all()


def test_the_engine_falls_back_where_webassembly_fails(chromium: Any, tmp_path: Path) -> None:
    model = random_model(**DIGIT)
    image = random_image(model)
    expected = twin_forward(model, image)["logits"]
    for sabotage in (
        "WebAssembly.instantiate = async () => { throw new Error('no SIMD'); }",
        "delete globalThis.WebAssembly",
    ):
        page = EnginePage(chromium, tmp_path)
        page.page.evaluate(f"() => {{ {sabotage}; }}")
        assert page.load(model) == "javascript"
        torch.testing.assert_close(page.forward(image)["logits"], expected, atol=1e-4, rtol=0)
        page.page.close()


def test_the_product_is_fused_where_the_browser_knows_how_and_computes_the_same_where_not(
    chromium: Any, tmp_path: Path
) -> None:
    """kernel.js asks about a module with relaxed_madd for the 12 products and sums of a tile and the 18 of exp and GELU."""
    model = random_model(**SHAPES["odd: oblong image, two channels, registers, no qkv bias, head width 12"])
    image = random_image(model)
    expected = twin_forward(model, image)
    expected.pop("lens")
    found = {}
    for knows in ("true", "false", "asked(code)"):
        page = EnginePage(chromium, tmp_path)
        page.page.evaluate(
            "() => { const asked = WebAssembly.validate, run = WebAssembly.instantiate;"
            f" WebAssembly.validate = (code) => {{ globalThis.fused = [...code]; return {knows}; }};"
            " WebAssembly.instantiate = (code, imports) => { globalThis.code = [...code]; return run(code, imports); }; }"
        )
        assert page.load(model) == "wasm-simd"
        asked, code = (bytes(page.page.evaluate(name)) for name in ("fused", "code"))
        assert (asked.count(b"\xfd\x85\x02"), len(asked)) == (12 + 18, len(code))
        assert (code == asked) == (knows != "false")
        found[knows] = page.forward(image)
        assert largest_error(found[knows], expected) < 1e-4
        page.page.close()
    assert not torch.equal(found["true"]["features"], found["false"]["features"])  # one rounding, and two
