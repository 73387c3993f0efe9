"""The twelve mistakes of the bug hunt: what the right script says, what the wrong one says, and three hints to each.

Each is one that people make, and each is silent: the script runs, learns and reports an accuracy. The right script is `script.py`; a wrong one
exists only as its text with some of these changes made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("script.py")


@dataclass(frozen=True)
class Bug:
    """One mistake.

    Fields:
        name: short, for tables.
        test: the sentence that holds in the right script; what the reader is told.
        right, wrong: lines of the right script, which occur there once, and what the wrong one has in their place.
        where, measure, answer: the three hints, each says more than the one before.
    """

    name: str
    test: str
    right: str
    wrong: str
    where: str
    measure: str
    answer: str


BUGS = (
    Bug(
        "patches",
        "Every pixel of an image reaches the tokens",
        "PATCH, WIDTH, HEADS, LAYERS, CLASSES = 2, 32, 4, 2, 10",
        "PATCH, WIDTH, HEADS, LAYERS, CLASSES = 3, 32, 4, 2, 10",
        "Between the image and its tokens.",
        "The gradient of the tokens at the pixels, as a picture. Where is it zero?",
        "3 does not divide 8: the convolution leaves out the last two rows and columns without a word. 1, 2, 4 and 8 divide.",
    ),
    Bug(
        "heads",
        "Attention treats tokens alike: shuffle them, and its outputs are shuffled",
        "return x.reshape(B, N, self.heads, D // self.heads).transpose(1, 2)",
        "return x.reshape(B, self.heads, N, D // self.heads)",
        "In the attention, before any score is computed.",
        "Number the entries of a small x [1, 3, 4], split it among 2 heads, and look for token 0 of head 1.",
        "A reshape keeps the order of the numbers, so a head gets all channels of some tokens. First [B, N, h, d], then exchange N and h.",
    ),
    Bug(
        "scale",
        "One head gives what torch's scaled dot-product attention gives",
        "scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # [B, h, N, N]",
        "scores = q @ k.transpose(-2, -1)  # [B, h, N, N]",
        "In the attention, among the scores.",
        "The variance of the scores when queries and keys are random with variance 1, for d = 8 and for d = 64.",
        "The sum of d products has d times the variance of one, and the softmax saturates. Divide the scores by the root of d.",
    ),
    Bug(
        "positions",
        "Two equal patches at two places are two different things to the first block",
        "self.pos_embed = nn.Parameter(0.5 * torch.randn(1, 1 + N, WIDTH))",
        "self.pos_embed = torch.sin(0.5 * torch.arange(1 + N))[None, :, None]  # [1, 1 + N, 1]",
        "Where tokens are told their places.",
        "Shuffle the patches of an image. Do the logits change? Then look at what the first LayerNorm makes of the positions.",
        "One number for all channels of a token is its mean, and LayerNorm takes the mean away. A place needs a vector: here a learned one.",
    ),
    Bug(
        "class token",
        "Without blocks the answer is that of the class token, whatever the image",
        "z = torch.cat([cls, x], dim=1) + self.pos_embed",
        "z = torch.cat([x, cls], dim=1) + self.pos_embed",
        "Where the tokens of an image are put in a row, and where one of them is read.",
        "Take all blocks away. Does the answer still depend on the image?",
        "The head reads token 0, which is the first patch: the class token stands at the end. Put it in front.",
    ),
    Bug(
        "softmax twice",
        "A sure and right answer costs nothing",
        "return F.cross_entropy(logits, labels)",
        "return F.cross_entropy(logits.softmax(dim=-1), labels)",
        "In the loss.",
        "The loss of the logits [20, 0, 0, ...] when class 0 is right.",
        "F.cross_entropy takes logits and applies a log-softmax itself. After a softmax of ours they lie in 0..1, and the loss cannot fall below 1.46.",
    ),
    Bug(
        "zero_grad",
        "The gradient of a step is that of its batch alone",
        "    optimizer.zero_grad()\n    loss.backward()",
        "    loss.backward()",
        "In one step of training.",
        "The gradient of the same batch in two steps at a learning rate of 0.",
        "backward() adds to what is there, and nobody clears it. optimizer.zero_grad() belongs before loss.backward().",
    ),
    Bug(
        "schedule",
        "The learning rate reaches its peak and ends near 0",
        "            scheduler.step()\n        score = accuracy(model, splits.val)",
        "        scheduler.step()\n        score = accuracy(model, splits.val)",
        "In the loop over epochs.",
        "The learning rate of every step, as a curve.",
        "The schedule counts steps and is told of epochs: it never leaves the warm-up. scheduler.step() belongs into the inner loop.",
    ),
    Bug(
        "biases",
        "The optimiser has every weight that the loss depends on",
        "if p.ndim <= 1]",
        "if p.ndim < 1]",
        "Where the optimiser is made.",
        "How many numbers the optimiser has, and how many the model.",
        "No parameter has fewer than one dimension, so the second group is empty: biases and the gains of LayerNorm stay as they were drawn. <= 1.",
    ),
    Bug(
        "train mode",
        "A model is evaluated in evaluation mode",
        "    model.eval()\n    logits",
        "    logits",
        "Where the accuracy is computed.",
        "The accuracy of one model on one split, several times.",
        "Dropout is still on. model.eval() belongs before the images go through the model; the loop turns it back.",
    ),
    Bug(
        "best weights",
        "What comes back are the weights of the best epoch",
        "best, best_weights = score, copy.deepcopy(model.state_dict())",
        "best, best_weights = score, model.state_dict()",
        "Where the best weights are kept.",
        "The validation accuracy of the model that comes back, beside the best one of the epochs.",
        "state_dict() refers to the tensors that training goes on changing: the best weights are always the last. Keep a copy.",
    ),
    Bug(
        "training split",
        "The number that is reported is that of the test split",
        "return accuracy(model, splits.test)",
        "return accuracy(model, splits.train)",
        "Where the number comes from.",
        "The number that is reported when all labels of the training split are shuffled.",
        "The accuracy is that of images that were learned. Report the test split's.",
    ),
)


def right_source() -> str:
    """The text of the right script."""
    return SCRIPT.read_text(encoding="utf-8")


def wrong_source(names: Iterable[str] | None = None) -> str:
    """The script with these bugs in it; with all of them if none is named.

    Raises:
        ValueError: there is no bug of such a name.
    """
    chosen = [bug.name for bug in BUGS] if names is None else list(names)
    for name in chosen:
        if name not in {bug.name for bug in BUGS}:
            raise ValueError(f"there is no bug {name!r}; there are: {', '.join(bug.name for bug in BUGS)}")
    source = right_source()
    for bug in BUGS:
        if bug.name in chosen:
            source = source.replace(bug.right, bug.wrong)
    return source
