"""`vit-tutorial doctor --measure`: prediction and measurement, side by side."""

from __future__ import annotations

import pytest

from vit_tutorial.cli import measure
from vit_tutorial.cost import Step
from vit_tutorial.vit import ViTConfig

TINY = {"tiny": ViTConfig(img_size=16, patch_size=4, num_classes=3, embed_dim=32, depth=2, num_heads=2)}
CASES = (("tiny", Step(2)), ("tiny", Step(2, precision="bf16")))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MODELS", TINY)


def test_each_model_has_a_line_with_both_ratios(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure, "measure_peak", lambda *_: 3 * 2**20)
    measure.print_measured("cpu", CASES, rounds=1)
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if line.startswith("tiny")]
    assert len(lines) == 2
    assert "bf16 explicit" in lines[1]  # what a processor really does
    assert all(float(line.split()[-1]) > 0 for line in lines)
    assert "reached in fp32: " in out
    assert "reached in bf16: " in out
    assert "memory: within" in out


def test_where_the_system_does_not_say_what_a_process_holds_time_is_measured_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure, "measure_peak", lambda *_: None)
    measure.print_measured("cpu", CASES[:1], rounds=1)
    out = capsys.readouterr().out
    assert "the system does not say" in out
    assert "time: within" in out
    assert "memory: within" not in out


def test_the_cases_are_at_least_six_and_of_both_precisions_and_paths() -> None:
    assert len(measure.CASES) >= 6
    assert {step.precision for _, step in measure.CASES} == {"fp32", "bf16"}
    assert {step.attention for _, step in measure.CASES} == {"fused", "explicit"}
