"""Where a step is computed: device, precision, compilation, number of processes.

One process: `vit-tutorial train digits`. Several: `torchrun --nproc-per-node 4 -m vit_tutorial.cli train digits`;
torchrun sets WORLD_SIZE, RANK and LOCAL_RANK, and nothing else changes. Each process computes the gradient of its share of the
batch; what it holds meanwhile is a choice:

    DDP     all of weights, gradients and moments; the gradients are averaged over the processes during backward
    FSDP2   its part of each (`shard`, see `sharding.py`); weights are gathered before use, gradients are averaged where they are kept
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

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
        shard: several processes divide weights, gradients and moments among them; one process has nothing to divide.

    Raises:
        ValueError: the device or precision is unknown, or the device is not there.
    """

    def __init__(
        self,
        device: str = "auto",
        precision: str = "fp32",
        compile: bool = False,
        threads: int | None = None,
        shard: bool = False,
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
        self.shards = shard and self.world > 1
        if self.shards and torch.__version__ < "2.9":  # whose checkpoints of parts are safetensors
            raise ValueError(f"shard needs torch 2.9 or newer, here is {torch.__version__}; set shard=false")
        if self.shards and compile:
            raise ValueError("compile is true and shard, too, which is not tested together; set one of them to false")

    @property
    def is_main(self) -> bool:
        """Only the process of rank 0 writes files and prints."""
        return self.rank == 0

    @property
    def gpus(self) -> list[int]:
        """The GPU of this process, if it has one: [its number] or []."""
        return [torch.cuda.current_device()] if self.device.type == "cuda" else []

    def divide(self, model: nn.Module) -> None:
        """With `shard`, leave only this process's part of the model here. Before an optimiser sees its parameters."""
        if self.shards:
            from vit_tutorial.training import sharding  # takes half a second to import

            sharding.divide(model, self.precision == "bf16")

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model to call in the loop. Its parameters are the given model's own, so save and step that one."""
        if self.compile:
            model = torch.compile(model)  # type: ignore[assignment]
        if self.world > 1 and not self.shards:  # averages the gradients of all processes during backward
            model = nn.parallel.DistributedDataParallel(model, device_ids=self.gpus or None)
        return model

    def autocast(self) -> AbstractContextManager[object]:
        """Context in which the forward pass and the loss are computed."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    def local(self, network: nn.Module, last: bool) -> AbstractContextManager[object]:
        """Context of the backward pass of one part of a batch: only the last one communicates the sum of all."""
        if isinstance(network, nn.parallel.DistributedDataParallel) and not last:
            return network.no_sync()
        return nullcontext()

    def clip(self, model: nn.Module, max_norm: float) -> Tensor:
        """Scale the gradient to a norm of at most max_norm, over all parts together; returns the norm before."""
        return self.whole(nn.utils.clip_grad_norm_(model.parameters(), max_norm))

    def whole(self, tensor: Tensor) -> Tensor:
        """All of a tensor of which this process may have a part. Every process has to ask for it."""
        gather = getattr(tensor, "full_tensor", None)
        return gather() if self.shards and gather is not None else tensor

    def sum(self, value: Tensor) -> Tensor:
        """Sum of a tensor over all processes."""
        if self.world > 1:
            value = value.detach().clone()
            dist.all_reduce(value)
        return value

    def agree(self, yes: bool) -> bool:
        """The first process's answer, in every process: clocks differ."""
        return bool(self.sum(torch.tensor(float(yes and self.is_main), device=self.device)).item())

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.world > 1:
            dist.barrier()

    def describe(self, batch_size: int) -> str:
        """In words what several processes make of a batch; empty for one."""
        if self.world == 1:
            return ""
        model = "its part of the model (FSDP2)" if self.shards else "the whole model (DDP)"
        return (
            f"{self.world} processes, each with {model}: of every batch of {batch_size} images each takes {batch_size // self.world}. "
            "Batch, order and learning rate are those of one process; what a step draws at random (augmentation, drop path) is not"
        )
