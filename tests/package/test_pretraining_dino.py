"""DINO: what teacher, centre and loss are, against the paper's definitions and torch's own weight normalisation."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from vit_tutorial.positions import resize_pos_embed
from vit_tutorial.pretraining import DINO, DINOHead, view_cross_entropy
from vit_tutorial.pretraining.momentum import cosine_momentum, follow
from vit_tutorial.vit import VisionTransformer, ViTConfig

CONFIG = ViTConfig(img_size=8, patch_size=2, in_chans=1, num_classes=0, embed_dim=16, depth=2, num_heads=2)
K = 12


def dino(**settings) -> DINO:
    torch.manual_seed(0)
    model = DINO(VisionTransformer(CONFIG), out_dim=K, hidden_dim=8, bottleneck_dim=6, **settings)
    with torch.no_grad():
        for p in [*model.encoder.parameters(), *model.head.parameters()]:
            p += 0.1 * torch.randn_like(p)  # no zero hides a mistake; and the student has left its teacher
    return model


def views(batch: int = 3, small: int = 2) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    found = {"large": torch.randn(batch, 2, 1, 8, 8, generator=random)}
    return found | ({"small": torch.randn(batch, small, 1, 4, 4, generator=random)} if small else {})


# The loss


def test_the_loss_is_the_mean_over_all_pairs_of_different_views_written_as_loops() -> None:
    model, x = dino(), views()
    model.centre.normal_()
    student, teacher = model(x)
    total, pairs = torch.zeros(()), 0
    for t in range(2):
        for v in range(4):
            if v != t:
                total, pairs = total - (teacher[:, t] * student[:, v]).sum(-1).mean(), pairs + 1
    assert pairs == 6
    assert_close(model.loss(x), total / pairs)


def test_the_teacher_is_centred_and_sharpened_and_the_student_only_softened() -> None:
    model, x = dino(student_temp=0.2, teacher_temp=0.05), views(small=0)
    model.centre.normal_()
    student, teacher = model(x)
    flat = x["large"].flatten(0, 1)
    logits = model.head(model.encoder(flat)), model.teacher_head(model.teacher(flat))
    assert_close(student.flatten(0, 1), F.log_softmax(logits[0] / 0.2, dim=-1))
    assert_close(teacher.flatten(0, 1), F.softmax((logits[1] - model.centre) / 0.05, dim=-1))


def test_cross_entropy_of_equal_views_is_their_entropy() -> None:
    p = torch.randn(5, 2, K).softmax(-1)
    p = p[:, :1].expand(-1, 2, -1)  # both views alike
    assert_close(view_cross_entropy(p.log(), p), -(p * p.log()).sum(-1).mean())


@pytest.mark.parametrize(
    ("settings", "message"), [({"student_temp": 0.0}, "temperatures are 0.0"), ({"teacher_temp": -1.0}, "above 0")]
)
def test_a_temperature_of_nought_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dino(**settings)


def test_views_of_the_wrong_number_and_an_encoder_with_a_head_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \[B, 2, C, H, W\].*got \[3, 1, 1, 8, 8\]"):
        dino()({"large": views()["large"][:, :1]})
    with pytest.raises(ValueError, match="give at least two"):
        view_cross_entropy(torch.zeros(3, 1, K), torch.zeros(3, 1, K))
    with pytest.raises(ValueError, match="num_classes=0"):
        DINO(VisionTransformer(ViTConfig(img_size=8, patch_size=2, embed_dim=8, depth=1, num_heads=2)))


# The teacher


def test_no_gradient_reaches_the_teacher_and_all_of_it_but_the_unused_reaches_the_student() -> None:
    model = dino()
    model.loss(views()).backward()
    assert all(p.grad is None for part in (model.teacher, model.teacher_head) for p in part.parameters())
    assert all(p.grad is not None for part in (model.encoder, model.head) for p in part.parameters())


def test_the_teacher_moves_by_its_momentum_and_not_during_the_step() -> None:
    model = dino(momentum=0.9).train()
    before = copy.deepcopy(model.teacher.state_dict())
    model.loss(views())
    assert all(torch.equal(value, before[name]) for name, value in model.teacher.state_dict().items())
    model.after_step(0, 10)
    student = model.encoder.state_dict()
    for name, value in model.teacher.state_dict().items():
        assert_close(value, 0.9 * before[name] + 0.1 * student[name])


def test_momentum_rises_along_a_cosine_from_its_start_to_one() -> None:
    m = [cosine_momentum(0.996, step, 100) for step in range(101)]
    assert m[0] == pytest.approx(0.996)
    assert m[50] == pytest.approx(0.998)
    assert m[100] == 1.0
    assert m == sorted(m)
    assert m[25] == pytest.approx(1 - 0.004 * (1 + math.sqrt(0.5)) / 2)


def test_a_teacher_in_eight_bits_would_stand_still_and_is_refused() -> None:
    student, teacher = nn.Linear(4, 4), nn.Linear(4, 4).to(torch.bfloat16)
    moved = teacher.weight.detach().lerp(student.weight.detach().bfloat16(), 1 - 0.9999)
    assert torch.equal(moved, teacher.weight.detach())  # why
    with pytest.raises(ValueError, match=r"torch\.bfloat16.*float32"):
        follow(teacher, student, 0.99)
    with pytest.raises(ValueError, match=r"momentum is 1\.5"):
        follow(nn.Linear(4, 4), student, 1.5)


def test_nothing_in_the_teacher_is_dropped_by_chance() -> None:
    torch.manual_seed(0)
    encoder = VisionTransformer(ViTConfig.from_dict({**CONFIG.to_dict(), "drop_path_rate": 0.9}))
    model = DINO(encoder, out_dim=K, hidden_dim=8, bottleneck_dim=6).train()
    x = views(batch=8, small=0)
    (first, teacher), (second, again) = model(x), model(x)
    assert torch.equal(teacher, again)
    assert not torch.equal(first, second)


# The centre


def test_the_loss_is_that_of_the_centre_before_and_after_the_step_it_has_moved() -> None:
    model, x = dino(centre_momentum=0.7).train(), views()
    old = torch.randn(K)
    model.centre.copy_(old)
    loss = model.loss(x)
    assert torch.equal(model.centre, old)
    logits = model.teacher_head(model.teacher(x["large"].flatten(0, 1)))
    again = model.eval().loss(x)
    assert_close(loss, again)
    model.train().after_step(0, 10)
    assert_close(model.centre, 0.7 * old + 0.3 * logits.mean(0))


def test_looking_moves_no_centre() -> None:
    model = dino().eval()
    model.loss(views())
    model.after_step(0, 10)
    assert torch.equal(model.centre, torch.zeros(K))


def test_a_batch_in_unequal_parts_moves_the_centre_as_the_whole_batch() -> None:
    x, centres = views(batch=5), []
    for parts in ((5,), (2, 3), (4, 1)):
        model = dino().train()
        for part in x["large"].split(parts):
            model({"large": part})
        model.after_step(0, 10)
        centres.append(model.centre)
    assert_close(centres[1], centres[0])
    assert_close(centres[2], centres[0])


# Head and sizes


def test_the_last_layer_is_torchs_weight_norm_with_all_lengths_at_one() -> None:
    head = DINOHead(16, hidden_dim=8, bottleneck_dim=6, out_dim=K)
    last = nn.utils.parametrizations.weight_norm(nn.Linear(6, K, bias=False))
    with torch.no_grad():
        last.parametrizations.weight.original0.fill_(1.0)
        last.parametrizations.weight.original1.copy_(head.prototypes)
    last.parametrizations.weight.original0.requires_grad_(False)
    x = torch.randn(4, 16)
    here, there = head(x), last(F.normalize(head.mlp(x), dim=-1))
    assert_close(here, there)
    assert here.abs().max() <= 1 + 1e-6
    weights = torch.randn(4, K)
    (here * weights).sum().backward()
    (there * weights).sum().backward()
    assert_close(head.prototypes.grad, last.parametrizations.weight.original1.grad)


@pytest.mark.parametrize("positions", ["learned", "sincos2d"])
def test_a_small_view_is_what_an_encoder_of_that_size_with_resized_positions_gives(positions: str) -> None:
    torch.manual_seed(0)
    encoder = VisionTransformer(ViTConfig.from_dict({**CONFIG.to_dict(), "pos_embed": positions}))
    small = copy.deepcopy(encoder)
    small.set_input_size(4)
    x = torch.randn(2, 1, 4, 4)
    with pytest.raises(ValueError, match="8x8"):
        encoder(x)
    encoder.patch_embed.strict_img_size = False
    assert_close(encoder(x), small(x))
    with pytest.raises(ValueError, match="not divisible by patch size 2"):
        encoder(torch.randn(2, 1, 5, 4))
    if positions == "learned":  # and the gradient goes through the resizing
        (gradient,) = torch.autograd.grad(encoder(x).sum(), encoder.pos_embed)
        assert gradient.abs().sum() > 0
        assert_close(small.pos_embed.detach(), resize_pos_embed(encoder.pos_embed, (4, 4), (2, 2)).detach())
