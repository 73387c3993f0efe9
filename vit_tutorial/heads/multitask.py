"""Several tasks on one encoder: a linear head each, on the same tokens or on a token of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_tutorial.config import Config, setting
from vit_tutorial.vit import VisionTransformer

Kind = Literal["class", "labels", "numbers", "mask"]
KINDS: tuple[Kind, ...] = ("class", "labels", "numbers", "mask")
RESERVED = ("task_weights", "shared")  # what a model in training gives beside its answers


@dataclass(frozen=True)
class Output:
    """What one task asks of an image.

    kind        answer of the model      target, and how a missing one is written
    class       logits [B, K]            class number [B]; -1
    labels      logits [B, K]            yes (1) or no (0) to each of K questions [B, K]; -1
    numbers     numbers [B, K]           float [B, K], in units of their own; NaN
    mask        logits [B, K, h, w]      class of each pixel [B, H, W]; 255

    Fields:
        kind: one of these four.
        names: of the K classes, questions or numbers.
        mean, std: of each number, K each; the model answers in (y - mean) / std. Empty for other kinds.

    Raises:
        ValueError: an unknown kind, or no name.
    """

    kind: Kind
    names: tuple[str, ...]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; it must be one of {', '.join(KINDS)}")
        if not self.names:
            raise ValueError(f"a task of the kind {self.kind} needs at least one name: of a class, question or number")

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it; the inverse of ``Output.from_dict``."""
        return {"kind": self.kind, "names": list(self.names), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Output:
        """What :meth:`to_dict` gave."""
        return cls(fields["kind"], *(tuple(fields[name]) for name in ("names", "mean", "std")))


@dataclass(frozen=True)
class MultiTaskConfig(Config):
    """How several tasks share a model: the field ``multitask`` of a recipe."""

    weights: dict[str, Any] = setting(  # noqa: RUF009 - it is copied
        {},
        "the tasks that are learned, each with the weight of its loss, as in {mask: 1, count: 0.5}; none for all with 1",
    )
    weighting: Literal["fixed", "uncertainty", "gradnorm"] = setting(
        "fixed",
        "the weights as they are, or learned by uncertainty (Kendall et al. 2018) or gradient norms (Chen et al. 2018)",
    )
    alpha: float = setting(1.5, "gradnorm: how strongly a task that lags behind is favoured", "[0, inf)")
    own_tokens: bool = setting(False, "each task that is no mask reads a token of its own, not the same one")
    cells: int = setting(1, "answers in each direction of a patch that a mask's head gives", "[1, inf)")
    labelled: dict[str, Any] = setting(  # noqa: RUF009 - it is copied
        {}, "share of the training images that keep their label of a task, as in {mask: 0.02}; 1 where nothing is said"
    )
    kinds: dict[str, Any] = setting(  # noqa: RUF009 - it is copied
        {}, "of a table of one's own: the kind of each task, class, labels, numbers or mask, as in {count: class}"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for field, low, allowed in (("weights", 0.0, "0 or more"), ("labelled", 1e-9, "above 0 and at most 1")):
            for name, value in getattr(self, field).items():
                high = 1.0 if field == "labelled" else float("inf")
                if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                    raise ValueError(f"{field}.{name} is {value!r}; it must be a number, {allowed}")
        if self.weights and not any(self.weights.values()):
            raise ValueError(
                f"weights is {self.weights}, so nothing would be learned; give at least one task more than 0"
            )
        for name, kind in self.kinds.items():
            if kind not in KINDS:
                raise ValueError(f"kinds.{name} is {kind!r}; it must be one of {', '.join(KINDS)}")
        if self.weighting != "fixed" and len(set(self.weights.values())) > 1:
            raise ValueError(
                f"weights is {self.weights}, but weighting {self.weighting} finds them itself; give all tasks the weight 1"
            )


class MultiTask(nn.Module):
    """One encoder, a linear head a task.

    A task about the image as a whole reads one vector: the pooled tokens, the same for all, or with ``own_tokens`` the class token
    or a register that no other task reads. A mask's head reads every patch token (see ``LinearSegmenter``).

    Args:
        encoder: any ViT; its own head is not used.
        outputs: what each task asks, by the task's name.
        own_tokens: task i of those that are no mask reads prefix token i; the encoder needs as many (``reg_tokens``).
        cells: answers in each direction of a patch that a mask's head gives.
        weighting: "uncertainty" and "gradnorm" have a number a task that is learned, ``task_weights`` [T]: log variances from 0,
            or weights from 1.

    Shape:
        [B, C, H, W] -> a dict of each task's answers (see `Output`; a mask's are scores of cells, [B, K, s*rows, s*columns]). In training
        with learned weights it holds ``task_weights`` as well, and for gradnorm ``shared``, the last matrix that all tasks share.

    Raises:
        ValueError: no task, a name that cannot be one, or fewer prefix tokens than tasks that want one.
    """

    def __init__(
        self,
        encoder: VisionTransformer,
        outputs: dict[str, Output],
        own_tokens: bool = False,
        cells: int = 1,
        weighting: str = "fixed",
    ) -> None:
        super().__init__()
        if not outputs:
            raise ValueError("a multi-task model needs at least one task")
        for name in outputs:
            if "." in name or not name or name in RESERVED:
                raise ValueError(
                    f"a task cannot be called {name!r}; choose a word without a dot, not {' or '.join(RESERVED)}"
                )
        self.encoder, self.outputs, self.own_tokens = encoder, dict(outputs), own_tokens
        self.cells, self.weighting = cells, weighting
        of_image = [name for name, output in outputs.items() if output.kind != "mask"]
        if own_tokens and encoder.num_prefix_tokens < len(of_image):
            raise ValueError(
                f"{len(of_image)} tasks want a token of their own ({', '.join(of_image)}), and the encoder has {encoder.num_prefix_tokens}; "
                f"set reg_tokens to {len(of_image) - int(encoder.config.class_token)}"
            )
        self.token_of = {name: i for i, name in enumerate(of_image)}
        D = encoder.config.embed_dim
        self.heads = nn.ModuleDict(
            {name: nn.Linear(D, len(o.names) * (cells**2 if o.kind == "mask" else 1)) for name, o in outputs.items()}
        )
        for head in self.heads.values():
            assert isinstance(head, nn.Linear)
            nn.init.trunc_normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        start = {"uncertainty": torch.zeros, "gradnorm": torch.ones}.get(weighting)
        self.task_weights = None if start is None else nn.Parameter(start(len(outputs)))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        tokens = self.encoder.forward_features(images)  # [B, prefix + N, D]
        answers = {name: self.answer(name, tokens) for name in self.outputs}
        if self.training and self.task_weights is not None:
            answers["task_weights"] = self.task_weights
            if self.weighting == "gradnorm":
                answers["shared"] = self.encoder.blocks[-1].mlp.fc2.weight  # type: ignore[union-attr, assignment]
        return answers

    def answer(self, name: str, tokens: Tensor) -> Tensor:
        """One task's answers from the encoder's tokens [B, prefix + N, D]."""
        encoder, head = self.encoder, self.heads[name]
        if self.outputs[name].kind == "mask":
            patches = encoder.fc_norm(tokens)[:, encoder.num_prefix_tokens :]  # [B, N, D]
            scores = head(patches).transpose(1, 2).unflatten(2, encoder.grid_size)  # [B, K*s*s, rows, columns]
            return F.pixel_shuffle(scores, self.cells)
        pooled = tokens[:, self.token_of[name]] if self.own_tokens else encoder.pool(tokens)
        return head(encoder.fc_norm(pooled))

    @torch.no_grad()
    def after_step(self, step: int, total_steps: int) -> None:
        """Gradnorm's weights, after a step: none below 0.01, and T together, so that they share out and do not grow (Chen et al. 2018)."""
        if self.weighting == "gradnorm" and self.task_weights is not None:
            self.task_weights.clamp_(min=0.01)
            self.task_weights.mul_(len(self.task_weights) / self.task_weights.sum())
