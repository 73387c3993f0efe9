"""Official weights, by name, with what belongs to them: the shape of the model, and how images were prepared for it."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from vit_tutorial.patches import pair
from vit_tutorial.vit import SIZES, VisionTransformer, ViTConfig
from vit_tutorial.weights.model import load_weights
from vit_tutorial.weights.preparation import HALF, IMAGENET_MEAN, IMAGENET_STD, Preparation


@dataclass(frozen=True)
class Official:
    """One set of official weights.

    Args:
        config: the shape; ``num_classes`` 0 where the weights have no head.
        prepare: how images are made ready.
        source: a repository of the Hugging Face hub, or an address.
        licence: of the weights, as their publisher states it.
    """

    config: ViTConfig
    prepare: Preparation
    source: str
    licence: str = "apache-2.0"

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of its patch positions."""
        rows, columns = (side // self.config.patch_size for side in pair(self.config.img_size))
        return rows, columns


def _timm_models() -> dict[str, Official]:
    """Those of timm's models that are plain ViTs of our sizes. Names, shapes and preparation are held against timm's by a test."""
    found = {}

    def add(
        name: str,
        size: str,
        patch: int,
        pixels: int,
        mean: Any,
        std: Any,
        crop: float,
        licence: str = "apache-2.0",
        **shape: Any,
    ) -> None:
        config = ViTConfig.named(size, patch_size=patch, img_size=pixels, **shape)
        found[name] = Official(config, Preparation(pair(pixels), mean, std, crop), f"timm/{name}", licence)

    # Steiner et al. 2022, "How to train your ViT?": ImageNet-21k, then ImageNet-1k.
    for size, patch, pixels in [
        *((size, 16, pixels) for size in SIZES for pixels in (224, 384)),
        ("small", 32, 224),
        ("base", 32, 224),
    ]:
        name = f"vit_{size}_patch{patch}_{pixels}.augreg_in21k_ft_in1k"
        add(name, size, patch, pixels, HALF, HALF, 0.9 if pixels == 224 else 1.0)
    imagenet = (IMAGENET_MEAN, IMAGENET_STD)
    bare: dict[str, Any] = {"num_classes": 0}
    for size in ("tiny", "small", "base"):  # Touvron et al. 2021, DeiT: ImageNet-1k alone
        add(f"deit_{size}_patch16_224.fb_in1k", size, 16, 224, *imagenet, 0.9)
    for size in ("small", "base", "large"):  # Touvron et al. 2022, DeiT III
        shape: dict[str, Any] = {"init_values": 1e-6, "no_embed_class": True}
        add(f"deit3_{size}_patch16_224.fb_in22k_ft_in1k", size, 16, 224, *imagenet, 1.0, **shape)
    for size in ("small", "base"):  # Caron et al. 2021, DINO: no labels
        for patch in (16, 8):
            add(f"vit_{size}_patch{patch}_224.dino", size, patch, 224, *imagenet, 0.9, **bare)
    for size in ("base", "large"):  # He et al. 2022, MAE: no labels
        add(f"vit_{size}_patch16_224.mae", size, 16, 224, *imagenet, 0.9, "cc-by-nc-4.0", **bare)
    for size in ("small", "base", "large"):  # Oquab et al. 2024, DINOv2; Darcet et al. 2024, with registers
        shape = {"init_values": 1e-5, **bare}
        add(f"vit_{size}_patch14_dinov2.lvd142m", size, 14, 518, *imagenet, 1.0, **shape)
        shape |= {"reg_tokens": 4, "no_embed_class": True}
        add(f"vit_{size}_patch14_reg4_dinov2.lvd142m", size, 14, 518, *imagenet, 1.0, **shape)
    for size in ("small", "base", "large"):  # Beyer et al. 2023, FlexiViT: trained with patches of many sizes
        add(f"flexivit_{size}.1200ep_in1k", size, 16, 240, HALF, HALF, 0.95, no_embed_class=True)
    return found


def _hugging_face_models() -> dict[str, Official]:
    """Google's ViTs under their names on the hub: Hugging Face's epsilon, and its processor, which squashes."""
    found = {}
    for size, pixels in (("base", 224), ("base", 384), ("large", 224), ("large", 384)):
        name = f"google/vit-{size}-patch16-{pixels}"
        prepare = Preparation(pair(pixels), HALF, HALF, squash=True, filter="bilinear")
        found[name] = Official(ViTConfig.named(size, img_size=pixels, norm_eps=1e-12), prepare, name)
    return found


def _torchvision_models() -> dict[str, Official]:
    """torchvision's ViTs of our sizes, under its own names, with what it says of them itself."""
    from torchvision.models import get_model_weights

    found = {}
    for size, letter, patch in (("base", "b", 16), ("base", "b", 32), ("large", "l", 16), ("large", "l", 32)):
        for weights in get_model_weights(f"vit_{letter}_{patch}"):
            said = weights.transforms()
            pixels, shorter = said.crop_size[0], said.resize_size[0]
            prepare = Preparation(
                pair(pixels), tuple(said.mean), tuple(said.std), pixels / shorter, filter=said.interpolation.value
            )
            licence = "cc-by-nc-4.0" if "SWAG" in weights.name else "bsd-3-clause"
            config = ViTConfig.named(size, patch_size=patch, img_size=pixels)
            found[str(weights)] = Official(config, prepare, weights.url, licence)
    return found


PRETRAINED: dict[str, Official] = {**_timm_models(), **_hugging_face_models(), **_torchvision_models()}

# What other models that are called ViTs have, and this encoder has not: parts of their names -> the words of the error.
OTHERS = {
    "dinov3": "rotary positions (RoPE)",
    "eva": "rotary positions (RoPE)",
    "clip": "a normalisation before the first block",
    "siglip": "a head that attends to all patches (attention pooling)",
    "giant_patch14": "a gated FFN (SwiGLU)",
    "beit": "a relative position bias in every attention",
    "swin": "windows, and a relative position bias in every attention",
    "distilled": "a second head, a teacher's",
}


def load_pretrained(name: str, **overrides: Any) -> VisionTransformer:
    """A ViT with official weights, downloaded on first use and kept in the cache of the hub, or of torch.

        model = load_pretrained("vit_tiny_patch16_224.augreg_in21k_ft_in1k")            # 1,000 ImageNet classes
        model = load_pretrained("vit_tiny_patch16_224...", img_size=384, num_classes=10)  # resized positions, fresh head
        model = load_pretrained("vit_small_patch14_dinov2.lvd142m", patch_size=16, img_size=224)   # resized patch map, too

    Images are made ready by ``preparation(name)``. Positions are resized as in :func:`~vit_tutorial.positions.resize_pos_embed`, the patch map as
    in :func:`~vit_tutorial.patches.resize_patch_weight`.

    Args:
        name: a key of ``PRETRAINED``: timm's, torchvision's or the hub's name of the weights.
        overrides: fields of ViTConfig to change. Another ``num_classes`` gives a fresh head.

    Raises:
        ValueError: unknown name, or a model that is no plain ViT; a file that is not what its publisher says.
        ConnectionError: not in the cache and not to be had.
    """
    official = _find(name)
    base = official.config
    config = ViTConfig.from_dict({**base.to_dict(), **overrides})
    # Where all tensors come from the file, neither memory nor random numbers are spent on others before.
    meta = config.pos_embed == base.pos_embed
    with torch.device("meta" if meta else "cpu"), _NoNumbers() if meta else nullcontext():
        model = VisionTransformer(dataclasses.replace(config, num_classes=base.num_classes))
    load_weights(model, fetch(name), grid=official.grid, resize_patches=True)
    if config.num_classes != base.num_classes:
        model.reset_classifier(config.num_classes)
    return model.eval()


class _NoNumbers(TorchFunctionMode):
    """Leaves out the random numbers that torch's own modules draw where they are made."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in (nn.init.kaiming_uniform_, nn.init.uniform_):
            return kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def preparation(name: str, img_size: int | tuple[int, int] | None = None) -> Preparation:
    """How images are made ready for the weights of that name; for a model that was resized give its ``img_size``.

    Raises:
        ValueError: unknown name.
    """
    prepare = _find(name).prepare
    return prepare if img_size is None else prepare.for_size(img_size)


def _find(name: str) -> Official:
    if name in PRETRAINED:
        return PRETRAINED[name]
    reason = next((words for part, words in OTHERS.items() if re.search(part, name, re.IGNORECASE)), None)
    if reason:
        raise ValueError(
            f"{name!r} has {reason}, which VisionTransformer has not, so its weights do not fit; use the library that it comes from"
        )
    raise ValueError(f"unknown pre-trained model {name!r}; known: {', '.join(PRETRAINED)}")


def fetch(name: str) -> Path:
    """The file of official weights, downloaded where it is not in the cache. Raises as :func:`load_pretrained`."""
    source = _find(name).source
    try:
        return _from_address(source) if "://" in source else _from_hub(source)
    except ValueError:
        raise
    except Exception as error:  # the hub's client raises a dozen kinds, all of which mean: no file
        where = source if "://" in source else f"model.safetensors of the hub's {source}"
        said = (str(error).splitlines() or [""])[0]
        raise ConnectionError(
            f"could not get the weights of {name} ({type(error).__name__}: {said}). Connect to the network once, "
            f"or copy {where} here and call load_weights(model, path)"
        ) from error


def _from_hub(repository: str) -> Path:
    """The file in the hub's cache. What was cut off goes on where it ended; a new file is held against its SHA-256, which is its name there."""
    from huggingface_hub import (
        hf_hub_download,
        try_to_load_from_cache,
    )  # here: the package imports where nothing is downloaded

    cached = try_to_load_from_cache(repository, "model.safetensors")
    path = Path(hf_hub_download(repository, "model.safetensors"))
    blob = path.resolve()
    if not isinstance(cached, str) and re.fullmatch(r"[0-9a-f]{64}", blob.name):
        digest = hashlib.sha256()
        with open(blob, "rb") as file:
            while chunk := file.read(2**20):
                digest.update(chunk)
        if (found := digest.hexdigest()) != blob.name:
            blob.unlink()
            path.unlink(missing_ok=True)
            raise ValueError(
                f"what was downloaded of {repository} has SHA-256 {found[:16]}..., and {blob.name[:16]}... was announced; it was removed: try again"
            )
    return path


def _from_address(address: str) -> Path:
    """The file in torch's cache; its name ends in the beginning of its SHA-256, which torch checks after the download."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / address.rsplit("/", 1)[1]
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        prefix = re.search(r"-([0-9a-f]{8,})\.pth$", address)
        try:
            torch.hub.download_url_to_file(address, str(path), prefix[1] if prefix else None, progress=False)
        except RuntimeError as error:  # the hash
            raise ValueError(f"{error}; nothing was kept: try again") from error
        except URLError as error:
            raise ConnectionError(str(error.reason)) from error
    return path
