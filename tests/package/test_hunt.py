"""The bug hunt: each mistake fails its own test and no other, and what the reader gets."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vit_tutorial import hunt
from vit_tutorial.hunt.report import Report
from vit_tutorial.hunt.tests import TESTS, leaves, replaced

NAMES = [bug.name for bug in hunt.BUGS]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_the_right_script_passes_every_test() -> None:
    assert hunt.check_source(hunt.right_source()).failing == []


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_fails_its_own_test_and_no_other(name: str) -> None:
    assert hunt.check_source(hunt.wrong_source([name])).failing == [name]


def test_with_all_mistakes_every_test_fails() -> None:
    assert hunt.check_source(hunt.wrong_source()).failing == NAMES


@pytest.mark.parametrize("bug", hunt.BUGS, ids=NAMES)
def test_what_a_mistake_replaces_stands_in_the_right_script_once(bug: hunt.Bug) -> None:
    assert hunt.right_source().count(bug.right) == 1
    assert bug.wrong not in hunt.right_source() or bug.wrong in bug.right


def test_every_mistake_has_a_test_and_three_hints() -> None:
    assert list(TESTS) == NAMES
    assert all(bug.where and bug.measure and bug.answer for bug in hunt.BUGS)


def test_the_wrong_script_has_every_mistake_and_comments_that_give_nothing_away() -> None:
    source = hunt.wrong_source()
    assert all(bug.wrong in source and bug.right not in source for bug in hunt.BUGS if bug.name != "zero_grad")
    assert not any(word in source.lower() for word in ("bug", "wrong", "mistake"))


def test_a_script_of_another_shape_fails_with_what_it_lacks() -> None:
    report = hunt.check_source("x = 1")
    assert report.failing == NAMES
    assert "has no attribute 'ViT'" in report.verdicts[0].seen


def test_an_unknown_bug_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="there is no bug 'scales'; there are: patches, heads, scale"):
        hunt.wrong_source(["scales"])


def test_tests_do_not_disturb_the_callers_random_numbers() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    hunt.check_source(hunt.wrong_source())
    assert torch.equal(torch.rand(3), wanted)


def test_a_file_that_the_reader_has_changed_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIT_BOOK_BUILD", raising=False)
    file = hunt.write(tmp_path / "hunt.py")
    assert file.read_text() == hunt.wrong_source()
    file.write_text(hunt.right_source())
    assert hunt.check(hunt.write(file)).failing == []
    monkeypatch.setenv("VIT_BOOK_BUILD", "1")  # the page shows the script as it is given out
    assert hunt.write(file).read_text() == hunt.wrong_source()


def test_a_file_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no .*gone\.py; hunt\.write"):
        hunt.check(tmp_path / "gone.py")


@pytest.fixture(scope="module")
def half() -> Report:
    return hunt.check_source(hunt.wrong_source(["scale", "heads"]))


def test_a_report_counts_and_names_in_words(half: Report) -> None:
    text = str(half)
    assert text.endswith("10 of 12 tests hold")
    assert text.count("FAILS") == 2


def test_a_report_gives_hints_only_where_a_test_fails(half: Report) -> None:
    page = half.html()
    assert page.count("<details>") == 6
    assert page.index("Where to look") < page.index("What to measure") < page.index("The answer")
    assert "root of d" in page
    assert "does not divide 8" not in page


def test_leaves_are_the_parameters_that_a_value_depends_on() -> None:
    used, unused = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    assert [leaf is used for leaf in leaves((used * 2 + 1).sum())] == [True]
    assert unused.grad is None


def test_a_stand_in_is_taken_away_even_after_an_error() -> None:
    script = hunt.load(hunt.right_source())
    own = script.accuracy
    with pytest.raises(RuntimeError), replaced(script, accuracy=None):
        raise RuntimeError
    assert script.accuracy is own


SILENT = ("shapes", "loss at the start")
SEEN = {
    "gradient at every pixel": {"patches"},
    "patches shuffled": {"positions"},
    "block = torch's": {"heads", "scale"},
    "model = another's": {"patches", "heads", "scale", "positions", "class token"},
    "gradient twice": {"zero_grad"},
    "learning rate drawn": {"schedule"},
    "scored several times": {"train mode"},
}


@pytest.mark.parametrize("check", [*SILENT, *SEEN])
def test_a_quick_check_sees_these_mistakes_and_passes_the_right_script(check: str) -> None:
    seen = set()
    for name in NAMES:
        torch.manual_seed(0)
        if not hunt.QUICK_CHECKS[check](hunt.load(hunt.wrong_source([name]))):
            seen.add(name)
    torch.manual_seed(0)
    assert hunt.QUICK_CHECKS[check](hunt.load(hunt.right_source()))
    assert seen == SEEN.get(check, set())


@pytest.mark.parametrize(
    ("check", "name"),
    [
        ("a batch by heart", "softmax twice"),
        ("parameters counted", "biases"),
        ("labels shuffled", "training split"),
        ("best model scored again", "best weights"),
    ],
)
def test_a_quick_check_that_trains_sees_its_mistake_and_passes_the_right_script(check: str, name: str) -> None:
    for names, passes in (([], True), ([name], False)):
        torch.manual_seed(0)
        assert hunt.QUICK_CHECKS[check](hunt.load(hunt.wrong_source(names))) is passes
