"""A training step on the card: images a second, memory, and the share of the card's own matrix rate, beside other libraries and the formula."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.gpu.watch import read_json, write_json
from benchmarks.libraries import (
    MATRIX,
    count_flops,
    matrix_flops,
    matrix_product,
    peak_bytes,
    training_step,
    utilisation,
)
from benchmarks.peers import OURS, Peer, installed, make_installed, ours, side, timm, torchvision, transformers
from benchmarks.record import make_record
from benchmarks.timing import compare, in_rounds, seconds
from vit_tutorial.cost import Step, memory, peak
from vit_tutorial.training import load_recipe
from vit_tutorial.training.measured_memory import as_run, measure_peak
from vit_tutorial.training.measured_time import measure_time
from vit_tutorial.vit import ViTConfig

TINY = ViTConfig(img_size=16, patch_size=8, num_classes=10, embed_dim=32, depth=2, num_heads=2)
MEASURED = (ours, timm, torchvision, transformers)  # vit-pytorch is another model, without the fused attention
# The most worth knowing first.
MODES = [("bf16", False), ("bf16", True), ("tf32", False), ("fp32", False), ("tf32", True), ("fp32", True)]


@dataclass(frozen=True)
class Shape:
    """One model and the images of a batch."""

    name: str
    config: ViTConfig
    batch_size: int


def shapes(tiny: bool, card_bytes: int) -> list[Shape]:
    """The ViT of the recipe `cifar10` with all its patches, and ViT-B/16, with batches that the formula says fill at most a third of the card."""
    if tiny:
        return [Shape("2 blocks, patch 8, 16x16 pixels", TINY, 4)]
    recipe = load_recipe("cifar10")
    fields = {key: value for key, value in recipe.model.items() if key not in ("drop_path_rate", "patch_drop_rate")}
    # Other libraries read the class token.
    small = ViTConfig.from_dict(
        {**fields, "img_size": 32, "num_classes": 10, "global_pool": "token", "class_token": True}
    )
    wanted = [
        Shape("the ViT of the recipe cifar10, 32x32 pixels", small, recipe.batch_size),
        Shape("ViT-B/16, 224x224 pixels", ViTConfig.named("base"), 128),
    ]
    return [Shape(s.name, s.config, fitting(s.config, s.batch_size, card_bytes / 3)) for s in wanted]


def fitting(config: ViTConfig, batch_size: int, most: float) -> int:
    """The batch, halved until a step in float32 takes at most so many bytes, by chapter 7's formula."""
    while batch_size > 1 and peak(memory(config, Step(batch_size))) > most:
        batch_size //= 2
    return batch_size


def measure_card(out: Path, device: str) -> None:
    """Write card.json: the card, and the rate of its matrix products in each precision."""
    where = torch.device(device)
    record = make_record(where, "python -m benchmarks.gpu", {}, {})
    found = {key: record[key] for key in ("device", "versions", "git_commit", "date")}
    if where.type == "cuda":
        properties = torch.cuda.get_device_properties(where)
        found |= {"bytes": properties.total_memory, "multiprocessors": properties.multi_processor_count}
        found |= {"capability": list(torch.cuda.get_device_capability(where)), "cuda": torch.version.cuda}
        free, _ = torch.cuda.mem_get_info(where)
        found["free_bytes"] = free
    found["matrix_flops_per_s"] = {
        precision: matrix_rate(where, precision) for precision in ("bf16", "tf32", "fp32") if works(where, precision)
    }
    write_json(out / "card.json", found)


def works(device: torch.device, precision: str) -> bool:
    """Whether the device has units for a precision. tf32 is for cards of compute capability 8.0 on, and so is bfloat16 at full speed."""
    return precision == "fp32" or (
        precision == "bf16" if device.type == "cpu" else torch.cuda.get_device_capability(device) >= (8, 0)
    )


def matrix_rate(device: torch.device, precision: str) -> float:
    """Operations a second in a product of two large square matrices: the median of several."""
    with products_in(precision):
        product = matrix_product(device, precision)
        for _ in range(1 if device.type == "cpu" else 3):
            product()
        repeats, rounds = (1, 1) if device.type == "cpu" else (10, 5)
        return matrix_flops(device) / statistics.median(seconds(product, device, repeats) for _ in range(rounds))


class products_in:
    """Context: products of float32 matrices through the tensor cores' TF32 (precision "tf32"), or in float32."""

    def __init__(self, precision: str) -> None:
        self.kind = "high" if precision == "tf32" else "highest"

    def __enter__(self) -> None:
        self.before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision(self.kind)

    def __exit__(self, *_: object) -> None:
        torch.set_float32_matmul_precision(self.before)


