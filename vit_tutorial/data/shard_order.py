"""An order of the images that reads shards in turn, and still is a function of (seed, epoch) alone."""

from __future__ import annotations

import torch
from torch import Tensor

from .batches import Order, epoch_order
from .dataset import ImageDataset
from .tar_members import ShardImage


def shards_in_turn(dataset: ImageDataset, window: int) -> Order:
    """Shards in random order, `window` at a time, and the images of those shuffled together.

    Reading then stays within a few files at a time, which disks and networks like; a batch is a random draw from `window` shards only. With all
    shards in one window it is as random as `epoch_order`.

    Args:
        dataset: whose images stand in shards.

    Raises:
        ValueError: the images are held in memory, where any order costs the same, or are in no shards.
    """
    files = getattr(dataset, "files", None) or []
    shards = [file.number for file in files if isinstance(file, ShardImage)]
    if len(shards) < len(dataset):
        raise ValueError(
            f"shuffle_shards is {window}, but the {len(dataset):,} training images are not read from shards (they fit into memory, where every "
            "order costs the same); leave it out"
        )
    return in_turn(torch.tensor(shards), window)


def in_turn(shards: Tensor, window: int) -> Order:
    """The order for items whose shards are `shards` [n]."""
    _, shard = torch.unique(shards, return_inverse=True)  # numbers 0, 1, ... without gaps

    def order(n_items: int, seed: int, epoch: int) -> Tensor:
        turn = epoch_order(int(shard.max()) + 1, seed, epoch).argsort() // window  # of each shard
        mixed = epoch_order(n_items, seed, epoch)
        return mixed[turn[shard[mixed]].argsort(stable=True)]

    return order
