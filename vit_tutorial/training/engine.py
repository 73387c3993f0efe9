"""Where a step is computed: device, precision, compilation, number of processes.

One process: `vit-tutorial train digits`. Several: `torchrun --nproc-per-node 4 -m vit_tutorial.cli train digits`;
torchrun sets WORLD_SIZE, RANK and LOCAL_RANK, and nothing else changes.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

import torch
import torch.distributed as dist
from torch import Tensor, nn

from vit_tutorial.device import pick_device


class Engine:
    """The few lines of a training loop that depend on the machine.

    Args:
        device: "auto" (a GPU if there is one), "cpu", "cuda" or "mps".
        precision: "fp32", or "bf16" for autocast: matrix products in bfloat16, weights and sums in float32.
        compile: pass the model through torch.compile.
        threads: CPU threads; None keeps torch's own choice. Bit-identical resume needs the same number of threads.

    Raises:
        ValueError: the device or precision is unknown, or the device is not there.
    """

    def __init__(
        self, device: str = "auto", precision: str = "fp32", compile: bool = False, threads: int | None = None
    ) -> None:
        if precision not in ("fp32", "bf16"):
            raise ValueError(f"precision {precision!r} is unknown; choose fp32 or bf16")
        if threads is not None:
            torch.set_num_threads(threads)
        self.precision, self.compile = precision, compile
        self.world, self.rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        self.device = pick_device(device, int(os.environ.get("LOCAL_RANK", 0)))
        if self.world > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    @property
    def is_main(self) -> bool:
        """Only the process of rank 0 writes files and prints."""
        return self.rank == 0

    @property
    def gpus(self) -> list[int]:
        """The GPU of this process, if it has one: [its number] or []."""
        return [torch.cuda.current_device()] if self.device.type == "cuda" else []

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model to call in the loop. Its parameters are the given model's own, so save and step that one."""
        if self.compile:
            model = torch.compile(model)  # type: ignore[assignment]
        if self.world > 1:  # averages the gradients of all processes during backward
            model = nn.parallel.DistributedDataParallel(model, device_ids=self.gpus or None)
        return model

    def autocast(self) -> AbstractContextManager[object]:
        """Context in which the forward pass and the loss are computed."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    def sum(self, value: Tensor) -> Tensor:
        """Sum of a tensor over all processes."""
        if self.world > 1:
            value = value.detach().clone()
            dist.all_reduce(value)
        return value

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.world > 1:
            dist.barrier()
