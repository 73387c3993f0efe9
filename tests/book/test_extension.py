"""The Sphinx extension: numbers from records, formulas, fingerprints, finished pages. Small books are built for it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pybtex.plugin
import pytest
import yaml
from bs4 import BeautifulSoup
from small_book import Book

from benchmarks import report
from book.extension import citations, mathematics, notes, pages, results
from book.extension.outline import FILE as OUTLINE_FILE
from book.notebook_cache import fingerprint
from vit_tutorial.cli.parser import build_parser
from vit_tutorial.cli.train import changed_fields
from vit_tutorial.training import load_recipe, sweep_record
from vit_tutorial.training.record import list_records
from vit_tutorial.widgets.assets import asset_text

RECORD: dict[str, Any] = {
    "name": "probe",
    "title": "A probe",
    "task": "classification",
    "command": "vit-tutorial train probe --record probe",
    "recipe": {"name": "probe", "epochs": 60, "model": {"depth": 4}},
    "seeds": [0, 1, 2],
    "data": {"name": "digits", "variant": "all of it", "sha256": "ab", "n_train": 1077, "n_val": 360, "n_test": 360},
    "metrics": {
        "test_accuracy": {"values": [0.98, 0.984, 0.988], "mean": 0.984, "std": 0.004, "unit": "fraction"},
        "train_seconds": {"values": [54.6, 55.2, 55.4], "mean": 55.07, "std": 0.42, "unit": "s"},
        "best_epoch": {"values": [40, 50, 60], "mean": 50, "std": 10.0, "unit": "epochs"},
        "test_loss": {"values": [0.0712], "mean": 0.0712, "std": None, "unit": "nat"},
    },
    "params": 136074,
    "device": "CPU: probe, 2 threads",
    "versions": {"torch": "2.12.1"},
    "date": "2026-11-23",
    "status": "complete",
}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("test_accuracy", "98.4 % ± 0.4"),
        ("train_seconds", "55 s"),
        ("test_loss", "0.0712 nat"),
        ("best_epoch", "50 ± 10 epochs"),
        ("params", "136,074"),
        ("seeds", "0, 1, 2"),
        ("n_test", "360"),
        ("n_train", "1,077"),
        ("device", "CPU: probe, 2 threads"),
        ("recipe.epochs", "60"),
        ("recipe.model.depth", "4"),
    ],
)
def test_a_value_is_quoted_in_the_form_that_its_unit_asks_for(key: str, text: str) -> None:
    assert results.value(RECORD, key).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.14, "3.1 s"), (55.07, "55 s"), (119, "119 s"), (150, "2.5 min"), (1610, "27 min"), (7200, "2.0 h")],
)
def test_a_time_is_given_in_a_unit_that_can_be_imagined(seconds: float, text: str) -> None:
    assert results.number(seconds, "s").replace("\N{NO-BREAK SPACE}", " ") == text


def test_what_is_the_same_in_all_runs_has_no_spread() -> None:
    same = {"values": [100, 100, 100], "mean": 100, "std": 0.0, "unit": "epochs"}
    assert results.metric(same).replace("\N{NO-BREAK SPACE}", " ") == "100 epochs"
    assert results.plain("epochs", same) == "100"


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        ("CIFAR-10, JPEG copy (quality 75); image folder x", "CIFAR-10, JPEG copy"),
        ("Fashion-MNIST, 5,000 training images kept for validation", "Fashion-MNIST"),
        ("MNIST-10k: the 10,000 test images", "MNIST-10k"),
        ("scikit-learn's 1,797 handwritten digits (UCI, 1998), 8x8", "scikit-learn's 1,797 handwritten digits"),
    ],
)
def test_a_record_is_listed_under_the_name_of_its_data_set(variant: str, name: str) -> None:
    assert results.data_set({"data": {"variant": variant}}) == name


def test_the_results_stand_by_data_set_the_smallest_first(book: Book) -> None:
    for name, variant, images in (("a", "Large: x", 9000), ("b", "Small: x", 100), ("c", "Large: x", 90)):
        record = {**RECORD, "name": name, "data": {**RECORD["data"], "variant": variant, "n_train": images}}
        book.write(f"vit_tutorial/results/{name}.json", json.dumps(record))
    book.write("book/results.md", RESULTS)
    assert book.build() == ""
    page = BeautifulSoup(book.html("book/results"), "html.parser")
    rows = [row.select_one("td") for row in page.select(".vt-summary tbody tr")]
    assert [cell.get_text(" ", strip=True) for cell in rows if cell] == ["Small", "b", "Large", "a", "c"]
    folds = page.select("details.vt-fold")
    assert [fold.summary.text for fold in folds if fold.summary] == ["Small: 1 run in full", "Large: 2 runs in full"]
    assert [[row["id"] for row in fold.select("tr[id]")] for fold in folds] == [["result-b"], ["result-a", "result-c"]]


def test_scores_of_several_tasks_and_of_one_stand_apart_and_are_named(book: Book) -> None:
    score = {"values": [0.45, 0.47], "mean": 0.46, "std": 0.01, "unit": "fraction"}
    for name, tasks in (("both", ("mask", "count")), ("alone", ("mask",))):
        metrics = {"test_score": score, **{f"test_{task}_loss": RECORD["metrics"]["test_accuracy"] for task in tasks}}
        metrics |= {"test_mask_miou": score, "train_seconds": RECORD["metrics"]["train_seconds"]}
        record = {**RECORD, "name": name, "task": "multitask", "best_by": "score", "metrics": metrics}
        book.write(f"vit_tutorial/results/{name}.json", json.dumps(record))
    for name in ("probe", "second", "third"):
        book.write(f"vit_tutorial/results/{name}.json", json.dumps({**RECORD, "name": name}))
    book.write("book/results.md", RESULTS)
    assert book.build() == ""
    page = BeautifulSoup(book.html("book/results").replace("\N{NO-BREAK SPACE}", " "), "html.parser")
    rows = [row.get_text("|", strip=True) for row in page.select(".vt-summary tbody tr")]
    assert [row.split("|")[0] for row in rows if row.count("|") == 0] == [
        "all of it",
        "all of it, one task alone",
        "all of it, several tasks at once",
    ]
    assert any(row.startswith("alone|") and "Test mask mIoU 46.0 % ± 1.0" in row for row in rows)
    assert any(row.startswith("both|") and "Mean score of 2 tasks 46.0 % ± 1.0" in row for row in rows)


def test_an_unknown_key_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no 'accuracy' in it; it has test_accuracy, .* recipe\.epochs"):
        results.value(RECORD, "accuracy")


RESULTS = "---\norphan: true\n---\n\n# Results\n\n```{results-table}\n```\n"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Book:
    made = Book(tmp_path)
    monkeypatch.setattr(
        results,
        "read",
        lambda name: json.loads((tmp_path / results.RECORDS / f"{name}.json").read_text(encoding="utf-8")),
    )
    return made


def test_a_quoted_number_leads_to_its_row_and_follows_its_record(book: Book) -> None:
    record = "vit_tutorial/results/probe.json"
    book.write(record, json.dumps(RECORD))
    book.write("index.md", "# Title\n\nIt reads {result}`probe test_accuracy`.\n")
    book.write("book/results.md", RESULTS)
    assert book.build() == ""
    assert 'href="book/results.html#result-probe"' in book.html("index")
    assert 'id="result-probe"' in book.html("book/results")
    assert "vit-tutorial train probe --record probe" in book.html("book/results").replace("</span>", "").replace(
        '<span class="pre">', ""
    )
    changed = {
        **RECORD,
        "metrics": {
            **RECORD["metrics"],
            "test_accuracy": {"values": [0.5], "mean": 0.5, "std": None, "unit": "fraction"},
        },
    }
    book.write(record, json.dumps(changed))
    assert book.build() == ""
    assert "50.0\N{NO-BREAK SPACE}%" in book.html("index")


def test_a_new_record_enters_the_results_page(book: Book) -> None:
    book.write("vit_tutorial/results/probe.json", json.dumps(RECORD))
    book.write("book/results.md", RESULTS)
    book.build()
    book.write("vit_tutorial/results/second.json", json.dumps({**RECORD, "name": "second"}))
    book.build()
    assert 'id="result-second"' in book.html("book/results")


def test_the_sweeps_are_listed_with_what_they_compared_and_their_command(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = sweep_record.read_sweep_record("seeds")
    record |= {"name": "probe", "sweep": {**record["sweep"], "grid": {"lr": [0.25, 0.5]}}, "diverged": 3}
    folder = tmp_path / results.SWEEPS
    monkeypatch.setattr(sweep_record, "SWEEP_RESULTS", folder)
    book.write(f"{results.SWEEPS}/probe.json", json.dumps(record))
    book.write("book/results.md", RESULTS.replace("results-table", "sweeps-table"))
    assert book.build() == ""
    text = BeautifulSoup(book.html("book/results"), "html.parser").text
    for words in ("probe", "lr: 0.25, 0.5", "3 diverged", "Equal epochs", record["command"], record["device"]):
        assert words in text


def test_a_run_that_is_judged_by_another_metric_than_most_names_it(book: Book) -> None:
    miou = {"values": [0.452, 0.448], "mean": 0.45, "std": 0.003, "unit": "fraction"}
    metrics = {"test_pixel_accuracy": RECORD["metrics"]["test_accuracy"], "test_miou": miou}
    scenes = {**RECORD, "name": "scenes", "task": "segmentation", "best_by": "miou"}
    scenes["metrics"] = {**metrics, "train_seconds": RECORD["metrics"]["train_seconds"]}
    for record in (RECORD, {**RECORD, "name": "second"}, scenes):
        book.write(f"vit_tutorial/results/{record['name']}.json", json.dumps(record))
    book.write("book/results.md", RESULTS)
    assert book.build() == ""
    table = BeautifulSoup(book.html("book/results").replace("\N{NO-BREAK SPACE}", " "), "html.parser").select_one(
        ".vt-summary"
    )
    rows = {
        row.th.text if row.th else row.td.text: [cell.text for cell in row.select("th, td")]
        for row in table.select("tr")
    }
    assert rows["Run"][2] == "Test accuracy"
    assert rows["probe"][2] == "98.4 % ± 0.4"
    assert rows["scenes"][2] == "Test mIoU 45.0 % ± 0.3"


ROOT = Path(__file__).parent.parent.parent
WAITING = yaml.safe_load((ROOT / results.WAITING).read_text(encoding="utf-8"))


def test_the_results_page_shows_the_committed_benchmarks_and_nothing_else(book: Book) -> None:
    committed = sorted((ROOT / results.BENCHMARKS).glob("*.json"))
    assert committed
    for path in committed:
        book.write(str(results.BENCHMARKS / path.name), path.read_text(encoding="utf-8"))
    on_page = (ROOT / results.PAGE_BENCHMARK).read_text(encoding="utf-8")
    book.write(str(results.PAGE_BENCHMARK), on_page)
    book.write("vit_tutorial/results/probe.json", json.dumps(RECORD))
    for path in (ROOT / results.SWEEPS).glob("*.json"):
        book.write(str(results.SWEEPS / path.name), path.read_text(encoding="utf-8"))
    book.write(str(results.WAITING), (ROOT / results.WAITING).read_text(encoding="utf-8"))
    page = re.sub(r"{doc}`[^`]*`", "another page", (ROOT / "book" / "results.md").read_text(encoding="utf-8"))
    book.write("book/results.md", page.replace("---\n", "---\norphan: true\n", 1))
    assert book.build() == ""
    soup = BeautifulSoup(book.html("book/results"), "html.parser")
    records = [json.loads(path.read_text(encoding="utf-8")) for path in committed]
    expected = [table for record in records for table in report.tables(record)]
    shown = soup.select("table.vt-bench")
    assert [table.caption.get_text(" ", strip=True).rstrip(" ¶#") for table in shown] == [t.caption for t in expected]
    for html, table in zip(shown, expected, strict=True):
        cells = [tuple(cell.get_text() for cell in row.select("th, td")) for row in html.select("tr")]
        assert [tuple(cell.strip() for cell in row) for row in cells] == [table.head, *table.rows]
        assert table.note in soup.get_text()
    for record in records:
        assert report.about(record) in soup.get_text()
        assert record["command"] in soup.get_text()
    shown = [[cell.get_text().strip() for cell in row.select("td")] for row in soup.select("table.vt-results tr")]
    assert all(list(row) in shown for row in report.of_page(json.loads(on_page)).rows)
    assert all(run["command"] in soup.get_text() for run in WAITING)


def test_the_benchmark_tables_follow_their_record_and_miss_it(book: Book) -> None:
    page = "---\norphan: true\n---\n\n# Speed\n\n```{bench-tables}\n```\n"
    book.write("book/results.md", page)
    assert "no records in benchmarks/records" in book.build()
    row = {
        "option": "slow way",
        "baseline": "fast way",
        "timed": "all",
        "median_s": 0.02,
        "ratio": 2.0,
        "ratio_iqr": [1.9, 2.1],
    }
    record = {
        "device": "CPU: probe",
        "date": "",
        "versions": {},
        "left_out": [],
        "settings": {"load_average": [0.1, 2.0], "processors": 2},
        "command": "",
        "libraries": [],
        "loading": [],
    }
    for ratio in (2.0, 3.0):
        book.write("benchmarks/records/probe.json", json.dumps({**record, "options": [{**row, "ratio": ratio}]}))
        assert book.build() == ""
        assert f"{ratio:.2f} (1.90 to 2.10)" in book.html("book/results")


def test_a_missing_record_is_an_error_that_names_the_known_ones(book: Book) -> None:
    book.write("vit_tutorial/results/probe.json", json.dumps(RECORD))
    book.write("index.md", "# Title\n\n{result}`digit test_accuracy` and {result}`probe accuracy`\n")
    warnings = book.build()
    assert "no record 'digit'; there are: probe" in warnings
    assert "record 'probe': no 'accuracy' in it; it has test_accuracy" in warnings


def test_a_formula_with_a_mistake_is_a_warning_with_its_place(book: Book) -> None:
    book.write("index.md", "# Title\n\nRight: $x^2$. Wrong: $\\frac{1}$.\n")
    warnings = book.build()
    assert "index.md:3" in warnings
    assert "\\\\frac{1}" in warnings
    assert "katex-html" in book.html("index")


def test_display_formulas_keep_their_number_and_reference(book: Book) -> None:
    book.write(
        "index.md",
        "# Title\n\n$$a = b \\\\ c = d$$ (eq-one)\n\nSee {eq}`eq-one`.\n\n\\begin{align}\nx &= y\n\\end{align}\n",
    )
    assert book.build() == ""
    assert book.html("index").count('class="eqno"') == 2
    assert 'href="#equation-eq-one"' in book.html("index")


def test_a_formula_reads_as_html_and_as_mathml() -> None:
    html = mathematics.typeset(r"\frac{QK^\top}{\sqrt{d}}", True)
    assert "katex-html" in html
    assert "<mfrac>" in html
    with pytest.raises(ValueError, match=r"Expected '}'"):
        mathematics.typeset(r"\sqrt{", False)


def test_pages_are_numbered_by_the_outline_and_other_headings_are_not(book: Book) -> None:
    assert OUTLINE_FILE.is_file()
    page = "chapters/03_classification/02_building"
    book.write(f"{page}.md", "# Building it\n\n## Preprocessing\n\n### A detail\n\n## Model\n\n## Exercises\n")
    book.write("index.md", f"# Title\n\n```{{toctree}}\n{page}\n```\n")
    assert book.build() == ""
    html = book.html(page)
    for number, title in (("3.2", "Building it"), ("3.2.1", "Preprocessing"), ("3.2.2", "Model")):
        assert f'<span class="section-number">{number}. </span>{title}' in html
    for title in ("A detail", "Exercises"):
        assert f'</span>{title}<a class="headerlink"' not in html


def test_a_page_that_the_outline_does_not_know_is_reported(book: Book) -> None:
    book.write("chapters/03_classification/09_extra.md", "# Extra\n")
    book.write("index.md", "# Title\n\n```{toctree}\nchapters/03_classification/09_extra\n```\n")
    assert "has no number 3.9" in book.build()


def test_the_fingerprint_sees_every_file_and_no_byte_code(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1", encoding="utf-8")
    first = fingerprint(tmp_path)
    (tmp_path / "a.pyc").write_text("", encoding="utf-8")
    assert fingerprint(tmp_path) == first
    (tmp_path / "a.py").write_text("x = 2", encoding="utf-8")
    second = fingerprint(tmp_path)
    shutil.move(tmp_path / "a.py", tmp_path / "b.py")
    assert len({first, second, fingerprint(tmp_path)}) == 3


def test_a_build_interrupted_while_it_writes_leaves_no_page_old(book: Book) -> None:
    def record(accuracy: float) -> None:
        score = {"values": [accuracy], "mean": accuracy, "std": None, "unit": "fraction"}
        metrics = {**RECORD["metrics"], "test_accuracy": score}
        book.write("vit_tutorial/results/probe.json", json.dumps({**RECORD, "metrics": metrics}))

    book.write("index.md", "# Title\n\nIt reads {result}`probe test_accuracy`.\n")
    book.write("book/results.md", RESULTS)
    record(0.984)
    assert book.build() == ""
    record(0.5)
    book.stop_while_writing(True)
    with pytest.raises(KeyboardInterrupt):
        book.build()
    book.stop_while_writing(False)
    assert book.build() == ""
    assert "50.0\N{NO-BREAK SPACE}%" in book.html("index")


def test_a_page_that_was_warned_of_is_warned_of_again(book: Book) -> None:
    book.write("index.md", "# Title\n\nWrong: $\\frac{1}$.\n")
    assert book.build() == book.build() != ""


def test_a_page_with_a_figure_brings_its_files_which_are_made_again_with_the_package(book: Book) -> None:
    figure = '# Title\n\n<figure data-vt-figure="probe" data-vt-needs="vit-explorer.js model-digits28.js"></figure>\n'
    book.write("index.md", figure)
    assert book.build() == ""
    folder = book.folder / "_build" / "html" / "_figures"
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert set(written) == {"vit-figures.js", "vit-explorer.js", "model-digits28.js"}
    assert written["vit-figures.js"] == asset_text("vit-figures.js")
    assert 'src="_figures/vit-figures.js"' in book.html("index")
    (folder / "vit-figures.js").write_text("old", encoding="utf-8")
    book.write("vit_tutorial/news.py", "")
    assert book.build() == ""
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == written


def test_a_plug_in_for_citations_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    citations.setup(None)  # type: ignore[arg-type]
    first = pybtex.plugin.find_plugin("pybtex.backends", "plaintext")
    monkeypatch.setattr("importlib.metadata.distributions", None)
    assert pybtex.plugin.find_plugin("pybtex.backends", "plaintext") is first


def test_a_picture_without_words_or_name_is_refused(book: Book) -> None:
    book.write("book/pictures/dot.svg", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>')
    book.write("index.md", '# Title\n\n```{picture} dot\n:alt: A "dot" & nothing else.\nThe *dot*.\n```\n')
    assert book.build() == ""
    assert 'role="img" aria-label="A &quot;dot&quot; &amp; nothing else."' in book.html("index")
    book.write("index.md", "# Title\n\n```{picture} dot\n```\n\n```{picture} dote\n:alt: no such picture\n```\n")
    warnings = book.build()
    assert "has no :alt:" in warnings
    assert "no picture 'dote'" in warnings
    assert "there are: dot" in warnings


def test_the_arrows_of_the_sidebar_get_the_name_of_their_chapter() -> None:
    html = '<li><a href="a.html">3  Image\n classification</a><details><summary><i></i></summary></details></li>'
    assert 'aria-label="Sections of 3 Image classification"' in pages.name_sidebar_arrows(html)


def test_the_head_keeps_styles_and_loses_preloads_and_drawn_icons() -> None:
    style = '<link href="_static/vendor/fontawesome/css/all.min.css" rel="stylesheet" />'
    font = '<link rel="preload" as="font" type="font/woff2" crossorigin href="_static/vendor/fa.woff2" />'
    script = '<script src="_static/vendor/fontawesome/6.5.2/js/all.min.js?digest=d"></script>'
    assert pages.lean_head(style + font + script) == style


def test_the_committed_picture_is_the_drawn_one() -> None:
    from sklearn.datasets import load_digits

    from book.pictures import draw

    pixels = load_digits().images[draw.SAMPLE].astype(int).tolist()
    assert (draw.FOLDER / "patches.svg").read_text(encoding="utf-8") == draw.patches_svg(pixels)
    assert (draw.FOLDER / "architecture.svg").read_text(encoding="utf-8") == draw.architecture_svg()


@pytest.mark.parametrize(("url", "buttons"), [("", False), ("https://github.com/example/book", True)])
def test_buttons_appear_with_the_public_address(url: str, buttons: bool) -> None:
    options: dict[str, Any] = {"repository_url": url, "launch_buttons": {"colab_url": ""}}
    app = SimpleNamespace(tags=set())
    pages.offer_launch_buttons(app, SimpleNamespace(html_theme_options=options))  # type: ignore[arg-type]
    assert ("address" in app.tags) is buttons  # what pages say of it
    assert bool(options.get("use_repository_button")) is buttons
    assert bool(options.get("launch_buttons")) is buttons


def test_a_link_to_report_a_mistake_names_the_page_once_there_is_an_address() -> None:
    assert pages.report_link("", "3.2 Building it") == ""
    link = BeautifulSoup(pages.report_link("https://github.com/example/book", "3.2 Building it"), "html.parser").a
    assert link is not None
    assert link["href"] == "https://github.com/example/book/issues/new?title=On+the+page+3.2+Building+it%3A+"


def test_a_page_says_how_long_its_text_takes_and_code_is_not_counted() -> None:
    text, code = "word " * 1000, "x = 1\n" * 5000
    body = f'<h1>Title</h1><p>{text}</p><div class="cell"><pre>{code}</pre></div>'
    assert pages.minutes(body) == 5
    assert pages.reading_time(body, []) == '<p class="vt-time">About 5 minutes to read, without the code.</p>'


def test_a_short_path_links_its_sections_and_says_how_long_they_take() -> None:
    section = f'<section id="one"><h2>One</h2><p>{"word " * 600}</p></section>'
    body = f"<h1>Title</h1>{section}<p>{'word ' * 6000}</p>"
    line = pages.reading_time(body, ["one"])
    assert 'a short path, about 3: <a href="#one">One</a>' in line
    with pytest.raises(ValueError, match=r"no section 'two'; there are one"):
        pages.reading_time(body, ["two"])


def test_the_notes_are_the_first_paragraph_of_a_term_and_the_text_of_a_work() -> None:
    glossary = (
        '<article><dl class="glossary"><dt id="term-patch">patch<a class="headerlink" href="#term-patch">#</a></dt>'
        '<dd><p>A <a href="x.html"><em>square</em></a>.</p><p>More.</p></dd></dl></article>'
    )
    assert notes.notes("glossary.html", glossary) == {"glossary.html#term-patch": "A <em>square</em>."}
    works = '<article><div class="citation" id="id1"><span class="label">[1]</span><p>Somebody. <i>A paper</i>.</p></div></article>'
    assert notes.notes("bibliography.html", works) == {"bibliography.html#id1": "<p>Somebody. <i>A paper</i>.</p>"}


def test_the_roadmap_lists_the_whole_outline_and_what_is_not_written_yet(book: Book) -> None:
    page = "chapters/03_classification/02_building"
    book.write(f"{page}.md", "# Building it\n")
    book.write("index.md", f"# Title\n\n```{{roadmap}}\n```\n\n```{{toctree}}\n{page}\n```\n")
    assert book.build() == ""
    roadmap = BeautifulSoup(book.html("index"), "html.parser").select_one(".vt-roadmap")
    assert roadmap is not None
    assert [a.get_text() for a in roadmap.select("a")] == ["3.2  Building it"]
    assert "4  Image segmentation (not written yet)" in roadmap.get_text()
    outline = yaml.safe_load(OUTLINE_FILE.read_text(encoding="utf-8"))
    listed = [item.get_text().split("  ")[0] for item in roadmap.select("li p")]
    assert listed == [number for number in map(str, outline["titles"]) if number.count(".") < 2]


@pytest.mark.parametrize("run", WAITING, ids=[run["name"] for run in WAITING])
def test_a_run_that_waits_is_a_command_that_works_and_has_no_record(run: dict[str, str]) -> None:
    options = build_parser().parse_args(shlex.split(run["command"])[1:])
    assert load_recipe(options.recipe, **changed_fields(options)).name == options.recipe
    assert options.record == run["name"]
    assert run["name"] not in list_records()
    assert run["waits_for"]
