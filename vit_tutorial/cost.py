"""What a ViT costs before it is run: parameters, floating-point operations, memory and time of a training step, by formula.

With N tokens an image (patches and prefix), width D, hidden width rD, h heads and L blocks, a batch of B images has

    parameters     about (4 + 2r) D^2 a block
    operations     (8 + 4r) D^2 a token and block for the linear maps, 4 N D for attention's two products; a training step takes three times that
    saved numbers  (8 + 2r) D a token and block, and h N more where attention is written out

Counted are the operations that `torch.utils.flop_counter` counts (a multiplication and an addition are two) and the tensors that autograd keeps
for the backward pass. Left out are dropout and patch dropout. Chapter 7.1 derives every term and holds it against what torch does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vit_tutorial.patches import pair
from vit_tutorial.vit import ViTConfig

Precision = Literal["fp32", "bf16"]
Path = Literal["fused", "explicit"]
FP32, BF16 = 4, 2  # bytes a number
OPTIMIZERS = {"sgd": 1, "adam": 2, "adamw": 2, "muon": 1}  # numbers kept for each one that the optimiser moves


@dataclass(frozen=True)
class Step:
    """How a step is computed: images a batch, number format, path of the attention, optimiser.

    Raises:
        ValueError: a word is unknown, or there is no image.
    """

    batch_size: int
    precision: Precision = "fp32"
    attention: Path = "fused"
    optimizer: str = "adamw"

    def __post_init__(self) -> None:
        for name, known in (
            ("precision", ("fp32", "bf16")),
            ("attention", ("fused", "explicit")),
            ("optimizer", tuple(OPTIMIZERS)),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(known)}")
        if self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size}; a step needs at least 1 image")


def tokens(config: ViTConfig) -> int:
    """N: the patches of an image, and class and register tokens."""
    height, width = pair(config.img_size)
    return (height // config.patch_size) * (width // config.patch_size) + int(config.class_token) + config.reg_tokens


def parameters(config: ViTConfig) -> dict[str, int]:
    """Numbers that training changes, by part; their sum is `count_parameters` of the model."""
    D, hidden = config.embed_dim, hidden_width(config)
    prefix = int(config.class_token) + config.reg_tokens
    on_patches = config.no_embed_class
    places = (tokens(config) - prefix * on_patches) if config.pos_embed == "learned" else 0
    scales = 2 * D if config.init_values is not None else 0
    return {
        "embedding": D * (config.in_chans * config.patch_size**2 + 1) + (prefix + places) * D,
        "attention": config.depth * (4 * D * D + D + 3 * D * config.qkv_bias),
        "feed-forward": config.depth * (2 * D * hidden + hidden + D),
        "norms": config.depth * (4 * D + scales) + 2 * D,
        "head": (D + 1) * config.num_classes,
    }


def flops(config: ViTConfig, batch_size: int, training: bool = False) -> dict[str, int]:
    """Floating-point operations of the matrix products, by part; a multiplication and an addition count as two.

    A backward pass has two products for each one of the forward pass, one for the input's gradient and one for the weights'; the images
    need no gradient, so the embedding has one.
    """
    N, D, hidden = tokens(config), config.embed_dim, hidden_width(config)
    patches = N - int(config.class_token) - config.reg_tokens
    each = {
        "embedding": 2 * patches * D * config.in_chans * config.patch_size**2,
        "linear maps": config.depth * N * (8 * D * D + 4 * D * hidden),
        "attention": config.depth * 4 * N * N * D,
        "head": 2 * D * config.num_classes,
    }
    times = {"embedding": 2} if training else {}
    return {part: batch_size * count * times.get(part, 3 if training else 1) for part, count in each.items()}


def saved(config: ViTConfig, step: Step) -> dict[str, int]:
    """Bytes that autograd keeps between the forward and the backward pass, by part, without parameters and images.

    Under bf16 autocast the residual stream, which the norms read, stays in float32; what goes through a linear map is kept in bfloat16, and
    so are copies of every weight matrix and of the images in bfloat16.

    Raises:
        ValueError: the configuration has dropout or patch dropout, which are not counted.
    """
    for name in ("drop_rate", "patch_drop_rate"):
        if getattr(config, name):
            raise ValueError(
                f"{name} is {getattr(config, name)}, which the formula leaves out; give the configuration with {name}=0"
            )
    B, N, D, L, h = step.batch_size, tokens(config), config.embed_dim, config.depth, config.num_heads
    narrow = BF16 if step.precision == "bf16" else FP32
    rows = B * N
    average = config.global_pool == "avg"
    last = (
        B * D * (FP32 + narrow) if average else rows * D * FP32 + (B * D * BF16 if narrow == BF16 else rows * D * FP32)
    )
    parts = {
        "norms' inputs": L * rows * 2 * D * FP32 + L * rows * 4 * FP32,  # and mean and deviation of each token
        "maps' inputs": L * rows * 2 * D * narrow,  # what the norms gave to queries, keys and values and to the FFN
        "attention": L * rows * 4 * D * narrow,  # queries, keys, values, and what was mixed
        "feed-forward": L * rows * 2 * hidden_width(config) * narrow,  # before and after the GELU
        "attention, N x N": L * rows * h * (N * narrow if step.attention == "explicit" else FP32),
        "last norm and logits": last + 2 * FP32 * (B if average else rows) + B * config.num_classes * FP32,
    }
    if config.init_values is not None:
        parts["layer scale"] = L * rows * 2 * D * narrow
    if step.precision == "bf16":
        height, width = pair(config.img_size)
        parts["bf16 copies"] = (matrices(config) + B * config.in_chans * height * width) * BF16  # of weights and images
    return parts


def memory(config: ViTConfig, step: Step) -> dict[str, int]:
    """Bytes of a training step, by part. What is held at one time is :func:`peak`."""
    P = sum(parameters(config).values())
    height, width = pair(config.img_size)
    return {
        "weights": FP32 * P,
        "gradients": FP32 * P,
        "optimiser": FP32 * optimizer_numbers(config, step.optimizer),
        "activations": sum(saved(config, step).values()),
        "workspace": workspace(config, step),
        "images": step.batch_size * config.in_chans * height * width * FP32,
    }


def peak(parts: dict[str, int], accumulating: bool = False) -> int:
    """Bytes at the fullest moment of a step: activations go while gradients come, so only the larger of the two counts.

    Args:
        parts: of :func:`memory`.
        accumulating: gradients of an earlier batch are there all the time, as while they are summed over several batches.
    """
    most = max(parts["activations"], parts["gradients"])
    both = parts["activations"] + parts["gradients"]
    return (
        parts["weights"]
        + parts["optimiser"]
        + parts["workspace"]
        + parts["images"]
        + parts.get("gathered", 0)
        + (both if accumulating else most)
    )


def per_process(config: ViTConfig, step: Step, processes: int, divided: bool) -> dict[str, int]:
    """Bytes of a step in one of several processes, by part; `step.batch_size` are the images of that process.

    With DDP each holds what one alone would. Divided (FSDP2) it holds an n-th of weights, gradients and moments, and beside it what is gathered at
    a time: the last unit (embedding, norms, head) all along, of the blocks' halves the one at work, the next one, and the gradient of one.
    """
    parts = memory(config, step)
    if not divided or processes == 1:
        return parts
    for name in ("weights", "gradients", "optimiser"):
        parts[name] = -(-parts[name] // processes)
    narrow = BF16 if step.precision == "bf16" else FP32
    numbers, L = parameters(config), config.depth
    last = sum(numbers.values()) - numbers["attention"] - numbers["feed-forward"]
    parts["gathered"] = FP32 * last + 3 * narrow * max(numbers["attention"], numbers["feed-forward"]) // L
    return parts


def sent(config: ViTConfig, processes: int, divided: bool, precision: Precision = "fp32") -> dict[str, float]:
    """Bytes that a process sends in a step, and receives as many, where collectives go round a ring of n.

    Gathering or summing a tensor of S bytes sends (n - 1)/n S; an all-reduce is both. DDP all-reduces the gradients. FSDP2 gathers the weights
    for the forward and again for the backward pass, the blocks' matrices in the format of the products, and sums the gradients in float32.
    """
    P, numbers = sum(parameters(config).values()), parameters(config)
    ring = (processes - 1) / processes
    if not divided:
        return {"gradients": 2 * ring * FP32 * P}
    of_blocks = numbers["attention"] + numbers["feed-forward"]
    weights = FP32 * (P - of_blocks) + (BF16 if precision == "bf16" else FP32) * of_blocks
    return {"weights": 2 * ring * weights, "gradients": ring * FP32 * P}


def inference_peak(config: ViTConfig, step: Step) -> int:
    """Bytes while a batch goes forward and nothing is kept: weights, images, and the widest place of one block."""
    B, N, D = step.batch_size, tokens(config), config.embed_dim
    parts = memory(config, step)
    narrow = BF16 if step.precision == "bf16" else FP32
    copies = matrices(config) * BF16 if step.precision == "bf16" else 0
    wide = B * N * (D * (FP32 + narrow) + 2 * hidden_width(config) * narrow)
    square = (
        B * N * (D * (FP32 + 4 * narrow) + 2 * config.num_heads * N * narrow) if step.attention == "explicit" else 0
    )
    return parts["weights"] + copies + parts["images"] + max(wide, square)


def workspace(config: ViTConfig, step: Step) -> int:
    """Bytes that the backward pass needs beside what was saved, at its fullest: in the last block, where nothing saved has gone yet.

    The FFN holds the residual stream's gradient and that of its hidden layer. Attention written out holds two gradients of N x N a head, at
    a time when the FFN's part has been freed.
    """
    rows, D, hidden = step.batch_size * tokens(config), config.embed_dim, hidden_width(config)
    narrow = BF16 if step.precision == "bf16" else FP32
    of_ffn = rows * (D * FP32 + hidden * narrow)
    if step.attention == "fused":
        return of_ffn
    freed = rows * (D * FP32 + (D + 2 * hidden) * narrow)
    return max(of_ffn, rows * (D * FP32 + 2 * config.num_heads * tokens(config) * narrow) - freed)


def traffic(config: ViTConfig, step: Step) -> int:
    """Bytes that the elementwise parts of a training step read and write: norms, GELU, sums, bias gradients, the optimiser.

    In tensors of one D a token and block: norms 2 (2 + 3), sums 2 (3 + 3), GELU (2 + 3) r, gradients of biases 5 + r, joining the gradients of
    queries, keys and values 6; for attention written out 9 of h N. AdamW reads four numbers a parameter and writes three.
    """
    rows, D, L = step.batch_size * tokens(config), config.embed_dim, config.depth
    narrow = BF16 if step.precision == "bf16" else FP32
    P, kept = sum(parameters(config).values()), optimizer_numbers(config, step.optimizer)
    stream = rows * L * D * 22 * FP32
    inside = rows * L * (11 * D + 6 * hidden_width(config)) * narrow
    square = rows * L * 9 * config.num_heads * tokens(config) * narrow if step.attention == "explicit" else 0
    return stream + inside + square + FP32 * (3 * P + 2 * kept)


@dataclass(frozen=True)
class Rates:
    """What a device reaches, in one number format: operations a second in linear maps and in attention, bytes a second elementwise."""

    linear: float
    attention: float
    bandwidth: float


def seconds(config: ViTConfig, step: Step, rates: Rates) -> dict[str, float]:
    """Time of a training step, by what it is spent on: products at the rate of products, everything else at the speed of memory."""
    work = flops(config, step.batch_size, training=True)
    attention = work.pop("attention")
    return {
        "linear maps": sum(work.values()) / rates.linear,
        "attention": attention / rates.attention,
        "elementwise": traffic(config, step) / rates.bandwidth,
    }


def hidden_width(config: ViTConfig) -> int:
    """Width of the FFN's hidden layer."""
    return int(config.embed_dim * config.mlp_ratio)


def matrices(config: ViTConfig) -> int:
    """Numbers in the weights of linear maps, without biases; autocast converts these."""
    D, hidden = config.embed_dim, hidden_width(config)
    blocks = config.depth * (4 * D * D + 2 * D * hidden)
    return blocks + D * config.in_chans * config.patch_size**2 + D * config.num_classes


def optimizer_numbers(config: ViTConfig, optimizer: str) -> int:
    """Numbers that the optimiser keeps: momentum, and for AdamW the mean square, too. Muon has it for the blocks' matrices only one."""
    P = sum(parameters(config).values())
    if optimizer != "muon":
        return OPTIMIZERS[optimizer] * P
    D = config.embed_dim
    hidden = config.depth * (4 * D * D + 2 * D * hidden_width(config))
    return hidden + 2 * (P - hidden)
