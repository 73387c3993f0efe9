"""Convolutional networks to compare a ViT with: a small ResNet for classes, a small U-Net for masks.

The same tasks, data and training loop take either; `widths` and `depth` set the number of parameters.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_tutorial.config import Config, setting
from vit_tutorial.patches import check_batch, pair


@dataclass(frozen=True)
class CNNConfig(Config):
    """Everything that fixes a ConvNet's shape; what is saved beside its weights."""

    # The network itself takes images of other sizes, too.
    img_size: int | tuple[int, int] = setting(
        32, "side of the square images it is trained on, or (height, width)", "[1, inf)"
    )
    in_chans: int = setting(3, "channels of the image", "[1, inf)")
    num_classes: int = setting(10, "classes of the head", "[1, inf)")
    widths: tuple[int, ...] = setting(
        (16, 32, 64), "channels of each stage; every stage but the first halves height and width", "[1, inf)"
    )
    depth: int = setting(1, "residual blocks a stage", "[1, inf)")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_halvings(self.img_size, len(self.widths))


class ConvNet(nn.Module):
    """Images in, class scores out, by convolutions of 3x3 pixels.

    A first convolution, then stages of residual blocks. Every stage but the first starts by halving height and width; the mean over all
    places that remain goes through a linear head (He et al. 2016, section 4.2; with one block a stage and three stages it has 8 layers).

    Shape:
        [B, C, H, W] -> [B, K], logits.
    """

    def __init__(self, config: CNNConfig) -> None:
        super().__init__()
        c = self.config = config
        self.conv = convolution(c.in_chans, c.widths[0])
        self.norm = nn.BatchNorm2d(c.widths[0])
        blocks: list[nn.Module] = []
        width = c.widths[0]
        for stage, wider in enumerate(c.widths):
            for block in range(c.depth):
                blocks.append(ResidualBlock(width, wider, stride=2 if stage > 0 and block == 0 else 1))
                width = wider
        self.stages = nn.Sequential(*blocks)
        self.head = nn.Linear(width, c.num_classes)
        self.init_weights()

    def init_weights(self) -> None:
        """Convolutions by He's rule for ReLU, as in the original; a quiet head, so that the first loss is near log K."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        check_batch(images, self.config.in_chans)
        images = images.contiguous(
            memory_format=torch.channels_last
        )  # equal up to rounding, in four fifths of the time
        x = F.relu(self.norm(self.conv(images)))  # [B, widths[0], H, W]
        features = self.stages(x)  # [B, widths[-1], H / 2^(stages - 1), W / 2^(stages - 1)]
        return self.head(features.mean((2, 3)))


class ResidualBlock(nn.Module):
    """Two convolutions with batch normalisation, added to what came in: relu(x + norm(conv(relu(norm(conv(x)))))).

    Where the shape changes, x takes a convolution of one pixel instead (He et al. 2016, section 3.3, equation 2).

    Args:
        width_in, width_out: channels. stride: 2 halves height and width, rounded up.

    Shape:
        [B, width_in, H, W] -> [B, width_out, H / stride, W / stride].
    """

    def __init__(self, width_in: int, width_out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.norm1 = convolution(width_in, width_out, stride=stride), nn.BatchNorm2d(width_out)
        self.conv2, self.norm2 = convolution(width_out, width_out), nn.BatchNorm2d(width_out)
        same = width_in == width_out and stride == 1
        self.shortcut = nn.Identity() if same else convolution(width_in, width_out, side=1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.shortcut(x) + self.norm2(self.conv2(y)))


@dataclass(frozen=True)
class UNetConfig(Config):
    """Everything that fixes a UNet's shape; what is saved beside its weights."""

    # The network itself takes images of other sizes, too.
    img_size: int | tuple[int, int] = setting(
        32, "side of the square images it is trained on, or (height, width)", "[1, inf)"
    )
    in_chans: int = setting(3, "channels of the image", "[1, inf)")
    num_classes: int = setting(10, "classes of a pixel, background included", "[1, inf)")
    widths: tuple[int, ...] = setting(
        (16, 32, 64, 128), "channels of each stage; every stage but the first halves height and width", "[1, inf)"
    )
    stem: int = setting(1, "pixels from place to place of the first stage; scores are enlarged to pixels", "[1, 16]")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_halvings(self.img_size, len(self.widths), self.stem)


