"""A record as tables of text: what `make bench` prints is what the results page shows. Needs nothing but Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NBSP = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Table:
    """A caption, the names of the columns, rows of as many cells, and what is to be said below."""

    caption: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""


def tables(record: dict[str, Any]) -> list[Table]:
    """All tables of a record, in the order in which they are read."""
    found = [of_libraries(result) for result in record["libraries"]]
    found += [of_prediction(record["predicted"])] if record.get("predicted") else []
    found += [of_options(record["options"])] if record["options"] else []
    return found + ([of_loading(record["loading"])] if record["loading"] else [])


def of_libraries(result: dict[str, Any]) -> Table:
    """One model and one kind of work in all libraries."""
    memory = any(row["step_bytes"] is not None for row in result["rows"].values())
    head = ("Library", "Time", "Time, ours = 1", "Images/s", "Share of the matrix rate", "Parameters")
    rows = []
    for name, row in result["rows"].items():
        cells = [
            name + (" *" if row["differs"] else ""),
            time(row["median_s"]),
            ratio(row) if row["ratio_iqr"][0] != row["ratio_iqr"][1] else "1",
            f"{row['images_per_s']:,.0f}",
            f"{100 * row['mfu']:.0f}{NBSP}%",
            f"{row['parameters']:,}",
        ]
        rows.append(tuple(cells + [size(row["step_bytes"])] * memory))
    caption = (
        f"{result['model']}: {result['work']}, {PRECISION[result['precision']]}{', compiled' * result.get('compiled', False)}, {result['batch_size']} images, "
        f"{result['flops'] / 1e9:,.1f}{NBSP}GFLOP; matrix rate {rate(result['matrix_flops_per_s'])}"
    )
    notes = [f"* {name} is another model: {row['differs']}." for name, row in result["rows"].items() if row["differs"]]
    return Table(caption, head + ("Memory of a step",) * memory, rows, " ".join(notes))


def of_prediction(rows: list[dict[str, Any]]) -> Table:
    """What chapter 7's formula says of a step, beside what it took."""
    head = ("Model", "Precision", "Images", "Time by formula", "Time measured", "Memory by formula", "Memory measured")
    return Table(
        "Our training step by the formula of chapter 7.1, with the rates that the pieces of a block reach on this card, and measured",
        head,
        [
            (
                row["model"],
                PRECISION[row["precision"]],
                str(row["batch_size"]),
                time(row["seconds_predicted"]),
                time(row["seconds_measured"]),
                size(row["bytes_predicted"]),
                size(row["bytes_measured"]),
            )
            for row in rows
        ],
    )


def of_options(rows: list[dict[str, Any]]) -> Table:
    """What each choice costs beside its baseline."""
    head = ("Choice", "Beside", "What is timed", "Time", "Time, baseline = 1")
    return Table(
        "What each choice costs, beside what the package does",
        head,
        [(row["option"], row["baseline"], row["timed"], time(row["median_s"]), ratio(row)) for row in rows],
    )


def of_loading(rows: list[dict[str, Any]]) -> Table:
    """What a step waits for."""
    head = ("Recipe", "Images", "Workers", "Load", "Augment", "Compute", "Share of load", "Share of augment")
    return Table(
        "What a training step spends its time on",
        head,
        [
            (
                row["recipe"],
                row["images"],
                str(row["workers"]),
                *(time(row[f"{part}_median_s"]) for part in ("load", "augment", "compute")),
                f"{100 * row['load_share']:.1f}{NBSP}%",
                f"{100 * row['augment_share']:.1f}{NBSP}%",
            )
            for row in rows
        ],
    )


def of_page(record: dict[str, Any]) -> Table:
    """The page's engine beside ONNX Runtime Web."""
    rows = [
        (row["model"], row["browser"], row["candidate"], ratio(row), f"{row['logits_differ_by']:.0e}")
        for row in record["rows"]
        if row["candidate"] != record["rows"][0]["candidate"]  # the baseline comes first
    ]
    clock = "time of the processor" if all(row["processor_time"] for row in record["rows"]) else "time"
    return Table(
        f"The engine of the live figures beside {record['runtime'].replace('@', ' ')}, one thread, {clock}",
        ("Model", "Browser", "Candidate", "Time, ONNX Runtime Web = 1", "Logits differ by"),
        rows,
        f"{record['device'].split(',')[0]}. {record['date']}.",
    )


PRECISION = {"fp32": "float32", "tf32": "float32 in TF32 units", "bf16": "bfloat16 autocast"}


def about(record: dict[str, Any]) -> str:
    """On what the record was made."""
    versions = ", ".join(f"{package} {version}" for package, version in record["versions"].items())
    left_out = "".join(f" Left out: {reason}." for reason in record["left_out"])
    before, after = record["settings"].get("load_average", (None, None))
    load = "" if before is None else f" Load average {before} before and {after} after."
    n = record["settings"].get("processors")
    processors = f" on {n} processor{'s' * (n != 1)}" if n else ""
    where = f"{record['device']}{processors}. {record['date']}.{load} With {versions}.{left_out}"
    return f"{where} {verdict(record)}"


def verdict(record: dict[str, Any]) -> str:
    """Whether any library was measurably faster than ours: with its whole bracket below 1."""
    faster = [
        f"{name} in {result['work']} ({ratio(row)})"
        for result in record["libraries"]
        for name, row in result["rows"].items()
        if row["ratio_iqr"][1] < 1
    ]
    return f"Faster than ours: {', '.join(faster)}." if faster else "No library was measurably faster than ours."


def time(seconds: float) -> str:
    """Milliseconds, or microseconds below one, with three digits."""
    amount, unit = (seconds * 1e3, "ms") if seconds >= 1e-3 else (seconds * 1e6, "µs")
    return f"{amount:.0f}{NBSP}{unit}" if amount >= 100 else f"{amount:.3g}{NBSP}{unit}"


def ratio(row: dict[str, Any]) -> str:
    """``1.05 (1.03 to 1.07)``: median and quartiles over the rounds."""
    low, high = row["ratio_iqr"]
    return f"{row['ratio']:.2f} ({low:.2f} to {high:.2f})"


def rate(flops_per_s: float) -> str:
    """GFLOP/s or TFLOP/s."""
    small = flops_per_s < 1e12
    return f"{flops_per_s / 1e9:.0f}{NBSP}GFLOP/s" if small else f"{flops_per_s / 1e12:.1f}{NBSP}TFLOP/s"


def size(n_bytes: int | None) -> str:
    """Mebibytes."""
    return "not measured" if n_bytes is None else f"{n_bytes / 2**20:,.0f}{NBSP}MiB"


def text(record: dict[str, Any]) -> str:
    """The tables for a terminal."""
    parts = [about(record)]
    for table in tables(record):
        widths = [max(len(row[i]) for row in (table.head, *table.rows)) for i in range(len(table.head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in (table.head, *table.rows)]
        lines += [table.note] if table.note else []
        parts.append("\n".join([table.caption, *(f"  {line.rstrip()}" for line in lines)]))
    return "\n\n".join(parts).replace(NBSP, " ")
