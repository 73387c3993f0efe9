"""`python -m benchmarks.pretraining`: what a step of pre-training costs beside a supervised step of the same encoder on the same batch.

Forward, loss and backward in float32, all candidates in turns (see `benchmarks.timing`), as ratios within rounds. The masked autoencoder is
also timed as transformers builds it, of equal size. DINO and the contrastive objective take two views an image or more, which is why they cost more.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that wait sleep
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.timing import Step, compare, in_rounds
from vit_tutorial.positions import sinusoidal_2d
from vit_tutorial.pretraining import DINO, Contrastive, MaskedAutoencoder
from vit_tutorial.vit import VisionTransformer, ViTConfig, count_parameters

BASELINE, OURS, THEIRS = "supervised", "masked autoencoder", "transformers' ViTMAEForPreTraining"
K, MASK_RATIO = 100, 0.75


def candidates(config: ViTConfig, batch_size: int, decoder: tuple[int, int, int]) -> dict[str, Step]:
    """Name -> its step: forward, loss, backward.

    Args:
        config: of the encoder, without a head.
        decoder: width, depth, heads of the autoencoder's decoder.
    """
    torch.manual_seed(0)
    size, P = config.img_size, config.patch_size
    assert isinstance(size, int)
    images, labels = torch.randn(batch_size, 3, size, size), torch.randint(K, (batch_size,))
    small = P * max(1, round(96 / 224 * size / P))  # DINO's 96 of 224 pixels
    two = {"large": torch.randn(batch_size, 2, 3, size, size)}
    many = {**two, "small": torch.randn(batch_size, 6, 3, small, small)}
    classifier = VisionTransformer(ViTConfig.from_dict({**config.to_dict(), "num_classes": K}))
    mae = MaskedAutoencoder(VisionTransformer(config), *decoder, mask_ratio=MASK_RATIO)
    theirs = transformers_mae(config, decoder)
    own, other = count_parameters(mae), count_parameters(theirs)
    # Theirs has no learned positions in the encoder, and a bias in each query, key and value map as ours has.
    positions = 0 if mae.encoder.pos_embed is None else mae.encoder.pos_embed.numel()
    assert own - positions == other, f"{own - positions:,} and {other:,} parameters: these are two models"
    heads = {"out_dim": 1024, "hidden_dim": 4 * config.embed_dim}

    def step(model: nn.Module, loss: Callable[[nn.Module], Tensor]) -> Step:
        def run() -> None:
            model.zero_grad()
            loss(model).backward()

        return run

    # DINO in evaluation mode costs the same, and keeps no logits for a centre that nobody moves here.
    return {
        BASELINE: step(classifier, lambda model: F.cross_entropy(model(images), labels)),
        OURS: step(mae, lambda model: model.loss(images)),
        THEIRS: step(theirs, lambda model: model(images).loss),
        "contrastive, 2 views": step(
            Contrastive(VisionTransformer(config), 4 * config.embed_dim, 128), lambda model: model.loss(two)
        ),
        "DINO, 2 views": step(DINO(VisionTransformer(config), **heads).eval(), lambda model: model.loss(two)),
        "DINO, 2 views and 6 small ones": step(
            DINO(VisionTransformer(config), **heads).eval(), lambda model: model.loss(many)
        ),
    }


def transformers_mae(config: ViTConfig, decoder: tuple[int, int, int]) -> nn.Module:
    """The peer, of equal size. Its position tables are filled: version 5 leaves them zero, in which every place is alike."""
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    width, depth, heads = decoder
    assert isinstance(config.img_size, int)
    model = ViTMAEForPreTraining(
        ViTMAEConfig(
            hidden_size=config.embed_dim,
            num_hidden_layers=config.depth,
            num_attention_heads=config.num_heads,
            intermediate_size=int(config.embed_dim * config.mlp_ratio),
            image_size=config.img_size,
            patch_size=config.patch_size,
            num_channels=config.in_chans,
            decoder_hidden_size=width,
            decoder_num_hidden_layers=depth,
            decoder_num_attention_heads=heads,
            decoder_intermediate_size=4 * width,
            mask_ratio=MASK_RATIO,
            attn_implementation="sdpa",
        )
    )
    rows = config.img_size // config.patch_size
    for table, dim in (
        (model.vit.embeddings.position_embeddings, config.embed_dim),
        (model.decoder.decoder_pos_embed, width),
    ):
        with torch.no_grad():
            table[:, 1:] = sinusoidal_2d((rows, rows), dim)
    return model.train()


def main(arguments: list[str] | None = None) -> dict[str, dict[str, float]]:
    """Measure, print, and return name -> median_s, ratio, ratio_iqr."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretraining", description=__doc__)
    settings = {"threads": 1, "size": 128, "patch": 8, "dim": 192, "depth": 6, "heads": 3, "batch": 8, "rounds": 11}
    settings |= {"decoder-dim": 96, "decoder-depth": 1, "decoder-heads": 3}
    for name, default in settings.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    o = parser.parse_args(arguments)
    torch.set_num_threads(o.threads)
    config = ViTConfig(
        img_size=o.size, patch_size=o.patch, embed_dim=o.dim, depth=o.depth, num_heads=o.heads, num_classes=0
    )
    steps = candidates(config, o.batch, (o.decoder_dim, o.decoder_depth, o.decoder_heads))
    rows = compare(in_rounds(steps, o.rounds, torch.device("cpu")), BASELINE)
    print(" ".join(f"--{name.replace('_', '-')}={value}" for name, value in vars(o).items()))
    for name, row in rows.items():
        low, high = row["ratio_iqr"]
        print(f"{name:36}{1000 * row['median_s']:7.0f} ms, {row['ratio']:.2f} ({low:.2f} to {high:.2f})")
    return rows


if __name__ == "__main__":
    main()
