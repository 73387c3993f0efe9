"""`vit-tutorial shards`: a folder of images as tar shards."""

from __future__ import annotations

import argparse

from vit_tutorial.data import write_shards


def pack_folder(options: argparse.Namespace) -> int:
    """Write the shards, and say how to train from them."""
    written = write_shards(options.folder, options.to, options.per_shard, options.shuffle, not options.quiet)
    size = sum(file.stat().st_size for file in written)
    print(f"{len(written):,} shard(s) in {options.to}, {size / 1e6:,.1f} MB")
    print(f"vit-tutorial train image_folder --data {options.to} --set data=shards trains from them")
    return 0
