"""One ViT in five libraries: the same shapes everywhere, the same weights where they can be carried over.

A comparison of speed means something only if all compute the same thing, so `check_equal` is called before anything is timed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from vit_tutorial.vit import VisionTransformer, ViTConfig, count_parameters
from vit_tutorial.weights import load_weights

OURS = "vit_tutorial"
TOLERANCE = 2e-4  # of the largest logit, in float32


@dataclasses.dataclass
class Peer:
    """One library's model.

    Fields:
        name: of the library.
        model: images [B, 3, H, W] -> its output.
        logits: the class scores [B, K] in that output.
        parameters: how many it has.
        by_design: how many more it has than ours because it is another model; 0 if it computes the same function.
        differs: why, for people; empty if it computes the same function.
    """

    name: str
    model: nn.Module
    logits: Callable[[object], Tensor]
    parameters: int
    by_design: int = 0
    differs: str = ""


def same(output: object) -> Tensor:
    """The output, which is the logits already."""
    assert isinstance(output, Tensor)
    return output


def ours(config: ViTConfig) -> Peer:
    model = VisionTransformer(config)
    return Peer(OURS, model, same, count_parameters(model))


def timm(config: ViTConfig) -> Peer:
    from timm.models.vision_transformer import VisionTransformer as Timm

    model = Timm(
        img_size=config.img_size,
        patch_size=config.patch_size,
        num_classes=config.num_classes,
        embed_dim=config.embed_dim,
        depth=config.depth,
        num_heads=config.num_heads,
        mlp_ratio=config.mlp_ratio,
    )
    return Peer("timm", model, same, count_parameters(model))


def torchvision(config: ViTConfig) -> Peer:
    from torchvision.models.vision_transformer import VisionTransformer as Torchvision

    model = Torchvision(
        image_size=side(config),
        patch_size=config.patch_size,
        num_layers=config.depth,
        num_heads=config.num_heads,
        hidden_dim=config.embed_dim,
        mlp_dim=hidden(config),
        num_classes=config.num_classes,
    )
    return Peer("torchvision", model, same, count_parameters(model))


def transformers(config: ViTConfig) -> Peer:
    from transformers import ViTConfig as TheirConfig
    from transformers import ViTForImageClassification

    model = ViTForImageClassification(
        TheirConfig(
            image_size=side(config),
            patch_size=config.patch_size,
            hidden_size=config.embed_dim,
            num_hidden_layers=config.depth,
            num_attention_heads=config.num_heads,
            intermediate_size=hidden(config),
            num_labels=config.num_classes,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            layer_norm_eps=config.norm_eps,
            attn_implementation="sdpa",
        )
    )
    return Peer("transformers", model, lambda output: output.logits, count_parameters(model))  # type: ignore[attr-defined]


def vit_pytorch(config: ViTConfig) -> Peer:
    from vit_pytorch import ViT

    D = config.embed_dim
    model = ViT(
        image_size=side(config),
        patch_size=config.patch_size,
        num_classes=config.num_classes,
        dim=D,
        depth=config.depth,
        heads=config.num_heads,
        mlp_dim=hidden(config),
        dim_head=D // config.num_heads,
    )
    more = 2 * (config.in_chans * config.patch_size**2 + D) - config.depth * 3 * D
    differs = "no bias in the query, key and value maps; LayerNorm before and after the patch map; explicit attention"
    return Peer("vit-pytorch", model, same, count_parameters(model), more, differs)


MAKERS = (ours, timm, torchvision, transformers, vit_pytorch)


def make_peers(config: ViTConfig, device: torch.device) -> list[Peer]:
    """All five, with one set of weights wherever that can be carried over, on the device.

    Raises:
        AssertionError: two of them are not the same model.
    """
    torch.manual_seed(0)
    peers = [make(config) for make in MAKERS]
    check_equal(peers, config)
    for peer in peers:
        peer.model.to(device)
    return peers


Makers = Sequence[Callable[[ViTConfig], Peer]]


def installed(makers: Makers) -> list[Callable[[ViTConfig], Peer]]:
    """Those of them whose library is here."""
    return [make for make in makers if make is ours or find_spec(make.__name__) is not None]


def make_installed(config: ViTConfig, device: torch.device, makers: Makers) -> list[Peer]:
    """As `make_peers`, of those whose library is here."""
    torch.manual_seed(0)
    peers = [make(config) for make in installed(makers)]
    check_equal(peers, config)
    for peer in peers:
        peer.model.to(device)
    return peers


def check_equal(peers: list[Peer], config: ViTConfig) -> None:
    """Assert equal numbers of parameters, and equal outputs with equal weights.

    Each peer's own weights, with N(0, 0.02) added so that no bias is 0, are loaded into our model, which must then give the peer's
    logits. vit-pytorch's ViT has a patch embedding of its own; there the blocks, the last norm and the head are compared, on tokens.

    Raises:
        AssertionError: two of them are not the same model.
    """
    own = next(peer for peer in peers if peer.name == OURS)
    images = torch.randn(2, config.in_chans, side(config), side(config), generator=torch.Generator().manual_seed(1))
    for peer in peers:
        if peer is own:
            continue
        expected = own.parameters + peer.by_design
        assert peer.parameters == expected, f"{peer.name} has {peer.parameters:,} parameters, not {expected:,}"
        jitter(peer.model)
        training = peer.model.training
        peer.model.eval()
        with torch.no_grad():
            theirs, mine = (
                outputs_on_tokens(peer, config) if peer.by_design else outputs_on_images(peer, own.model, images)
            )
        peer.model.train(training)
        error = ((theirs - mine).abs().max() / theirs.abs().max()).item()
        assert error < TOLERANCE, f"{peer.name} and ours differ by {error:.1e} of the largest output"


def outputs_on_images(peer: Peer, own: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of the peer and of our model with the peer's weights, which it keeps."""
    assert isinstance(own, VisionTransformer)
    load_weights(own, peer.model.state_dict())
    return peer.logits(peer.model(images)), own(images)