def measure_speed(out: Path, device: str, limit: float, tiny: bool) -> None:
    """Write speed.json anew after each model and mode. What is there from an earlier try is not measured again."""
    end, where = time.monotonic() + limit, torch.device(device)
    card = read_json(out / "card.json", {})
    known = read_json(out / "speed.json", {})
    results, predicted = known.get("libraries", []), known.get("predicted", [])
    left_out: list[str] = []
    done = {(r["model"], r["precision"], r["compiled"]) for r in results}
    cases = shapes(tiny, card.get("bytes", 2**32))
    built: dict[str, list[Peer]] = {}  # with their weights on the card
    longest = 0.0

    def keep() -> None:
        settings = {"optimizer": "AdamW, fused", "tf32": "only where the table says so"}
        record = make_record(
            where,
            "python -m benchmarks.gpu",
            settings,
            {
                "libraries": results,
                "options": [],
                "loading": [],
                "left_out": [*left_out, *missing()],
                "predicted": predicted,
            },
        )
        write_json(out / "speed.json", record)

    for precision, compiled in [("bf16", False)] if tiny else [m for m in MODES if works(where, m[0])]:
        for case in cases:
            name = f"{case.name}, {precision}{', compiled' * compiled}"
            if (case.name, precision, compiled) in done:
                continue
            if time.monotonic() + longest > end:
                left_out.append(f"{name}: no time left")
                continue
            print(name, flush=True)
            start = time.monotonic()
            try:
                if case.name not in built:
                    built[case.name] = make_installed(case.config, where, (ours, torchvision) if tiny else MEASURED)
                results.append(in_libraries(built[case.name], case, where, precision, compiled, 2 if tiny else 12))
                if not compiled and precision in ("bf16", "fp32"):
                    keep()
                    predicted.append(beside_formula(case, where, precision))
            except Exception as error:  # out of memory, no compiler: the next goes on
                left_out.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
                print(left_out[-1], flush=True)
            longest = max(longest, time.monotonic() - start)
            torch._dynamo.reset()
            for peer in built.get(case.name, ()):  # the gradients of the last step
                peer.model.zero_grad(set_to_none=True)
            gc.collect()
            if where.type == "cuda":
                torch.cuda.empty_cache()
            keep()
    keep()


def missing() -> Iterator[str]:
    """Libraries that are not installed here, in words."""
    yield from (f"{make.__name__}: not installed here" for make in MEASURED if make not in installed(MEASURED))


def in_libraries(
    peers: list[Peer], case: Shape, device: torch.device, precision: str, compiled: bool, rounds: int
) -> dict[str, Any]:
    """One result, in the form of `benchmarks.libraries`, with a row for each library that is installed."""
    images = torch.randn(case.batch_size, 3, side(case.config), side(case.config), device=device)
    labels = torch.randint(case.config.num_classes, (case.batch_size,), device=device)
    with products_in(precision):
        for peer in peers:
            compile_blocks(peer, compiled)
        steps = {peer.name: training_step(peer, images, labels, precision) for peer in peers}
        times = in_rounds(
            {**steps, MATRIX: matrix_product(device, precision)}, rounds, device, warmup=2 if rounds < 4 else 4
        )
        machine, flops = times.pop(MATRIX), case.batch_size * count_flops(case.config, training=True)
        rows = compare(times, OURS)
        for peer in peers:
            row = rows[peer.name]
            row.update(parameters=peer.parameters, differs=peer.differs)
            row.update(images_per_s=case.batch_size / row["median_s"], step_bytes=peak_bytes(steps[peer.name], device))
            row.update(utilisation(flops, times[peer.name], machine, device))
    return {
        "model": case.name,
        "work": "training step",
        "precision": precision,
        "compiled": compiled,
        "config": case.config.to_dict(),
        "batch_size": case.batch_size,
        "flops": flops,
        "matrix_flops_per_s": matrix_flops(device) / statistics.median(machine),
        "rows": rows,
    }


def compile_blocks(peer: Peer, compiled: bool) -> None:
    """Pass each encoder block through torch.compile, or take it back: all blocks are alike, so one is compiled, in seconds instead of a minute."""
    for block in blocks_of(peer.model):
        block._compiled_call_impl = None  # what Module.compile sets
        if compiled:
            block.compile()


def blocks_of(model: nn.Module) -> list[nn.Module]:
    """The members of the longest list of modules of one class: a ViT's blocks, whatever the library calls them."""
    lists = [list(m) for m in model.modules() if isinstance(m, nn.ModuleList | nn.Sequential)]
    alike = [members for members in lists if members and len({type(member) for member in members}) == 1]
    return max(alike, key=len, default=[])


def beside_formula(case: Shape, device: torch.device, precision: str) -> dict[str, Any]:
    """Memory and time of our step, measured and by chapter 7's formula with the card's own rates on this model's shapes."""
    step = as_run(case.config, Step(case.batch_size, precision), str(device))  # type: ignore[arg-type]
    timed = measure_time(case.config, step, str(device), rounds=3)
    return {
        "model": case.name,
        "precision": precision,
        "batch_size": case.batch_size,
        "bytes_predicted": peak(memory(case.config, step)),
        "bytes_measured": measure_peak(case.config, step, str(device)) if device.type == "cuda" else None,
        "seconds_predicted": timed.predicted,
        "seconds_measured": timed.measured,
        "rates": asdict(timed.rates),
    }
