"""Numbers in the book come from recorded runs: the role ``{result}`` quotes one, the directive ``{results-table}`` lists all.
The directive ``{sweeps-table}`` lists the recorded sweeps, ``{waiting-runs}`` the runs of ``book/waiting.yaml``, which have no record yet,
and ``{bench-tables}`` shows what ``make bench`` recorded, in the tables that it prints.

    {result}`digits test_accuracy`    98.4 % ± 0.2      mean and sample standard deviation over the seeds
    {result}`digits train_seconds`    55 s
    {result}`digits params`           136,074           also: seeds, device, date, status, command, title, task
    {result}`digits n_test`           360               also: n_train, n_val, variant
    {result}`digits recipe.epochs`    any field of the recipe, with dots

An unknown record or name is an error of the build, which says what there is.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole

from benchmarks import report

RECORDS = Path("vit_tutorial", "results")
WAITING = Path("book", "waiting.yaml")
SWEEPS = RECORDS / "sweeps"
BENCHMARKS = Path("benchmarks", "records")
PAGE_BENCHMARK = BENCHMARKS / "page" / "engine.json"
NBSP = "\N{NO-BREAK SPACE}"
PLAIN_FIELDS = ("params", "seeds", "device", "date", "status", "command", "title", "task")


def read(name: str) -> dict[str, Any]:
    """The record ``name``. Imported here and not above, so that a build which reads no record does not import torch."""
    from vit_tutorial.training.record import read_record

    return read_record(name)


def headline(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The metric that a record is judged by. Imported here as in `read`."""
    from vit_tutorial.training import record as records

    return records.headline(record)


def params_in_words(record: dict[str, Any]) -> str:
    """How many parameters, and of what. Imported here as in `read`."""
    from vit_tutorial.training import record as records

    return records.params_in_words(record)


def names(root: Path, folder: Path = RECORDS) -> list[str]:
    return sorted(path.stem for path in (root / folder).glob("*.json"))


def number(value: float, unit: str) -> str:
    """One number of a metric: a fraction as a percentage, seconds and counts with as many digits as help."""
    if unit == "fraction":
        return f"{100 * value:.1f}{NBSP}%"
    if unit == "s":
        amount, unit = (value, "s") if value < 120 else (value / 60, "min") if value < 7200 else (value / 3600, "h")
        return f"{amount:.0f}{NBSP}{unit}" if amount >= 10 else f"{amount:.1f}{NBSP}{unit}"
    digits = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"
    return f"{digits}{NBSP}{unit}".strip()


def metric(entry: dict[str, Any]) -> str:
    """``98.4 % ± 0.2``; without the spread where there is one seed only, for times, and for a count that is the same in all runs."""
    unit = entry.get("unit", "")
    if unit == "s" or len(entry["values"]) < 2 or (unit != "fraction" and len(set(entry["values"])) == 1):
        return number(entry["mean"], unit)
    if unit == "fraction":
        return f"{number(entry['mean'], unit)}{NBSP}±{NBSP}{100 * entry['std']:.1f}"
    return f"{number(entry['mean'], '')}{NBSP}±{NBSP}{entry['std']:.2g}{NBSP}{unit}".strip()


def value(record: dict[str, Any], key: str) -> str:
    """The text that ``{result}`` shows for ``key``; ``KeyError`` with the known keys where there is none such."""
    if key in record["metrics"]:
        return metric(record["metrics"][key])
    found: Any = record["data"].get(key) if key in record["data"] else record.get(key) if key in PLAIN_FIELDS else None
    if key.startswith("recipe."):
        found = record["recipe"]
        for part in key.split(".")[1:]:
            found = found.get(part) if isinstance(found, dict) else None
    if found is None:
        known = [*record["metrics"], *PLAIN_FIELDS, *record["data"], *(f"recipe.{field}" for field in record["recipe"])]
        raise KeyError(f"no {key!r} in it; it has {', '.join(known)}")
    if isinstance(found, list):
        return ", ".join(map(str, found))
    return f"{found:,}" if isinstance(found, int) and not isinstance(found, bool) else str(found)


