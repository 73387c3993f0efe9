"""The formulas of a step's cost, held against what torch counts."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from vit_tutorial.cost import (
    Rates,
    Step,
    flops,
    inference_peak,
    memory,
    optimizer_numbers,
    parameters,
    peak,
    per_process,
    saved,
    seconds,
    sent,
    tokens,
)
from vit_tutorial.training.measured_memory import (
    TrainingStep,
    as_run,
    count_saved,
    measure_peak,
    nbytes,
    peak_of_process,
)
from vit_tutorial.training.measured_time import measure_time
from vit_tutorial.vit import SIZES, VisionTransformer, ViTConfig, count_parameters

SMALL: dict[str, Any] = {
    "img_size": 32,
    "patch_size": 8,
    "num_classes": 10,
    "embed_dim": 48,
    "depth": 2,
    "num_heads": 3,
}
CONFIGS = {
    "plain": ViTConfig(**SMALL),
    "average": ViTConfig(**SMALL, global_pool="avg", class_token=False),
    "registers": ViTConfig(**SMALL, reg_tokens=4, no_embed_class=True),
    "layer scale": ViTConfig(**SMALL, init_values=1e-4),
    "wide FFN, no bias": ViTConfig(**{**SMALL, "mlp_ratio": 3.0}, qkv_bias=False),
    "fixed positions": ViTConfig(**SMALL, pos_embed="sincos2d"),
    "a wide image": ViTConfig(**{**SMALL, "img_size": (16, 40)}),
    "bare encoder": ViTConfig(**{**SMALL, "num_classes": 0}),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_are_those_of_the_model(name: str) -> None:
    config = CONFIGS[name]
    with torch.device("meta"):
        model = VisionTransformer(config)
    assert sum(parameters(config).values()) == count_parameters(model)


@pytest.mark.parametrize("size", SIZES)
def test_parameters_of_the_named_sizes_are_those_of_the_model(size: str) -> None:
    config = ViTConfig.named(size)
    with torch.device("meta"):
        assert sum(parameters(config).values()) == count_parameters(VisionTransformer(config))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_operations_are_those_that_torch_counts(name: str, training: bool) -> None:
    config, B = CONFIGS[name], 2
    with torch.device("meta"):
        model = VisionTransformer(config)
        height, width = (config.img_size, config.img_size) if isinstance(config.img_size, int) else config.img_size
        images = torch.randn(B, 3, height, width)
    # The default CPU kernel of attention counts nothing; that of plain mathematics does.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        logits = model(images)
        if training:
            logits.sum().backward()
    assert sum(flops(config, B, training).values()) == counter.get_total_flops()


@pytest.mark.parametrize("attention", ["fused", "explicit"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "name", ["plain", "average", "registers", "layer scale", "wide FFN, no bias", "fixed positions"]
)
def test_saved_bytes_are_those_that_autograd_keeps(name: str, precision: Any, attention: Any) -> None:
    config = CONFIGS[name]
    step = as_run(config, Step(4, precision, attention))
    counted = nbytes(count_saved(TrainingStep(config, step)))
    assert sum(saved(config, step).values()) == pytest.approx(counted, rel=1e-3)


def test_saved_bytes_grow_with_the_square_of_the_tokens_only_where_attention_is_written_out() -> None:
    small, large = (ViTConfig.named("tiny", img_size=side) for side in (224, 448))
    for attention, grows in (("fused", False), ("explicit", True)):
        part = [saved(config, Step(1, attention=attention))["attention, N x N"] for config in (small, large)]  # type: ignore[arg-type]
        square = (tokens(large) / tokens(small)) ** 2
        assert (part[1] / part[0] == pytest.approx(square)) == grows


def test_a_step_holds_gradients_or_activations_whichever_are_more_and_both_while_accumulating() -> None:
    parts = memory(ViTConfig.named("tiny"), Step(8))
    assert parts["activations"] > parts["gradients"]
    assert peak(parts) == sum(parts.values()) - parts["gradients"]
    assert peak(parts, accumulating=True) == sum(parts.values())


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_the_optimiser_keeps_as_many_numbers_as_the_formula_says(optimizer: str) -> None:
    config = CONFIGS["plain"]
    training = TrainingStep(config, Step(2, optimizer=optimizer))
    training()
    kept = sum(
        t.numel()
        for state in training.optimizer.state.values()
        for t in state.values()
        if torch.is_tensor(t) and t.numel() > 1
    )
    assert kept == optimizer_numbers(config, optimizer)


def test_a_processor_writes_attention_out_in_bfloat16_up_to_512_tokens() -> None:
    short, long = ViTConfig.named("tiny"), ViTConfig.named("tiny", img_size=448)
    assert as_run(short, Step(1, "bf16")).attention == "explicit"
    assert as_run(long, Step(1, "bf16")).attention == as_run(short, Step(1)).attention == "fused"


def test_inference_holds_less_than_training() -> None:
    config, step = ViTConfig.named("tiny"), Step(8)
    assert inference_peak(config, step) < 0.4 * peak(memory(config, step))
    assert inference_peak(config, Step(8, attention="explicit")) >= inference_peak(config, step)


@pytest.mark.skipif(peak_of_process() is None, reason="the system does not say what a process holds")
def test_the_peak_of_a_process_is_near_the_formula() -> None:
    config, step = ViTConfig(**{**SMALL, "patch_size": 2}), Step(32)
    assert measure_peak(config, step) == pytest.approx(peak(memory(config, step)), rel=0.25)


def test_time_is_predicted_from_rates_and_measured() -> None:
    timed = measure_time(CONFIGS["plain"], Step(2), rounds=1)
    assert min(timed.measured, timed.predicted, timed.rates.linear, timed.rates.attention, timed.rates.bandwidth) > 0


def test_time_halves_on_a_device_twice_as_fast() -> None:
    config, step = ViTConfig.named("tiny"), Step(8)
    slow, fast = (sum(seconds(config, step, Rates(f * 1e12, f * 1e12, f * 1e11)).values()) for f in (1, 2))
    assert slow == pytest.approx(2 * fast)


def test_what_cannot_be_is_refused_with_what_can() -> None:
    with pytest.raises(ValueError, match="precision is 'fp8'; choose one of fp32, bf16"):
        Step(1, precision="fp8")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="batch_size is 0"):
        Step(0)
    with pytest.raises(ValueError, match=r"drop_rate is 0.1.*drop_rate=0"):
        saved(dataclasses.replace(CONFIGS["plain"], drop_rate=0.1), Step(1))


@pytest.mark.parametrize("n", [2, 8])
def test_a_divided_step_holds_an_nth_and_what_is_gathered(n: int) -> None:
    config, step = ViTConfig.named("tiny"), Step(4)
    alone, divided = memory(config, step), per_process(config, step, n, divided=True)
    assert per_process(config, step, n, divided=False) == alone
    for name in ("weights", "gradients", "optimiser"):
        assert 0 <= divided[name] * n - alone[name] < n
    assert divided["activations"] == alone["activations"]
    assert 0 < divided["gathered"] < alone["weights"]
    assert peak(divided) < peak(alone)


@pytest.mark.parametrize("n", [1, 2, 64])
def test_dividing_sends_half_as_much_again_and_in_bfloat16_about_as_much(n: int) -> None:
    config = ViTConfig.named("large")
    ddp, fsdp, narrow = (sum(sent(config, n, *how).values()) for how in ((False,), (True,), (True, "bf16")))
    assert ddp == pytest.approx(2 * (n - 1) / n * 4 * sum(parameters(config).values()))
    assert fsdp == pytest.approx(1.5 * ddp)
    assert narrow == pytest.approx(ddp, rel=0.02)
