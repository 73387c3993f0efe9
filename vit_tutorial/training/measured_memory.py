"""What a training step holds, measured: the tensors that autograd keeps, counted one by one, and the peak of a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_tutorial.attention import Attention, fused_is_slow
from vit_tutorial.cost import Step, tokens
from vit_tutorial.patches import pair
from vit_tutorial.training.optimizer import build_optimizer
from vit_tutorial.training.recipe import Recipe
from vit_tutorial.vit import VisionTransformer, ViTConfig


class TrainingStep:
    """A ViT on random images, and one step of its training at each call: what chapter 7.1 predicts and then measures.

    Args:
        config: of the model. step: batch, precision, path of the attention, optimiser.
        device: cpu, cuda or mps.
    """

    def __init__(self, config: ViTConfig, step: Step, device: str = "cpu") -> None:
        self.step, self.device = step, torch.device(device)
        self.model = VisionTransformer(config).to(device)
        if step.attention == "explicit":
            write_out_attention(self.model)
        self.images = torch.randn(step.batch_size, config.in_chans, *pair(config.img_size), device=device)
        self.labels = torch.randint(max(config.num_classes, 1), (step.batch_size,), device=device)
        self.optimizer = build_optimizer(self.model, Recipe(name="measured", optimizer=step.optimizer))

    def loss(self) -> Tensor:
        """Forward pass and cross-entropy."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.step.precision == "bf16"):
            return F.cross_entropy(self.model(self.images), self.labels)

    def __call__(self) -> None:
        self.optimizer.zero_grad()
        self.loss().backward()
        self.optimizer.step()


def write_out_attention(model: nn.Module) -> None:
    """From now on the model's attention makes its N x N weights, as while they are recorded."""
    for module in model.modules():
        if isinstance(module, Attention):
            module.recorder = lambda weights: None


def as_run(config: ViTConfig, step: Step, device: str = "cpu") -> Step:
    """The step with the path that attention really takes: in bfloat16 a processor writes it out (`attention.fused_is_slow`)."""
    q = torch.empty(1, 1, tokens(config), 1, dtype=torch.bfloat16, device=device, requires_grad=True)
    return replace(step, attention="explicit") if step.precision == "bf16" and fused_is_slow(q) else step


def count_saved(training: TrainingStep) -> list[Tensor]:
    """What autograd keeps during a forward pass, one tensor for each piece of memory, without the parameters and the images.

    Views of one tensor share its memory, so each memory counts once and in full.
    """
    known = {t.untyped_storage().data_ptr() for t in (*training.model.parameters(), training.images, training.labels)}
    found: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        address = tensor.untyped_storage().data_ptr()
        if address not in known:
            found[address] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        training.loss()
    return list(found.values())


def nbytes(tensors: list[Tensor]) -> int:
    """Bytes of the memory behind these tensors."""
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)


def measure_peak(config: ViTConfig, step: Step, device: str = "cpu") -> int | None:
    """Bytes that two training steps take at their fullest, model and optimiser included.

    On a GPU PyTorch's allocator says it. On the CPU the system does, of a process that does nothing else, less what that process held
    before; None where the system does not say (Windows).
    """
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        training = TrainingStep(config, step, device)
        for _ in range(2):
            training()
        return torch.cuda.max_memory_allocated(device) - before
    if device != "cpu" or peak_of_process() is None:
        return None
    job = {"config": config.to_dict(), "step": asdict(step), "threads": torch.get_num_threads()}
    # Memory that is freed goes back to the system at once, and is not counted again where it is taken again.
    settings = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**17), "MALLOC_TRIM_THRESHOLD_": "0"}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        env=settings,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the measuring process ended with status {done.returncode}: {done.stderr.strip()[-400:]}")
    return int(done.stdout)


def peak_of_process() -> int | None:
    """The most bytes that this process has held so far; None where the system does not say."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux, where getrusage begins with what the parent process held
        lines = status.read_text(encoding="utf-8").splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS, in bytes


def in_own_process(job: dict[str, Any]) -> int:
    """The job of the process: what two steps add to the peak that a small model has left, which has loaded all code and started all threads."""
    torch.set_num_threads(job["threads"])
    config, step = ViTConfig.from_dict(job["config"]), Step(**job["step"])
    small = ViTConfig(img_size=8, patch_size=4, embed_dim=16, depth=1, num_heads=2, num_classes=2)
    for _ in range(2):
        TrainingStep(small, Step(2, step.precision, step.attention, step.optimizer))()
    before = peak_of_process()
    training = TrainingStep(config, step)
    for _ in range(2):
        training()
    after = peak_of_process()
    assert before is not None
    assert after is not None
    return after - before


if __name__ == "__main__":
    print(in_own_process(json.load(sys.stdin)))
