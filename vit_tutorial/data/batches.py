"""Batches in an order that is a function of (seed, epoch) alone, so that a killed run can resume at batch k."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .dataset import ImageDataset, TensorImages
from .targets import Target, Targets, collate, move, select

Transform = Callable[[Tensor, Any], tuple[Tensor, Any]]  # of an item: image and target together
Order = Callable[[int, int, int], Tensor]  # (number of items, seed, epoch) -> indices [n]
Batch = tuple[Tensor, Targets]  # images uint8 [B, C, H, W]; class numbers int64 [B], masks [B, H, W], or a dict


def batches(
    dataset: ImageDataset,
    batch_size: int,
    seed: int,
    epoch: int,
    shuffle: bool = True,
    start_batch: int = 0,
    device: torch.device | str = "cpu",
    workers: int = 0,
    drop_last: bool = False,
    random_resized_crop: tuple[float, float] | None = None,
    epochs: int = 1,
    transform: Transform | None = None,
    share: slice = slice(None),
    order: Order | None = None,
) -> Iterator[Batch]:
    """One epoch of batches, or several in a row: pairs (images uint8 [B, C, H, W], targets) on `device`.

    Targets are class numbers int64 [B], masks [B, H, W], or dicts of tensors, as the data set has them (see `targets`).

    The order, and what `transform` and the random crops draw, depend on `seed` and `epoch` only: not on the number of
    workers, on the device or on random numbers drawn elsewhere. `start_batch=k` yields what a full epoch yields
    after its first k batches, without reading those. The global random state is left as it was.

    Args:
        dataset: `TensorImages` are indexed where they are (move them to the device once, with `.to(device)`);
            any other data set is read item by item through a `DataLoader`.
        seed, epoch: non-negative integers.
        shuffle: False keeps the data set's order, for evaluation.
        workers: processes that read items; for data sets that are not tensors.
        drop_last: leave out a last batch that is smaller than `batch_size`.
        random_resized_crop: (smallest, largest) share of the image's area, e.g. (0.08, 1.0): each item is cut at
            random and resized, as in Inception training (Szegedy et al., 2015, section 6). None: whole items.
        epochs: how many, from `epoch` on; `start_batch` counts in the first. The worker processes live through all of
            them and read the first batches of an epoch while the last of the one before is still being used.
        order: a function of (number of items, seed, epoch) that gives the indices of an epoch [n], where it is not `epoch_order`.
        transform: changes each item, image and target together, e.g. to one size; it draws from the global generator, which is seeded by
            (seed, epoch, index) for it. With workers it is pickled: a function of a module, or an object such as `RandomWindow`.
        share: which of a batch's items are read, as for one of several processes; the batch is the same whatever is taken of it.

    Raises:
        ValueError: empty data set, batch size below 1, or `start_batch` beyond the end of the epoch.
    """
    total = num_batches(len(dataset), batch_size, drop_last)
    if total == 0:
        raise ValueError(
            f"no batch of {batch_size} in {len(dataset)} images; use a smaller batch size, or drop_last=False"
        )
    if not 0 <= start_batch <= total:
        raise ValueError(f"start_batch is {start_batch}, but an epoch has batches 0 to {total - 1}")
    indexed = isinstance(dataset, TensorImages) and random_resized_crop is None and transform is None
    there = dataset.images.device if isinstance(dataset, TensorImages) and indexed else torch.device("cpu")
    chosen = _choose(
        len(dataset), batch_size, seed, range(epoch, epoch + epochs), shuffle, start_batch, total, there, order
    )
    chosen = ((number, indices[share]) for number, indices in chosen)
    if isinstance(dataset, TensorImages) and indexed:
        return _index(dataset, chosen, torch.device(device))
    return _load(_Items(dataset, seed, random_resized_crop, transform), chosen, torch.device(device), workers)


def num_batches(n_items: int, batch_size: int, drop_last: bool = False) -> int:
    """Batches an epoch: ceil(n / B), or floor(n / B) with `drop_last`."""
    if batch_size < 1:
        raise ValueError(f"batch size must be at least 1, got {batch_size}")
    return n_items // batch_size if drop_last else -(-n_items // batch_size)


def epoch_order(n_items: int, seed: int, epoch: int) -> Tensor:
    """A permutation of 0..n-1 as int64 [n], drawn from its own generator, seeded by (seed, epoch)."""
    return torch.randperm(n_items, generator=torch.Generator().manual_seed(derive_seed(seed, epoch)))


def derive_seed(*numbers: int) -> int:
    """A 63-bit seed from several integers, e.g. (seed, epoch, index), the same on every machine.

    By SHA-256, not by a sum: seed 0 in epoch 1 must not repeat what seed 1 did in epoch 0.
    """
    digest = hashlib.sha256(repr(tuple(int(number) for number in numbers)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _choose(
    n_items: int,
    batch_size: int,
    seed: int,
    epochs: Sequence[int],
    shuffle: bool,
    start_batch: int,
    total: int,
    device: torch.device,
    draw: Order | None,
) -> Iterator[tuple[int, Tensor]]:
    """(epoch, indices [B]) of each batch; an epoch's order goes to the device once."""
    for epoch in epochs:
        order = ((draw or epoch_order)(n_items, seed, epoch) if shuffle else torch.arange(n_items)).to(device)
        for k in range(start_batch if epoch == epochs[0] else 0, total):
            yield epoch, order[k * batch_size : (k + 1) * batch_size]


