"""The benchmark of pre-training compares what it says it compares, and is quick enough to be tried."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers")

from benchmarks import pretraining

QUICK = ["--size=32", "--dim=24", "--depth=1", "--batch=2", "--rounds=2", "--decoder-dim=12", "--decoder-heads=1"]


def test_a_hidden_patch_saves_work_and_a_second_view_costs_it(capsys: pytest.CaptureFixture[str]) -> None:
    rows = pretraining.main(QUICK)
    assert rows[pretraining.BASELINE]["ratio"] == 1
    assert {*rows} > {pretraining.OURS, pretraining.THEIRS}
    assert all(row["ratio"] > 0 for row in rows.values())
    assert "masked autoencoder" in capsys.readouterr().out
