"""A model divided among processes by FSDP2, and its checkpoint, of which each process writes its own part.

FSDP2 (`torch.distributed.fsdp.fully_shard`; Zhao et al. 2023) leaves of each weight an n-th of its rows in each process, and so of gradient and
moments. A unit is gathered before it computes and forgotten after; its gradients are summed where the rows are kept. A checkpoint of parts is
read by any number of processes (`torch.distributed.checkpoint`, DCP). Its files are safetensors, so nothing in it is pickled:

    checkpoint/step-00000120/   shard-00001-..., shard-00002-..., counters.json
    checkpoint/part/            what is being written; it gets its name when it is whole
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from vit_tutorial.attention import Attention
from vit_tutorial.feedforward import FeedForward
from vit_tutorial.training.checkpoint import write_text

Like = Callable[[str], "Tensor | None"]


def divide(model: nn.Module, bf16: bool) -> None:
    """Leave of each of the model's parameters this process's part. Before an optimiser sees them, or it keeps the old ones.

    A unit is the attention or the FFN of a block; embedding, norms and head, which are little, make the last one. With `bf16` the blocks'
    matrices travel in bfloat16, in which autocast would compute with them anyway, and gradients are summed in float32. The norms, and with
    them the residual stream, stay in float32.
    """
    policy = MixedPrecisionPolicy(torch.bfloat16 if bf16 else None, torch.float32, cast_forward_inputs=False)
    for unit in [m for m in model.modules() if isinstance(m, (Attention, FeedForward))]:
        fully_shard(unit, mp_policy=policy, reshard_after_forward=True)
    # By default the last unit would stay whole after a forward pass, and `parameters()` would give two kinds of tensors.
    fully_shard(model, reshard_after_forward=True)


def as_part(tensor: Tensor, like: Tensor | None) -> Tensor:
    """This process's part of a whole tensor, divided as `like` is."""
    if isinstance(tensor, DTensor) or not isinstance(like, DTensor) or tensor.shape != like.shape:
        return tensor
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)


def save_parts(folder: Path, tensors: dict[str, Tensor], counters: dict[str, Any]) -> None:
    """Each process writes its part; the first one names the whole, and then removes what was there before. All processes call it together.

    Raises:
        OSError: a part could not be written; the checkpoint before is kept.
    """
    main, part = dist.get_rank() == 0, folder / "part"
    done = folder / f"step-{counters['step']:08d}"
    if main:
        shutil.rmtree(part, ignore_errors=True)
    dist.barrier()
    try:
        dcp.save(tensors, storage_writer=dcp.HuggingFaceStorageWriter(str(part), save_distributed=True))
    except dcp.CheckpointException as error:  # no Exception, but a BaseException
        raise OSError(f"cannot write {part}: {reason(error)}; free some space or choose another folder") from error
    if main:
        files = {file.name: file.stat().st_size for file in part.glob("*.safetensors")}
        write_text(part / "counters.json", json.dumps({"counters": counters, "files": files}))
        before = [path for path in folder.glob("step-*") if path != done]
        shutil.rmtree(done, ignore_errors=True)  # the same steps, saved again
        part.rename(done)
        for path in before:
            shutil.rmtree(path)
    dist.barrier()


def load_parts(path: Path, like: Like) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save_parts` wrote, however many processes wrote it and however many read: (tensors, counters).

    Args:
        path: of a step, as `RunFolder.latest` gives it.
        like: of a name the tensor that it is for, whose device and division it gets; None where there is none.

    Raises:
        ValueError: a file is missing or damaged.
    """
    reader = dcp.HuggingFaceStorageReader(str(path))
    try:
        content = json.loads((path / "counters.json").read_text(encoding="utf-8"))
        for name, size in content["files"].items():  # DCP takes the parts that it finds for all there are
            if not (path / name).is_file() or (path / name).stat().st_size != size:
                raise OSError(f"{name} is missing or cut")
        tensors: dict[str, Tensor] = {}
        for name, saved in reader.read_metadata().state_dict_metadata.items():
            assert isinstance(saved, dcp.TensorStorageMetadata)  # nothing else is in a safetensors file
            known = like(name)
            tensors[name] = (
                torch.empty_like(known)
                if known is not None and known.shape == saved.size
                else torch.empty(saved.size, dtype=saved.properties.dtype)
            )
        with warnings.catch_warnings():  # of one process alone DCP says that it is alone
            warnings.simplefilter("ignore", UserWarning)
            dcp.load(tensors, storage_reader=reader, no_dist=not dist.is_initialized())
    except (dcp.CheckpointException, OSError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {reason(error)}; start afresh with --no-resume") from error
    return tensors, content["counters"]


def reason(error: BaseException) -> str:
    """The last line of an error, which in DCP's long ones says what happened."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
