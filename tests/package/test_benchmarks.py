"""The benchmarks: equal models, ratios within rounds, and a record that is whole."""

from __future__ import annotations

import ast
import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import report
from benchmarks.__main__ import main
from benchmarks.libraries import QUICK, count_flops
from benchmarks.peers import MAKERS, OURS, check_equal, make_peers
from benchmarks.record import PEERS, read_records, write_record
from benchmarks.timing import compare, in_rounds
from vit_tutorial.training.environment import PACKAGE

CPU = torch.device("cpu")
COMPARED = {"median_s", "ratio", "ratio_iqr", "rounds"}
SCHEMA = {
    "record": {
        "name", "command", "device", "threads", "versions", "git_commit", "date", "settings", "libraries", "options", "loading", "left_out",
    },
    "libraries": {"model", "work", "precision", "config", "batch_size", "flops", "matrix_flops_per_s", "rows"},
    "row": COMPARED | {"parameters", "differs", "images_per_s", "mfu", "mfu_iqr", "step_bytes"},
    "options": COMPARED | {"option", "baseline", "what", "timed", "baseline_median_s"},
    "loading": {
        "recipe", "images", "batch_size", "workers", "threads", "steps", "load_share", "augment_share",
        "load_median_s", "augment_median_s", "compute_median_s",
    },
}  # fmt: skip


def assert_whole(record: dict[str, Any]) -> None:
    assert set(record) == SCHEMA["record"]
    assert set(PEERS) <= set(record["versions"])
    for part in ("libraries", "options", "loading"):
        assert record[part]
        for entry in record[part]:
            assert set(entry) == SCHEMA[part]
    for result in record["libraries"]:
        assert list(result["rows"]) == [OURS, *PEERS]
        for row in result["rows"].values():
            assert set(row) == SCHEMA["row"]
            assert row["images_per_s"] == pytest.approx(result["batch_size"] / row["median_s"])
        assert result["rows"][OURS]["ratio_iqr"] == [1, 1]
    assert {result["work"] for result in record["libraries"]} == {"training step", "inference"}


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """What the quick form measures."""
    threads = torch.get_num_threads()
    found = main(["--quick", "--device", "cpu"])
    assert torch.get_num_threads() == threads
    return found


def test_the_quick_form_gives_a_whole_record(record: dict[str, Any], tmp_path: Path) -> None:
    assert_whole(record)
    write_record(record, tmp_path)
    assert read_records(tmp_path) == [json.loads(json.dumps(record))]


def test_what_is_printed_names_every_library_choice_and_recipe(record: dict[str, Any]) -> None:
    printed = report.text(record)
    for name in (OURS, *PEERS, "bfloat16 autocast", "for-loop AdamW", "each image, 2 workers", "image_folder"):
        assert name in printed
    for table in report.tables(record):
        assert {len(row) for row in table.rows} == {len(table.head)}


def test_the_libraries_have_as_many_parameters_and_give_the_same_output() -> None:
    counts = {peer.name: peer.parameters - peer.by_design for peer in make_peers(QUICK, CPU)}
    assert list(counts) == [OURS, *PEERS]
    assert len(set(counts.values())) == 1


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_that_computes_something_else_is_refused(name: str) -> None:
    peers = [make(QUICK) for make in MAKERS]
    (other,) = (peer for peer in peers if peer.name == name)
    norm = [module for module in other.model.modules() if isinstance(module, torch.nn.LayerNorm)][-1]
    norm.eps = 1.0
    with pytest.raises(AssertionError, match=f"{name} and ours differ by"):
        check_equal(peers, QUICK)


def test_a_peer_of_another_size_is_refused() -> None:
    peers = [MAKERS[0](QUICK), MAKERS[1](dataclasses.replace(QUICK, depth=3))]
    with pytest.raises(AssertionError, match=r"timm has 164,\d+ parameters, not 114,250"):
        check_equal(peers, QUICK)


def test_every_candidate_runs_once_in_each_round_and_not_always_in_the_same_order() -> None:
    calls: list[str] = []
    steps = {name: (lambda name=name: calls.append(name)) for name in "abc"}
    times = in_rounds(steps, rounds=8, device=CPU, repeats=1, warmup=1)
    assert calls[:3] == ["a", "b", "c"]
    rounds = [tuple(calls[3 * i : 3 * i + 3]) for i in range(1, 9)]
    assert all(sorted(order) == ["a", "b", "c"] for order in rounds)
    assert len(set(rounds)) > 1
    assert {len(values) for values in times.values()} == {8}