def outputs_on_tokens(peer: Peer, config: ViTConfig) -> tuple[Tensor, Tensor]:
    """What vit-pytorch's blocks, norm and head, and ours with its weights, make of the same tokens."""
    bare = VisionTransformer(dataclasses.replace(config, qkv_bias=False, norm_eps=1e-5))
    state, theirs = bare.state_dict(), peer.model.state_dict()
    for name, tensor in theirs.items():
        if name.startswith("transformer.layers."):
            _, _, block, part, rest = name.split(".", 4)
            names = {"0": IN_ATTENTION, "1": IN_FEEDFORWARD}[part]
            module, _, kind = rest.rpartition(".")
            state[f"blocks.{block}.{names[module]}.{kind}"] = tensor
        elif name.startswith("transformer.norm."):
            state[name.removeprefix("transformer.")] = tensor
        elif name.startswith("mlp_head."):
            state[name.replace("mlp_head.", "head.")] = tensor
    bare.load_state_dict(state)
    bare.eval()
    tokens = torch.randn(
        2, bare.patch_embed.num_patches + 1, config.embed_dim, generator=torch.Generator().manual_seed(1)
    )
    x = tokens
    for encoder_block in bare.blocks:
        x = encoder_block(x)
    return peer.model.mlp_head(peer.model.transformer(tokens)[:, 0]), bare.forward_head(bare.norm(x))  # type: ignore[operator]


IN_ATTENTION = {"norm": "norm1", "to_qkv": "attn.qkv", "to_out.0": "attn.proj"}
IN_FEEDFORWARD = {"net.0": "norm2", "net.1": "mlp.fc1", "net.4": "mlp.fc2"}


def jitter(model: nn.Module) -> None:
    """Add N(0, 0.02) to every parameter: zero biases and unit gains would hide a difference."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))


def side(config: ViTConfig) -> int:
    """Side of the square image in pixels."""
    assert isinstance(config.img_size, int)
    return config.img_size


def hidden(config: ViTConfig) -> int:
    """Hidden width of the FFN."""
    return int(config.embed_dim * config.mlp_ratio)
