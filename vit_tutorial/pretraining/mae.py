"""The masked autoencoder: hide most patches, show the encoder the rest, and let a small decoder paint what is missing.

He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners". The encoder never sees a mask token, so it is cheap while it is
pre-trained and meets nothing new when it is used. Module names are those of the paper's code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_tutorial.blocks import EncoderBlock
from vit_tutorial.patches import patchify, unpatchify
from vit_tutorial.positions import sinusoidal_2d
from vit_tutorial.vit import VisionTransformer


class MaskedAutoencoder(nn.Module):
    """Images in, pixels of their hidden patches out.

    1. Of the N patches of each image, a random share ``mask_ratio`` is hidden, others in every image.
    2. The encoder runs on the visible patches only, each with its own position: [B, prefix + N_visible, D].
    3. The decoder gets these tokens in their places and one learned mask token in every other place, with fixed sine-cosine
       positions, and predicts the pixels of every patch: [B, N, C*P*P].
    4. The loss is the mean squared error over the hidden patches (see :func:`masked_mse`).

    The decoder is thrown away afterwards: ``model.encoder`` is the ViT that was given, trained.

    Args:
        encoder: any ViT. Its head takes no part; build it with ``num_classes=0`` and call ``reset_classifier`` later.
        decoder_dim: width of the decoder, a multiple of 4 and of ``decoder_heads``.
        decoder_depth, decoder_heads: its blocks, and the heads of each.
        mlp_ratio: hidden width of the decoder's FFNs as a multiple of its width.
        mask_ratio: share of hidden patches, above 0 and below 1; 0.75 in the paper.
        norm_targets: predict each patch after taking away its mean and dividing by its standard deviation (paper, section 4.1).

    Shape:
        [B, C, H, W] -> (prediction [B, N, C*P*P], mask [B, N] bool, True where a patch was hidden).

    Raises:
        ValueError: a share of 0 or 1, or one that hides no patch or all of them; the images do not fit the encoder.
    """

    decoder_pos_embed: Tensor

    def __init__(
        self,
        encoder: VisionTransformer,
        decoder_dim: int = 512,
        decoder_depth: int = 8,
        decoder_heads: int = 16,
        mlp_ratio: float = 4.0,
        mask_ratio: float = 0.75,
        norm_targets: bool = False,
    ) -> None:
        super().__init__()
        count_hidden(encoder.patch_embed.num_patches, mask_ratio)  # a wrong share shows now, not at the first batch
        self.encoder, self.mask_ratio, self.norm_targets = encoder, mask_ratio, norm_targets
        c = encoder.config
        self.decoder_embed = nn.Linear(c.embed_dim, decoder_dim)
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, decoder_dim))
        places = sinusoidal_2d(encoder.grid_size, decoder_dim)
        prefix = torch.zeros(encoder.num_prefix_tokens, decoder_dim)  # class token and registers stand in no place
        self.register_buffer("decoder_pos_embed", torch.cat([prefix, places])[None], persistent=False)
        self.decoder_blocks = nn.ModuleList(
            EncoderBlock(decoder_dim, decoder_heads, mlp_ratio, norm_eps=c.norm_eps) for _ in range(decoder_depth)
        )
        self.decoder_norm = nn.LayerNorm(decoder_dim, eps=c.norm_eps)
        self.decoder_pred = nn.Linear(decoder_dim, c.in_chans * c.patch_size**2)
        for module in [self.decoder_embed, self.decoder_pred, *self.decoder_blocks.modules()]:
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Hide, encode, decode. ``mask`` [B, N] bool hides chosen patches, as many in each image, instead of random ones."""
        if mask is None:
            mask = random_mask(len(images), self.encoder.patch_embed.num_patches, self.mask_ratio, images.device)
        return self.decode(self.encode(images, mask), mask), mask

    def encode(self, images: Tensor, mask: Tensor) -> Tensor:
        """The encoder on the visible patches: images [B, C, H, W], mask [B, N] -> tokens [B, prefix + N_visible, D]."""
        prefix = self.encoder.num_prefix_tokens
        z = self.encoder.embed(images)  # [B, prefix + N, D]: every patch has its position before any is taken away
        z = torch.cat([z[:, :prefix], take(z[:, prefix:], visible_first(mask)[:, : count_visible(mask)])], dim=1)
        for block in self.encoder.blocks:
            z = block(z)
        return self.encoder.fc_norm(self.encoder.norm(z))  # one of the two is the identity, see global_pool

    def decode(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """The encoder's tokens [B, prefix + N_visible, D] -> predicted patches [B, N, C*P*P], in reading order."""
        prefix = self.encoder.num_prefix_tokens
        z = self.decoder_embed(tokens)  # [B, prefix + N_visible, D_dec]
        hidden = self.mask_token.expand(len(z), mask.shape[1] - count_visible(mask), -1)
        patches = torch.cat([z[:, prefix:], hidden], dim=1)  # [B, N, D_dec], the visible ones first
        patches = take(patches, visible_first(mask).argsort(dim=1))  # each in its own place again
        z = torch.cat([z[:, :prefix], patches], dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            z = block(z)
        return self.decoder_pred(self.decoder_norm(z[:, prefix:]))

    def targets(self, images: Tensor) -> Tensor:
        """What the decoder is to predict: the patches [B, N, C*P*P], each normalised by itself with ``norm_targets``."""
        return patch_targets(images, self.encoder.config.patch_size, self.norm_targets)

    def loss(self, images: Tensor, mask: Tensor | None = None) -> Tensor:
        """The mean squared error on hidden patches, a scalar."""
        prediction, mask = self(images, mask)
        return masked_mse(prediction, self.targets(images), mask)

    @torch.no_grad()
    def reconstruct(self, images: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Images [B, C, H, W] with their hidden patches painted by the decoder, and the mask [B, N]; for looking at.

        With ``norm_targets`` the decoder gives no mean and spread, and those of the true patches are used.
        """
        prediction, mask = self(images, mask)
        patches = patchify(images, self.encoder.config.patch_size)
        if self.norm_targets:
            mean, std = patch_statistics(patches)
            prediction = prediction * std + mean
        patches = torch.where(mask[..., None], prediction, patches)
        return unpatchify(patches, self.encoder.config.patch_size, self.encoder.grid_size), mask


def patch_targets(images: Tensor, patch_size: int, normalised: bool) -> Tensor:
    """The patches [B, N, C*P*P] of images, each by itself with mean 0 and variance 1 if ``normalised`` (He et al. 2022, section 4.1).

    The variance is divided by M - 1, as in the paper's code.
    """
    patches = patchify(images, patch_size)
    if not normalised:
        return patches
    mean, std = patch_statistics(patches)
    return (patches - mean) / std


def random_mask(
    batch: int,
    num_patches: int,
    mask_ratio: float,
    device: torch.device | str | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Bool [B, N]: in each row round(mask_ratio * N) patches are True (hidden), every choice of them equally likely.

    Raises:
        ValueError: the share is not above 0 and below 1, or hides no patch or all of them.
    """
    hidden = count_hidden(num_patches, mask_ratio)
    noise = torch.rand(batch, num_patches, device=device, generator=generator)
    return noise.argsort(dim=1).argsort(dim=1) < hidden  # the rank of each patch in a random order


def masked_mse(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """l = sum_n m_n (1/M) |prediction_n - target_n|^2 / sum_n m_n over all patches n of all images (He et al. 2022, section 3).

    Args:
        prediction, target: [B, N, M], with M = C*P*P numbers a patch.
        mask: bool [B, N]; m_n = 1 for hidden patches. Visible ones do not count.

    Returns:
        A scalar.

    Raises:
        ValueError: the mask hides nothing, so that there is nothing to predict.
    """
    if not mask.any():
        raise ValueError("the mask hides no patch: there is nothing to predict; hide at least one")
    error = (prediction - target).square().mean(dim=-1)  # [B, N]
    return (error * mask).sum() / mask.sum()


def count_hidden(num_patches: int, mask_ratio: float) -> int:
    """round(mask_ratio * N), checked to leave something on both sides."""
    if not 0.0 < mask_ratio < 1.0:
        raise ValueError(f"mask_ratio is {mask_ratio}; it must be above 0 and below 1 (0.75 in the paper)")
    hidden = round(mask_ratio * num_patches)
    if not 0 < hidden < num_patches:
        raise ValueError(
            f"mask_ratio {mask_ratio} hides {hidden} of {num_patches} patches; "
            f"choose one from {1 / num_patches:.3g} to {1 - 1 / num_patches:.3g}"
        )
    return hidden


def count_visible(mask: Tensor) -> int:
    """Visible patches an image; they must be as many in every image, or there is no batch of them."""
    visible = (~mask).sum(dim=1)
    if (visible != visible[0]).any():
        raise ValueError(
            f"the mask leaves between {int(visible.min())} and {int(visible.max())} patches visible; hide as many in each image"
        )
    return int(visible[0])


def visible_first(mask: Tensor) -> Tensor:
    """Indices [B, N] that put the visible patches first and the hidden ones after them, each in reading order."""
    return mask.to(torch.uint8).argsort(dim=1, stable=True)


def take(tokens: Tensor, indices: Tensor) -> Tensor:
    """tokens [B, N, D], indices [B, M] -> [B, M, D]: other tokens of each image."""
    return tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[-1]))


def patch_statistics(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every patch, [B, N, 1] each; a flat patch is divided by 0.001."""
    return patches.mean(-1, keepdim=True), (patches.var(-1, keepdim=True) + 1e-6).sqrt()
