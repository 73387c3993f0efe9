"""Low-rank adaptation: the same function at the start, few parameters, and no trace after the merge."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from vit_tutorial.lora import LoRALinear, add_lora, merge_lora
from vit_tutorial.vit import VisionTransformer, ViTConfig, count_parameters

CONFIG = ViTConfig(img_size=8, patch_size=2, in_chans=1, num_classes=5, embed_dim=16, depth=3, num_heads=2)


def vit() -> VisionTransformer:
    torch.manual_seed(0)
    model = VisionTransformer(CONFIG)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    return model


def images() -> Tensor:
    return torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def shake(model: nn.Module) -> None:
    """Give every B something, as training does."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, LoRALinear):
                module.B.normal_()


@given(D_in=st.integers(1, 12), D_out=st.integers(1, 12), data=st.data())
@settings(max_examples=25, deadline=None)
def test_it_is_a_linear_map_whose_weight_is_w_plus_the_scaled_product(D_in: int, D_out: int, data) -> None:
    rank = data.draw(st.integers(1, min(D_in, D_out)))
    linear = nn.Linear(D_in, D_out)
    lora = LoRALinear(linear, rank, alpha=3.0)
    shake(lora)
    x = torch.randn(5, 2, D_in)
    weight = linear.weight + 3.0 / rank * lora.B @ lora.A
    assert_close(lora(x), nn.functional.linear(x, weight, linear.bias), atol=1e-4, rtol=1e-4)
    assert count_parameters(lora) == rank * (D_in + D_out)
    assert torch.linalg.matrix_rank(lora.B @ lora.A) <= rank


def test_the_factors_get_the_gradients_that_the_product_rule_says() -> None:
    lora = LoRALinear(nn.Linear(6, 4), rank=2, alpha=4.0)
    shake(lora)
    x, g = torch.randn(10, 6), torch.randn(10, 4)
    (lora(x) * g).sum().backward()
    whole = g.T @ x  # the gradient of the full weight, [4, 6]
    assert_close(lora.B.grad, 2.0 * whole @ lora.A.T)
    assert_close(lora.A.grad, 2.0 * lora.B.T @ whole)
    assert lora.linear.weight.grad is None
    assert lora.linear.bias.grad is None


def test_at_the_start_the_model_is_the_one_that_was_given() -> None:
    model = vit()
    adapted = copy.deepcopy(model)
    add_lora(adapted, rank=4)
    assert torch.equal(adapted(images()), model(images()))


def test_at_the_start_a_gets_no_gradient_and_b_does() -> None:
    model = vit()
    add_lora(model, rank=2)
    model(images()).square().sum().backward()
    for module in model.modules():
        if isinstance(module, LoRALinear):
            assert module.A.grad.abs().max() == 0
            assert module.B.grad.abs().max() > 0


def test_only_factors_and_head_are_trained_and_they_are_as_many_as_the_formula_says() -> None:
    model = vit()
    add_lora(model, rank=3)
    D, L, K = 16, 3, 5
    assert count_parameters(model) == L * (3 * (D + 3 * D) + 3 * (D + D)) + K * D + K
    assert not model.patch_embed.proj.weight.requires_grad
    frozen = {name: p.clone() for name, p in model.named_parameters() if not p.requires_grad}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        model(images()).square().mean().backward()
        optimizer.step()
    for name, p in model.named_parameters():
        assert torch.equal(p, frozen[name]) if name in frozen else p.grad is not None


def test_the_patch_map_is_called_proj_too_and_is_left_alone() -> None:
    model = vit()
    add_lora(model, rank=2, targets=("proj",))
    assert isinstance(model.patch_embed.proj, nn.Conv2d)
    assert all(isinstance(block.attn.proj, LoRALinear) for block in model.blocks)


def test_after_the_merge_names_and_function_are_the_models_again() -> None:
    model = vit()
    names = list(model.state_dict())
    add_lora(model, rank=4, alpha=8, targets=("qkv", "fc1"))
    shake(model)
    expected = model(images())
    merge_lora(model)
    assert list(model.state_dict()) == names
    assert_close(model(images()), expected, atol=1e-4, rtol=1e-4)
    assert all(p.requires_grad for p in model.parameters())


def test_full_rank_can_become_any_weight() -> None:
    lora = LoRALinear(nn.Linear(4, 4), rank=4)
    wanted = torch.randn(4, 4)
    with torch.no_grad():
        lora.B.copy_((wanted - lora.linear.weight) @ torch.linalg.inv(lora.A))
    assert_close(lora.merge().weight, wanted, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("rank", [0, 17])
def test_a_rank_that_does_not_fit_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match=rf"rank {rank} does not fit a matrix of 48x16; choose one from 1 to 16"):
        add_lora(vit(), rank=rank)


def test_a_name_that_no_linear_map_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no linear map is called query; choose from fc1, fc2, head, proj, qkv"):
        add_lora(vit(), rank=2, targets=("qkv", "query"))


def test_lora_on_lora_is_refused() -> None:
    model = vit()
    add_lora(model, rank=2)
    with pytest.raises(ValueError, match="has LoRA already"):
        add_lora(model, rank=2)


def test_it_stays_on_the_type_of_its_weight() -> None:
    lora = LoRALinear(nn.Linear(4, 4).double(), rank=2)
    assert lora(torch.randn(2, 4, dtype=torch.float64)).dtype == torch.float64
