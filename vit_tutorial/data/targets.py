"""Targets: what belongs to an image, and to a batch of images. Nothing here knows what a target means; a task does.

of one image                                          of a batch
a class number                                        int64 [B]
a tensor, such as a mask [H, W]                       [B, H, W]; a list of B tensors where their shapes differ
a dict of those (several tasks, instances)            a dict of those
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

VOID = 255  # in a mask: a pixel that nobody has named
Target = int | Tensor | dict[str, Any]
Targets = Tensor | list[Tensor] | dict[str, Any]


def collate(items: Sequence[Target]) -> Targets:
    """The targets of a batch from those of its images.

    Raises:
        ValueError: dicts whose keys differ.
    """
    first = items[0]
    if isinstance(first, dict):
        for item in items:
            if not isinstance(item, dict) or item.keys() != first.keys():
                found = list(item) if isinstance(item, dict) else type(item).__name__
                raise ValueError(f"one target of the batch has {list(first)}, another {found}; give all the same keys")
        return {key: collate([item[key] for item in items]) for key in first}  # type: ignore[index]
    if isinstance(first, Tensor):
        tensors = [torch.as_tensor(item) for item in items]
        return torch.stack(tensors) if len({tensor.shape for tensor in tensors}) == 1 else tensors
    return torch.tensor(items)


def select(targets: Targets, index: Any) -> Any:
    """The targets at an index: a number gives those of one image, a slice or a tensor of numbers those of a smaller batch."""
    if isinstance(targets, dict):
        return {key: select(value, index) for key, value in targets.items()}
    if isinstance(targets, list) and isinstance(index, Tensor):
        return [targets[i] for i in index.tolist()]
    return targets[index.to(targets.device) if isinstance(index, Tensor) and isinstance(targets, Tensor) else index]


def move(targets: Targets, device: torch.device | str) -> Any:
    """The targets on a device."""
    if isinstance(targets, dict):
        return {key: move(value, device) for key, value in targets.items()}
    if isinstance(targets, list):
        return [move(value, device) for value in targets]
    return targets.to(device, non_blocking=True)


def join(batches: Sequence[Any]) -> Any:
    """Several batches as one. Also for the outputs of a model, which have the same forms."""
    first = batches[0]
    if isinstance(first, dict):
        return {key: join([batch[key] for batch in batches]) for key in first}
    if all(isinstance(batch, Tensor) and batch.shape[1:] == first.shape[1:] for batch in batches):
        return torch.cat(list(batches))
    return [item for batch in batches for item in batch]


def count(targets: Targets) -> int:
    """For how many images these are. Raises ValueError where the entries of a dict are for different numbers of images."""
    if not isinstance(targets, dict):
        return len(targets)
    counts = {key: count(value) for key, value in targets.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"the targets' entries are for different numbers of images: {counts}")
    return next(iter(counts.values()))


def digest(target: Target) -> str:
    """SHA-256 (64 hexadecimal digits) of one image's target: types, shapes and values."""
    if isinstance(target, dict):
        text = repr(sorted((key, digest(value)) for key, value in target.items())).encode()
    elif isinstance(target, Tensor):
        text = f"{target.dtype} {tuple(target.shape)}".encode() + target.detach().cpu().contiguous().numpy().tobytes()
    else:
        text = repr(target).encode()
    return hashlib.sha256(text).hexdigest()