def test_ratios_are_taken_within_rounds_so_that_a_machine_that_slows_down_changes_none() -> None:
    ours = [1.0, 5.0, 2.0, 9.0, 1.5]
    rows = compare({"ours": ours, "theirs": [1.25 * t for t in ours]}, "ours")
    assert rows["theirs"] == {"median_s": 2.5, "ratio": 1.25, "ratio_iqr": [1.25, 1.25], "rounds": 5}


def test_operations_are_counted_as_the_formulas_of_the_parts_say() -> None:
    c = QUICK
    D, N, L, P = c.embed_dim, 17, c.depth, c.patch_size
    block = 2 * N * (4 * D * D + 2 * D * 4 * D) + 2 * 2 * N * N * D
    forward = L * block + 2 * 16 * 3 * P * P * D + 2 * D * c.num_classes
    assert count_flops(c, training=False) == forward
    first = 2 * 16 * 3 * P * P * D  # the gradient for the image is not needed
    assert count_flops(c, training=True) == 3 * forward - first


def test_the_package_knows_nothing_of_the_benchmarks() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.split(".")[0] == "benchmarks" for name in names), path


def test_a_quick_measurement_is_not_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--quick", "--record"])
    assert "--quick measures too little to be kept" in capsys.readouterr().err


OF_CARDS = [record for record in read_records() if record["command"] == "python -m benchmarks.gpu"]
OF_PROCESSORS = [record for record in read_records() if record not in OF_CARDS]


@pytest.mark.parametrize("committed", OF_CARDS, ids=lambda record: record["name"])
def test_a_committed_record_of_a_card_is_of_a_card_and_of_committed_code(committed: dict[str, Any]) -> None:
    assert committed["device"].startswith("GPU: ")
    assert "dirty" not in committed["git_commit"]
    assert committed["predicted"]
    for result in committed["libraries"]:
        assert set(result) == SCHEMA["libraries"] | {"compiled"}
        assert all(set(row) == SCHEMA["row"] for row in result["rows"].values())
        assert OURS in result["rows"]


@pytest.mark.parametrize("committed", OF_PROCESSORS, ids=lambda record: record["name"])
def test_a_committed_record_is_whole_and_of_committed_code(committed: dict[str, Any]) -> None:
    assert_whole(committed)
    assert "dirty" not in committed["git_commit"]
    assert committed["command"].startswith("python -m benchmarks")


@pytest.mark.parametrize("committed", read_records(), ids=lambda record: record["name"])
def test_in_float32_ours_is_at_most_three_percent_behind_the_fastest(committed: dict[str, Any]) -> None:
    for result in committed["libraries"]:
        if result["precision"] == "fp32":
            fastest = min(result["rows"].values(), key=lambda row: row["ratio"])
            assert fastest["ratio"] >= 0.97, f"{result['model']}, {result['work']}"


def test_a_library_whose_whole_bracket_is_below_one_is_named_as_faster(record: dict[str, Any]) -> None:
    slower, faster = copy.deepcopy(record), copy.deepcopy(record)
    for changed, bracket in ((slower, [0.97, 1.02]), (faster, [0.93, 0.99])):
        for result in changed["libraries"]:
            for name in PEERS:
                result["rows"][name]["ratio_iqr"] = [1.01, 1.02]
        changed["libraries"][0]["rows"]["timm"] |= {"ratio": 0.98, "ratio_iqr": bracket}
    assert report.verdict(slower) == "No library was measurably faster than ours."
    assert (
        report.verdict(faster) == f"Faster than ours: timm in {record['libraries'][0]['work']} (0.98 (0.93 to 0.99))."
    )


def test_the_numbers_of_a_table_are_those_of_the_record(record: dict[str, Any]) -> None:
    changed = copy.deepcopy(record)
    changed["libraries"][0]["rows"]["timm"].update(median_s=0.012, ratio=1.234, ratio_iqr=[1.2, 1.3])
    (row,) = (row for row in report.tables(changed)[0].rows if row[0] == "timm")
    assert row[1:3] == ("12\N{NO-BREAK SPACE}ms", "1.23 (1.20 to 1.30)")