def _index(dataset: TensorImages, chosen: Iterator[tuple[int, Tensor]], device: torch.device) -> Iterator[Batch]:
    for _, at in chosen:
        yield dataset.images[at].to(device, non_blocking=True), move(select(dataset.targets, at), device)


def _load(items: _Items, chosen: Iterator[tuple[int, Tensor]], device: torch.device, workers: int) -> Iterator[Batch]:
    in_memory = isinstance(items.dataset, TensorImages)
    loader: DataLoader[tuple[Tensor, Target]] = DataLoader(
        items,
        batch_sampler=([(epoch, index) for index in indices.tolist()] for epoch, indices in chosen),
        num_workers=0 if in_memory else workers,  # a tensor may live on a GPU, which worker processes cannot use
        pin_memory=device.type == "cuda" and not in_memory,
        generator=torch.Generator(),  # or the loader draws from the global one
        collate_fn=_collate,
    )
    for images, targets in loader:
        yield images.to(device, non_blocking=True), move(targets, device)


def _collate(items: Sequence[tuple[Tensor, Target]]) -> Batch:
    images, targets = zip(*items)
    sizes = {tuple(image.shape) for image in images}
    if len(sizes) > 1:
        first, second = (list(size) for size in sorted(sizes)[:2])
        raise ValueError(
            f"images of different sizes, such as {first} and {second}, make no batch; give the data set a size, batches a transform "
            "that makes them equal, such as RandomWindow, or take batch_size=1"
        )
    return torch.stack(images), collate(targets)


class _Items(Dataset[tuple[Tensor, Target]]):
    """Items for a DataLoader, by (epoch, index), each with random numbers of its own, seeded by (seed, epoch, index)."""

    def __init__(
        self, dataset: ImageDataset, seed: int, crop: tuple[float, float] | None, transform: Transform | None
    ) -> None:
        self.dataset, self.seed, self.crop, self.transform = dataset, seed, crop, transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Target]:
        epoch, index = key
        if self.crop is None and self.transform is None:
            return self.dataset[index]
        with torch.random.fork_rng(devices=[]):  # v2's transforms draw from the global generator
            # Not torch.manual_seed, which seeds every device and takes half as long as decoding a small JPEG.
            torch.default_generator.manual_seed(derive_seed(self.seed, epoch, index))
            item = self.dataset[index] if self.crop is None else self.dataset.cropped(index, self.crop)
            return item if self.transform is None else self.transform(*item)