class ResultRole(SphinxRole):
    """``{result}`NAME KEY``` becomes the number, linked to the record's row on the results page."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        name, _, key = self.text.strip().partition(" ")
        known = names(Path(self.env.srcdir))
        if name not in known:
            return self.fault(f"no record {name!r}; there are: {', '.join(known) or 'none yet'}")
        self.env.note_dependency(str(RECORDS / f"{name}.json"))
        try:
            shown = value(read(name), key.strip())
        except KeyError as error:
            return self.fault(f"record {name!r}: {error.args[0]}")
        return [_link(name, shown, self.env.docname)], []

    def fault(self, message: str) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        report = self.inliner.reporter.error(f"{{result}}`{self.text}`: {message}", line=self.lineno)
        return [self.inliner.problematic(self.rawtext, self.rawtext, report)], [report]


def _link(name: str, text: str, docname: str) -> nodes.Node:
    """A text that leads to the row of a record."""
    link = addnodes.pending_xref(
        refdomain="std", reftype="ref", reftarget=f"result-{name}", refexplicit=True, refwarn=True
    )
    link += nodes.inline("", text)
    link["refdoc"] = docname
    return link


def data_set(record: dict[str, Any]) -> str:
    """The name that a variant begins with: ``CIFAR-10, JPEG copy (quality 75 ...`` is of "CIFAR-10, JPEG copy"."""
    return re.split(r"[:;] | \(|, \d|, train", record["data"]["variant"])[0]


def aim(record: dict[str, Any]) -> str:
    """What the runs of a data set are told apart by, beside their names: scores of different aims are no one scale. Empty for all labels, one task."""
    recipe = record["recipe"]
    if record.get("task") == "multitask":
        return "one task alone" if len(tasks_of(record)) == 1 else "several tasks at once"
    if record.get("task") == "pretraining":
        return "images without labels"
    return "few labels" if recipe.get("train_share", 1) < 1 else ""


def tasks_of(record: dict[str, Any]) -> list[str]:
    """The tasks of a model of several, from the losses that it reports of each."""
    losses = [re.fullmatch(r"test_(.+)_loss", key) for key in record["metrics"]]
    return [found[1] for found in losses if found]


def by_data_set(records: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Records under the name of their data set and their aim, the smallest set first."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    largest: Counter[str] = Counter()
    for record in records:
        name = data_set(record)
        groups.setdefault((name, aim(record)), []).append(record)
        largest[name] = max(largest[name], record["data"]["n_train"])
    ordered = sorted(groups.items(), key=lambda group: (largest[group[0][0]], *group[0]))
    return {", ".join(filter(None, name)): group for name, group in ordered}


def judged(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """In words the metric that a record is judged by, and the metric: of several tasks' mean score how many they are, of one task its own."""
    key, score = headline(record)
    tasks = tasks_of(record) if record.get("task") == "multitask" else []
    if len(tasks) > 1:
        return f"Mean score of {len(tasks)} tasks", score
    same = (name for name, entry in record["metrics"].items() if entry["values"] == score["values"])
    own = (name for name in same if name.startswith("test_") and name != key)
    return readable(next(own, key) if tasks else key), score


class ResultsTable(SphinxDirective):
    """Every record twice, by data set: a line each in a summary, and all that is known in folded tables whose rows have the anchors ``result-NAME``."""

    def run(self) -> list[nodes.Node]:
        known = names(Path(self.env.srcdir))
        if not known:
            return [self.state.document.reporter.error(f"no records in {RECORDS}", line=self.lineno)]
        records = [read(name) for name in known]
        groups = by_data_set(records)
        usual = Counter(judged(record)[0] for record in records).most_common(1)[0][0]
        head = ("Run", "Training images", usual, "Parameters", "Time of a run")
        lines = (
            row
            for name, group in groups.items()
            for row in (_group(name, head), *(self.line(record, usual) for record in group))
        )
        summary = _table(head, lines, "vt-summary")
        head = ("Run", "Data", "Result", "Model", "Machine")
        found: list[nodes.Node] = [summary]
        for name, group in groups.items():
            rows = (row for record in group for row in self.rows(record["name"]))
            runs = f"{len(group)} run{'s' * (len(group) != 1)}"
            found += _folded(f"{name}: {runs} in full", _table(head, rows, "vt-results", "vt-records"))
        return found

    def line(self, record: dict[str, Any], usual: str) -> nodes.row:
        """A run in one line, with a link to its row in the large table. A result by another metric than the usual one names it."""
        metrics, name = record["metrics"], record["name"]
        judged_by, score = judged(record)
        result = metric(score) if judged_by == usual else f"{judged_by} {metric(score)}"
        time = metric(
            metrics.get("cpu_seconds") or metrics["train_seconds"]
        )  # of all cores together where that is known
        images = f"{record['data']['n_train']:,}"
        link = _link(name, name, self.env.docname)
        return nodes.row("", *(_cell([cell]) for cell in (link, images, result, f"{record['params']:,}", time)))

    def rows(self, name: str) -> tuple[nodes.row, nodes.row]:
        record, label = read(name), f"result-{name}"
        self.env.note_dependency(str(RECORDS / f"{name}.json"))
        self.env.get_domain("std").note_hyperlink_target(label, self.env.docname, label, name)  # type: ignore[attr-defined]
        data, metrics = record["data"], record["metrics"]
        times = [key for key, entry in metrics.items() if entry.get("unit") == "s"]
        sizes = [f"{split} {data[key]:,}" for key, split in SPLITS if data.get(key)]
        cells: list[list[str | nodes.Node]] = [
            [nodes.strong(text=name), record.get("title", ""), f"Status: {record['status']}", record["date"]],
            [data["variant"], ", ".join(sizes)],
            [f"{readable(key)}: {plain(key, entry)}" for key, entry in metrics.items() if key not in times],
            [params_in_words(record), f"Recipe: {record['recipe'].get('name', name)}"],
            [record["device"], *(f"{readable(key)}: {metric(metrics[key])}" for key in times)],
        ]
        cells[2].append(f"Seeds: {value(record, 'seeds')}")
        row = nodes.row("", *(_cell(lines) for lines in cells), ids=[label])
        versions = ", ".join(f"{package} {version}" for package, version in record["versions"].items())
        command = _cell([nodes.literal(text=record["command"]), f"With {versions}"], morecols=len(cells) - 1)
        return row, nodes.row("", command, classes=["vt-command"])


TIMES = {"cpu_seconds": "Processor time", "load_seconds": "Waiting for images"}
SPLITS = (("n_train", "train"), ("n_val", "validation"), ("n_test", "test"))


def readable(key: str) -> str:
    """``test_accuracy`` -> ``Test accuracy``; the unit ``seconds`` in a name says nothing the value does not."""
    if key in TIMES:
        return TIMES[key]
    words = key.replace("val_", "validation_").replace("_seconds", " time").replace("_", " ").capitalize()
    for word, written in (("miou", "mIoU"), ("Miou", "mIoU"), ("knn", "k-NN"), (" f1", " F1"), (" r2", " R²")):
        words = words.replace(word, written)
    return words


def plain(key: str, entry: dict[str, Any]) -> str:
    """A metric beside its name, which says the unit already where that is what is counted: Epochs: 100."""
    return metric({**entry, "unit": ""} if entry.get("unit") == key else entry)


def _group(name: str, head: Sequence[str]) -> nodes.row:
    """A row with the name of a data set, over the whole width."""
    return nodes.row("", _cell([nodes.strong(text=name)], morecols=len(head) - 1), classes=["vt-group"])


def _table(head: Sequence[str], rows: Iterable[nodes.row], *classes: str) -> nodes.table:
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in head), cols=len(head))
    group += nodes.thead("", nodes.row("", *(_cell([cell]) for cell in head)))
    group += nodes.tbody("", *rows)
    return nodes.table("", group, classes=list(classes))


