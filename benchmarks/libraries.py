"""A training step and an inference of the same model in five libraries."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.peers import OURS, Peer, make_peers, side
from benchmarks.timing import Step, compare, in_rounds, quartiles, wait
from vit_tutorial.vit import VisionTransformer, ViTConfig

MATRIX = "matrix product"  # timed in the same rounds: what the machine could do at that moment
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Case:
    """One model to compare. `rounds` is of the training step; an inference takes a third of the time and gets twice as many."""

    name: str
    config: ViTConfig
    batch_size: int
    rounds: int


SMALL = ViTConfig(img_size=32, patch_size=4, num_classes=10, embed_dim=192, depth=9, num_heads=3)
QUICK = ViTConfig(img_size=32, patch_size=8, num_classes=10, embed_dim=64, depth=2, num_heads=2)


def cases(device: torch.device, quick: bool) -> list[Case]:
    """What is compared: fewer images a batch on a CPU, larger models on a GPU."""
    if quick:
        return [Case("2 blocks, patch 8, 32x32 pixels", QUICK, batch_size=8, rounds=4)]
    gpu = device.type != "cpu"
    found = [
        Case("9 blocks of width 192, patch 4, 32x32 pixels", SMALL, 512 if gpu else 16, 40 if gpu else 21),
        Case("ViT-Tiny/16, 224x224 pixels", ViTConfig.named("tiny"), 256 if gpu else 4, 30 if gpu else 17),
    ]
    if gpu:
        found.append(Case("ViT-Small/16, 224x224 pixels", ViTConfig.named("small"), 128, 30))
    return found


def compare_libraries(case: Case, device: torch.device, precision: str) -> list[dict[str, Any]]:
    """Two results, of the training step and of inference, with one row for each library."""
    peers = make_peers(case.config, device)
    images = torch.randn(case.batch_size, case.config.in_chans, side(case.config), side(case.config), device=device)
    labels = torch.randint(case.config.num_classes, (case.batch_size,), device=device)
    results = []
    for work, make, rounds in (
        ("training step", training_step, case.rounds),
        ("inference", inference, 2 * case.rounds),
    ):
        steps = {peer.name: make(peer, images, labels, precision) for peer in peers}
        times = in_rounds({**steps, MATRIX: matrix_product(device, precision)}, rounds, device)
        flops = case.batch_size * count_flops(case.config, training=work == "training step")
        machine = times.pop(MATRIX)
        rows = compare(times, OURS)
        for peer in peers:
            row = rows[peer.name]
            row.update(
                parameters=peer.parameters,
                differs=peer.differs,
                images_per_s=case.batch_size / row["median_s"],
                **utilisation(flops, times[peer.name], machine, device),
                step_bytes=peak_bytes(steps[peer.name], device),
            )
        results.append(
            {
                "model": case.name,
                "work": work,
                "precision": precision,
                "config": case.config.to_dict(),
                "batch_size": case.batch_size,
                "flops": flops,
                "matrix_flops_per_s": matrix_flops(device) / statistics.median(machine),
                "rows": rows,
            }
        )
        for peer in peers:  # the gradients of the last step
            peer.model.zero_grad(set_to_none=True)
    gc.collect()
    return results


def training_step(peer: Peer, images: torch.Tensor, labels: torch.Tensor, precision: str) -> Step:
    """Forward, loss, backward, fused AdamW."""
    model = peer.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = F.cross_entropy(peer.logits(model(images)), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def inference(peer: Peer, images: torch.Tensor, labels: torch.Tensor, precision: str) -> Step:
    """The logits, in evaluation mode."""
    model = peer.model.eval()

    def step() -> object:
        with (
            torch.inference_mode(),
            torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16"),
        ):
            return peer.logits(model(images))

    return step


# What the machine could do


def matrix_side(device: torch.device) -> int:
    """Rows and columns of the matrices: large enough that nothing but multiplying costs time."""
    return 1536 if device.type == "cpu" else 8192


def matrix_flops(device: torch.device) -> int:
    """Operations of one product of two square matrices: n^3 multiplications and as many additions."""
    return 2 * matrix_side(device) ** 3


def matrix_product(device: torch.device, precision: str) -> Callable[[], torch.Tensor]:
    """One product of two large square matrices in the same precision."""
    n = matrix_side(device)
    a, b = torch.randn(2, n, n, device=device, dtype=DTYPES[precision])
    return lambda: a @ b


def count_flops(config: ViTConfig, training: bool) -> int:
    """Operations for one image in matrix products, convolutions and attention; backward included when training.

    Attention is counted in its explicit form: what the fused kernels compute a second time in the backward pass is not the model's.
    """
    model = VisionTransformer(config)
    images = torch.randn(1, config.in_chans, side(config), side(config))
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.set_grad_enabled(training):
        out = model(images)
        if training:
            out.sum().backward()
    return counter.get_total_flops()


def utilisation(flops: int, times: list[float], machine: list[float], device: torch.device) -> dict[str, Any]:
    """Model FLOPs utilisation: the step's FLOP/s as a share of the matrix product's FLOP/s of the same round (Chowdhery et al. 2022)."""
    shares = [flops / mine / (matrix_flops(device) / theirs) for mine, theirs in zip(times, machine, strict=True)]
    return {"mfu": statistics.median(shares), "mfu_iqr": quartiles(shares)}


def peak_bytes(step: Step, device: torch.device) -> int | None:
    """Most memory that one step needs beside weights and optimiser state, in bytes; None where nothing measures it."""
    if device.type != "cuda":
        return None
    step()
    wait(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    step()
    wait(device)
    return torch.cuda.max_memory_allocated(device) - before
