"""Official weights, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights.model import load_weights

# Steiner et al. 2022, "How to train your ViT?": ImageNet-21k, then ImageNet-1k; pixels are scaled to [-1, 1].
_AUGREG = "augreg_in21k_ft_in1k"
PRETRAINED: dict[str, ViTConfig] = {
    f"vit_{size}_patch{patch}_{pixels}.{_AUGREG}": ViTConfig.named(size, patch_size=patch, img_size=pixels)
    for size, patch, pixels in [
        ("tiny", 16, 224),
        ("tiny", 16, 384),
        ("small", 16, 224),
        ("small", 16, 384),
        ("small", 32, 224),
        ("base", 16, 224),
        ("base", 16, 384),
        ("base", 32, 224),
        ("large", 16, 224),
        ("large", 16, 384),
    ]
}
PRETRAINED_MEAN = PRETRAINED_STD = (0.5, 0.5, 0.5)


def load_pretrained(name: str, **overrides: Any) -> VisionTransformer:
    """A ViT with official weights, downloaded from the Hugging Face hub on first use and kept in its cache.

        model = load_pretrained("vit_tiny_patch16_224.augreg_in21k_ft_in1k")            # 1,000 ImageNet classes
        model = load_pretrained("vit_tiny_patch16_224...", img_size=384, num_classes=10)  # resized positions, fresh head

    Images are normalised with ``PRETRAINED_MEAN`` and ``PRETRAINED_STD``.

    Args:
        name: a key of ``PRETRAINED``.
        overrides: fields of ViTConfig to change. Another ``num_classes`` gives a fresh head.

    Raises:
        ValueError: unknown name; the known ones are listed. ConnectionError: not in the cache and not to be had.
    """
    if name not in PRETRAINED:
        raise ValueError(f"unknown pre-trained model {name!r}; known: {', '.join(PRETRAINED)}")
    base = PRETRAINED[name]
    model = VisionTransformer(ViTConfig.from_dict({**base.to_dict(), **overrides}))
    new_head = model.config.num_classes != base.num_classes
    load_weights(model, _download(name), new_head=new_head)
    return model.eval()


def _download(name: str) -> Path:
    from huggingface_hub import hf_hub_download  # here: the package must import where nothing is ever downloaded

    try:
        return Path(hf_hub_download(f"timm/{name}", "model.safetensors"))
    except Exception as error:  # the hub's client raises a dozen kinds, all of which mean: no file
        raise ConnectionError(
            f"could not get the weights of {name} ({type(error).__name__}: {str(error).splitlines()[0]}). Connect to the network once, "
            f"or copy model.safetensors of the hub's timm/{name} here and call load_weights(model, path)"
        ) from error
