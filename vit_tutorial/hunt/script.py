"""A Vision Transformer learns to read handwritten digits: images, model, training and evaluation in one file."""

from __future__ import annotations

import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_tutorial.data import Splits, TensorImages, augment, digits, normalize

PATCH, WIDTH, HEADS, LAYERS, CLASSES = 2, 32, 4, 2, 10
EPOCHS, BATCH, PEAK, WARMUP = 25, 64, 6e-3, 2


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(d)) V in each head; a linear map mixes what the heads found."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        """[B, N, D] -> [B, h, N, d]: each head takes its share of every token."""
        B, N, D = x.shape
        return x.reshape(B, N, self.heads, D // self.heads).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.split(part) for part in self.qkv(x).chunk(3, dim=-1))
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # [B, h, N, N]
        found = scores.softmax(dim=-1) @ v  # [B, h, N, d]
        return self.proj(found.transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    """Pre-norm: each half reads the normalised tokens and adds what it found."""

    def __init__(self, width: int, heads: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )

    def forward(self, z: Tensor) -> Tensor:
        z = z + self.attn(self.norm1(z))
        return z + self.mlp(self.norm2(z))


class ViT(nn.Module):
    """Images [B, 1, 8, 8] -> logits [B, 10]: patches, a class token, positions, blocks, a linear head."""

    def __init__(self) -> None:
        super().__init__()
        N = (8 // PATCH) ** 2
        self.patch_embed = nn.Conv2d(1, WIDTH, PATCH, stride=PATCH)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(0.5 * torch.randn(1, 1 + N, WIDTH))
        self.blocks = nn.ModuleList([Block(WIDTH, HEADS) for _ in range(LAYERS)])
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patch_embed(images).flatten(2).transpose(1, 2)  # [B, N, D]
        cls = self.cls_token.expand(len(x), -1, -1)
        z = torch.cat([cls, x], dim=1) + self.pos_embed  # [B, 1 + N, D]
        for block in self.blocks:
            z = block(z)
        return self.head(self.norm(z)[:, 0])


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of logits [B, K] against classes [B]."""
    return F.cross_entropy(logits, labels)


def rate(step: int, steps: int, warmup: int) -> float:
    """Share of the peak learning rate: a line up, then half a cosine down to 0."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
    """One change of the weights; gives the loss before it."""
    loss = loss_of(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


@torch.no_grad()
def accuracy(model: nn.Module, split: TensorImages) -> float:
    """Share of the images that are read correctly."""
    model.eval()
    logits = model(normalize(split.images, split.mean, split.std))
    return (logits.argmax(-1) == split.labels).double().mean().item()


def fit(splits: Splits, epochs: int = EPOCHS, seed: int = 0) -> nn.Module:
    """Train, and give back the weights that were best on the validation split."""
    torch.manual_seed(seed)
    train, model = splits.train, ViT()
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.05},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=PEAK)
    per_epoch = len(train) // BATCH
    steps, warmup = epochs * per_epoch, WARMUP * per_epoch
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps, warmup))
    best, best_weights = -1.0, model.state_dict()
    for _ in range(epochs):
        model.train()
        for chosen in torch.randperm(len(train)).split(BATCH)[:per_epoch]:
            images = augment(train.images[chosen], train.mean, train.std, shift=1)
            train_step(model, optimizer, images, train.labels[chosen])
            scheduler.step()
        score = accuracy(model, splits.val)
        if score > best:
            best, best_weights = score, copy.deepcopy(model.state_dict())
    model.load_state_dict(best_weights)
    return model


def report(model: nn.Module, splits: Splits) -> float:
    """The number for the table."""
    return accuracy(model, splits.test)


if __name__ == "__main__":
    data = digits()
    print(f"accuracy: {report(fit(data), data):.1%}")
