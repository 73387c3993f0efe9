"""Self-distillation without labels: a student says of every view of an image what its own slow average says of the large ones.

Caron et al. 2021, "Emerging Properties in Self-Supervised Vision Transformers" (DINO). Nothing in the loss forbids that both say the same of
every image. Two things do: the centre is taken off the teacher's logits, so no output can win always, and a low temperature sharpens
them, so not all outputs can be alike.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from vit_tutorial.pretraining.momentum import cosine_momentum, follow, follower
from vit_tutorial.vit import VisionTransformer


class DINO(nn.Module):
    """Views of images in, the student's log-probabilities and the teacher's probabilities out, over K outputs that mean nothing yet.

    1. The student (``encoder`` and ``head``) sees all views, the teacher, its moving average, the two large ones.
    2. p_s = softmax(s / tau_s) and p_t = softmax((t - c) / tau_t), with logits s and t and the centre c.
    3. The loss is the cross-entropy of each of the teacher's views with each *other* view of the student (:func:`view_cross_entropy`).
    4. ``after_step`` moves the teacher towards the student, and the centre towards the mean of the teacher's logits in this step:
       c <- mu c + (1 - mu) mean(t). So a loss is always that of the centre of the steps before.

    ``model.teacher`` is the ViT to keep: it is the better of the two (paper, section 5.1).

    Args:
        encoder: the student's ViT, with ``num_classes=0``. From now on it takes images of any size that its patches divide, since small
            views are smaller than large ones.
        out_dim: outputs K; 65,536 in the paper.
        hidden_dim, bottleneck_dim: of the projection head, see :class:`DINOHead`.
        student_temp, teacher_temp: tau_s and tau_t, the second one lower.
        momentum: of the teacher at the first step; it grows to 1 along a cosine.
        centre_momentum: mu; 1 never moves the centre from 0.

    Shape:
        {"large": [B, 2, C, H, W], "small": [B, V, C, h, w], which may be missing} -> ([B, 2 + V, K], [B, 2, K]).

    Raises:
        ValueError: the encoder has a head; a temperature that is not above 0; not two large views.
    """

    centre: Tensor

    def __init__(
        self,
        encoder: VisionTransformer,
        out_dim: int = 65536,
        hidden_dim: int = 2048,
        bottleneck_dim: int = 256,
        student_temp: float = 0.1,
        teacher_temp: float = 0.04,
        momentum: float = 0.996,
        centre_momentum: float = 0.9,
    ) -> None:
        super().__init__()
        if encoder.config.num_classes:
            raise ValueError(
                f"the encoder has a head of {encoder.config.num_classes} classes; build it with num_classes=0"
            )
        if student_temp <= 0 or teacher_temp <= 0:
            raise ValueError(
                f"the temperatures are {student_temp} (student) and {teacher_temp} (teacher); both must be above 0"
            )
        self.student_temp, self.teacher_temp = student_temp, teacher_temp
        self.momentum, self.centre_momentum = momentum, centre_momentum
        self.encoder, self.head = encoder, DINOHead(encoder.config.embed_dim, hidden_dim, bottleneck_dim, out_dim)
        encoder.patch_embed.strict_img_size = False
        self.teacher, self.teacher_head = follower(self.encoder), follower(self.head)
        self.register_buffer("centre", torch.zeros(out_dim))
        self._seen: list[Tensor] = []  # the mean of the teacher's logits in each part of this step's batch
        self._count: list[int] = []

    def forward(self, views: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        large = views["large"]
        if large.ndim != 5 or large.shape[1] != 2:
            raise ValueError(f"the large views must be [B, 2, C, H, W], two an image, got {list(large.shape)}")
        tokens = [features(self.encoder, large)] + [features(self.encoder, views[k]) for k in ("small",) if k in views]
        student = self.head(torch.cat(tokens, dim=1)).float()  # [B, 2 + V, K]
        with torch.no_grad():
            teacher = self.teacher_head(features(self.teacher, large)).float()  # [B, 2, K]
            p = ((teacher - self.centre) / self.teacher_temp).softmax(-1)
        if self.training:
            self._seen.append(teacher.mean((0, 1)))
            self._count.append(len(teacher))
        return (student / self.student_temp).log_softmax(-1), p

    def loss(self, views: Mapping[str, Tensor]) -> Tensor:
        """The cross-entropy between views, a scalar."""
        return view_cross_entropy(*self(views))

    @torch.no_grad()
    def after_step(self, step: int, total_steps: int) -> None:
        """Move the teacher and the centre. The training loop calls it when the student's weights have changed."""
        momentum = cosine_momentum(self.momentum, step, total_steps)
        follow(self.teacher, self.encoder, momentum)
        follow(self.teacher_head, self.head, momentum)
        if not self._count:  # no step was taken in training mode
            return
        weights = torch.tensor(self._count, device=self.centre.device) / sum(self._count)
        mean = (torch.stack(self._seen) * weights[:, None]).sum(0)
        if dist.is_initialized():
            dist.all_reduce(mean)
            mean /= dist.get_world_size()
        self.centre.lerp_(mean, 1.0 - self.centre_momentum)
        self._seen, self._count = [], []

    def train(self, mode: bool = True) -> DINO:
        """As ever, but the teacher stays in evaluation mode: nothing in it is dropped by chance."""
        super().train(mode)
        self.teacher.eval()
        self.teacher_head.eval()
        return self


class DINOHead(nn.Module):
    """Features -> logits over K outputs: an MLP of three layers, a vector of length 1, and its cosine with K prototypes.

    The last layer is weight-normalised with all its lengths held at 1 (paper, section 3.1 and appendix C), which is a cosine.

    Shape:
        [..., D] -> [..., K], from -1 to 1.
    """

    def __init__(self, dim: int, hidden_dim: int = 2048, bottleneck_dim: int = 256, out_dim: int = 65536) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(dim, hidden_dim),
            nn.GELU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.GELU(),
            nn.Linear(hidden_dim, bottleneck_dim),
        )
        for module in self.mlp:
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        self.prototypes = nn.Parameter(torch.randn(out_dim, bottleneck_dim))

    def forward(self, features: Tensor) -> Tensor:
        return F.linear(F.normalize(self.mlp(features), dim=-1), F.normalize(self.prototypes, dim=-1))


def features(encoder: VisionTransformer, views: Tensor) -> Tensor:
    """One vector a view: [B, V, C, h, w] -> [B, V, D]."""
    return encoder(views.flatten(0, 1)).unflatten(0, views.shape[:2])


def view_cross_entropy(student: Tensor, teacher: Tensor) -> Tensor:
    """The mean of H(p_t(x), p_s(x')) = -sum_k p_t(x)_k log p_s(x')_k over the pairs of different views x, x' (Caron et al. 2021, equation 3).

    Args:
        student: log-probabilities [B, V, K]; its first views are the teacher's.
        teacher: probabilities [B, T, K], T <= V.

    Returns:
        A scalar, in nats.

    Raises:
        ValueError: the student has one view alone, so no pair is of two.
    """
    if student.shape[1] < 2:
        raise ValueError("there is one view an image, and the loss compares two; give at least two")
    pairs = -torch.einsum("btk,bvk->tv", teacher, student) / len(student)  # [T, V]
    same = torch.eye(*pairs.shape, dtype=torch.bool, device=pairs.device)
    return pairs[~same].mean()
