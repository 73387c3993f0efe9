"""The feed-forward network of a Transformer block: one small MLP, applied to every token alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def gelu(x: Tensor) -> Tensor:
    """GELU(x) = x Phi(x), with Phi the distribution function of the standard normal (Hendrycks and Gimpel 2016).

    Phi(x) = (1 + erf(x / sqrt(2))) / 2. This is the exact form, which ViT uses; the tanh approximation differs by up to 5e-4.
    """
    return x * 0.5 * (1.0 + torch.erf(x / 2.0**0.5))


class FeedForward(nn.Module):
    """FFN(x) = W_2 GELU(W_1 x + b_1) + b_2, the same for every token (Vaswani et al. 2017, section 3.3; GELU as in ViT).

    Args:
        dim: width D of a token.
        hidden_dim: width of the hidden layer, 4 D in the named sizes.
        drop_rate: dropout probability after each linear map, 0 to 1.

    Shape:
        [..., D] -> [..., D]. Parameters: 2 D hidden + hidden + D.
    """

    def __init__(self, dim: int, hidden_dim: int, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, dim)
        self.drop = nn.Dropout(drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.fc2(self.drop(nn.functional.gelu(self.fc1(x)))))