def _folded(title: str, inside: nodes.Node) -> list[nodes.Node]:
    """A part that a reader opens; a link to something in it opens it, too (browsers do so, and paper shows it open)."""
    opening = f'<details class="vt-fold"><summary>{html.escape(title)}</summary>'
    return [nodes.raw("", opening, format="html"), inside, nodes.raw("", "</details>", format="html")]


def _cell(lines: list[str | nodes.Node], **attributes: int) -> nodes.entry:
    texts = (nodes.Text(line) if isinstance(line, str) else line for line in lines if line)
    return nodes.entry("", *(nodes.paragraph("", "", text) for text in texts), **attributes)


class SweepsTable(SphinxDirective):
    """Every recorded sweep: what was compared, how many runs that took, where, and with which command."""

    def run(self) -> list[nodes.Node]:
        from vit_tutorial.training.sweep_record import read_sweep_record

        known = names(Path(self.env.srcdir), SWEEPS)
        if not known:
            return [self.state.document.reporter.error(f"no records in {SWEEPS}", line=self.lineno)]
        head = ("Sweep", "Compared", "Runs", "Processor time", "Machine")
        rows = []
        for name in known:
            self.env.note_dependency(str(SWEEPS / f"{name}.json"))
            record = read_sweep_record(name)
            rows += self.rows(record, len(head))
        return [_table(head, rows, "vt-results")]

    def rows(self, record: dict[str, Any], width: int) -> tuple[nodes.row, nodes.row]:
        sweep = record["sweep"]
        compared = [
            f"{field}: {', '.join(map(str, values))}" for field, values in {**sweep["grid"], **sweep["random"]}.items()
        ]
        lost = [f"{record['diverged']} diverged"] if record["diverged"] else []
        seeds = f"{len(record['points'])} settings, {len(sweep['seeds'])} seeds"
        cells: list[list[str | nodes.Node]] = [
            [nodes.strong(text=record["name"]), record["title"], record["date"]],
            [*(compared or ["the recipe alone"]), f"Recipe: {record['recipe']['name']}", record["data"]["variant"]],
            [str(record["runs"]), seeds, f"Equal {sweep['budget']}", *lost],
            [number(record["cpu_seconds"], "s")],
            [record["device"]],
        ]
        versions = ", ".join(f"{package} {version}" for package, version in record["versions"].items())
        command = _cell([nodes.literal(text=record["command"]), f"With {versions}"], morecols=width - 1)
        return nodes.row("", *(_cell(lines) for lines in cells)), nodes.row("", command, classes=["vt-command"])