class UNet(nn.Module):
    """Images in, class scores for every pixel out, by convolutions of 3x3 pixels.

    The way down halves height and width at each stage and sees more of the image; the way up doubles them again and puts beside its
    channels those of the way down at the same size, which still know where the edges were (Ronneberger et al. 2015, figure 1). Three things
    differ from the original, as in most U-Nets of today: convolutions are padded, so that the scores are as large as the image; batch
    normalisation follows each; sizes are doubled by repeating pixels.

    With a `stem` of s, the first convolution takes steps of s pixels, so that every stage has s^2 times fewer places and costs as much less;
    the scores are enlarged bilinearly. ENet (Paszke et al. 2016, section 3) shrinks its image at once for the same reason.

    Shape:
        [B, C, H, W] -> [B, K, H, W], logits. Sides need not be divisible by two: a side that was halved and rounded down is enlarged to
        what it was.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        c = self.config = config
        widths_in = (c.in_chans, *c.widths[:-1])
        strides = (c.stem, *[1] * (len(c.widths) - 1))
        self.down = nn.ModuleList(two_convolutions(a, b, stride) for a, b, stride in zip(widths_in, c.widths, strides))
        self.up = nn.ModuleList(
            two_convolutions(below + beside, beside) for beside, below in itertools.pairwise(c.widths)
        )
        self.head = nn.Conv2d(c.widths[0], c.num_classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.trunc_normal_(self.head.weight, std=0.02)  # small logits: the first loss is near log K
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        check_batch(images, self.config.in_chans)
        x = self.down[0](images)  # [B, widths[0], H / stem, W / stem]
        beside = []
        for stage in self.down[1:]:
            beside.append(x)
            x = stage(F.max_pool2d(x, 2))  # height and width halved
        for stage, y in zip(reversed(self.up), reversed(beside)):
            x = stage(torch.cat([F.interpolate(x, size=y.shape[-2:], mode="nearest"), y], dim=1))
        scores = self.head(x)  # [B, K, H / stem, W / stem]
        if self.config.stem == 1:
            return scores
        height, width = images.shape[-2:]
        size = [side * self.config.stem for side in scores.shape[-2:]]  # a last place may reach over the edge
        return F.interpolate(scores, size=size, mode="bilinear")[..., :height, :width]


def two_convolutions(width_in: int, width_out: int, stride: int = 1) -> nn.Sequential:
    """Twice convolution, batch normalisation, ReLU. [B, width_in, H, W] -> [B, width_out, H / stride, W / stride]."""
    layers: list[nn.Module] = []
    for width, step in ((width_in, stride), (width_out, 1)):
        layers += [convolution(width, width_out, stride=step), nn.BatchNorm2d(width_out), nn.ReLU()]
    return nn.Sequential(*layers)


def check_halvings(img_size: int | tuple[int, int], stages: int, stem: int = 1) -> None:
    """Raise ValueError where so many stages would leave nothing of the image."""
    side = -(-min(pair(img_size)) // stem)
    if side < 2 ** (stages - 1):
        pixels = f"{side} pixels" if stem == 1 else f"{side} places (a stem of {stem})"
        raise ValueError(
            f"{stages} stages halve an image of {pixels} {stages - 1} times, which leaves nothing; "
            f"use at most {max(side, 1).bit_length()} stages"
        )


def convolution(width_in: int, width_out: int, side: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution of side x side pixels that keeps the image's size (or divides it by the stride); the norm after it has the bias."""
    return nn.Conv2d(width_in, width_out, side, stride, padding=side // 2, bias=False)