class WaitingRuns(SphinxDirective):
    """A table of the runs that have no record yet: their names, what they wait for, and their commands."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(WAITING))
        runs = yaml.safe_load((Path(self.env.srcdir) / WAITING).read_text(encoding="utf-8"))
        rows = (
            [[nodes.strong(text=run["name"])], [run["waits_for"]], [nodes.literal(text=run["command"])]] for run in runs
        )
        made = (nodes.row("", *(_cell(cell) for cell in row)) for row in rows)
        return [_table(("Run", "Waits for", "Command"), made, "vt-results")]


class BenchTables(SphinxDirective):
    """Every recorded benchmark: on what machine, with which command, and its tables."""

    def run(self) -> list[nodes.Node]:
        known = names(Path(self.env.srcdir), BENCHMARKS)
        if not known:
            return [self.state.document.reporter.error(f"no records in {BENCHMARKS}", line=self.lineno)]
        self.env.note_dependency("benchmarks/report.py")
        return [node for name in known for node in self.record(name)]

    def record(self, name: str) -> list[nodes.Node]:
        path = BENCHMARKS / f"{name}.json"
        self.env.note_dependency(str(path))
        record = json.loads((Path(self.env.srcdir) / path).read_text(encoding="utf-8"))
        found: list[nodes.Node] = [
            nodes.paragraph("", report.about(record) + " ", nodes.literal(text=record["command"]))
        ]
        for table in report.tables(record):
            found.append(_captioned(table))
            if table.note:
                found.append(nodes.paragraph(text=table.note))
        return found


class PageTable(SphinxDirective):
    """The recorded benchmark of the engine that runs in the pages."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency("benchmarks/report.py")
        self.env.note_dependency(str(PAGE_BENCHMARK))
        record = json.loads((Path(self.env.srcdir) / PAGE_BENCHMARK).read_text(encoding="utf-8"))
        table = report.of_page(record)
        about = nodes.paragraph("", table.note + " ", nodes.literal(text=record["command"]))
        return [_captioned(table, "vt-results"), about]


def _captioned(table: report.Table, style: str = "vt-bench") -> nodes.table:
    made = _table(table.head, (nodes.row("", *(_cell([cell]) for cell in row)) for row in table.rows), style)
    made.insert(0, nodes.title(text=table.caption))
    return made


def pages_of_new_records(
    app: Sphinx, env: BuildEnvironment, added: Set[str], changed: Set[str], removed: Set[str]
) -> list[str]:
    """The results page, where records were added or removed (a changed one is an ordinary dependency)."""
    root, before = Path(app.srcdir), getattr(env, "vt_records", None)
    now = [*names(root), *names(root, SWEEPS), *names(root, BENCHMARKS)]
    env.vt_records = now  # type: ignore[attr-defined]
    return ["book/results"] if before not in (None, now) and "book/results" in env.found_docs else []


def setup(app: Sphinx) -> None:
    app.add_role("result", ResultRole())
    app.add_directive("results-table", ResultsTable)
    app.add_directive("sweeps-table", SweepsTable)
    app.add_directive("waiting-runs", WaitingRuns)
    app.add_directive("bench-tables", BenchTables)
    app.add_directive("page-table", PageTable)
    app.connect("env-get-outdated", pages_of_new_records)
