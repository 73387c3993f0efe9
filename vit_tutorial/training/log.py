"""What a run tells people while it goes: a progress bar, a TensorBoard log, a history file."""

from __future__ import annotations

import json
import sys
from typing import Any

from tqdm.auto import tqdm

from vit_tutorial.training.checkpoint import write_text
from vit_tutorial.training.run_folder import RunFolder
from vit_tutorial.training.state import Row


class RunLog:
    """Progress bar with the time left, and, with a folder, `history.jsonl` and TensorBoard files.

    Args:
        folder: where to write; None writes nothing.
        total_steps, first_step: length of the run, and where it starts (after a resume not at 0).
        progress: show the bar; where the output is a file, a line for about every twentieth part of the run.
    """

    def __init__(self, folder: RunFolder | None, total_steps: int, first_step: int, progress: bool) -> None:
        self.folder = folder
        live = sys.stderr.isatty() or "ipykernel" in sys.modules
        self.bar = tqdm(total=total_steps, initial=first_step, unit="step", disable=not (progress and live))
        self.lines = progress and not live
        self.total_steps, self.next_line = total_steps, 0
        self.board: Any = None
        if folder is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter  # takes a second to import
            except ModuleNotFoundError:  # a bare machine: the history is all that is kept
                return
            self.board = SummaryWriter(str(folder.tensorboard), purge_step=first_step)

    def step(self, step: int, values: Row) -> None:
        """One training step: its loss, learning rate and gradient norm."""
        self.bar.update()
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(f"step/{name}", value, step)

    def evaluation(self, history: list[Row], best_by: str) -> None:
        """The history has a new last row: losses, validation metrics, learning rate and speed. `best_by` is the metric that is shown."""
        row = history[-1]
        shown = {name: f"{row[name]:.4g}" for name in ("train_loss", "val_loss", f"val_{best_by}") if name in row}
        self.bar.set_postfix(epoch=int(row["epoch"]), **shown)
        if self.lines and row["step"] >= self.next_line:
            values = ", ".join(f"{name} {value}" for name, value in shown.items())
            print(f"epoch {row['epoch']:.0f}, step {row['step']:.0f} of {self.total_steps}: {values}", file=sys.stderr)
            self.next_line = int(row["step"]) + self.total_steps // 20
        if self.folder is not None:
            write_text(self.folder.history, "".join(json.dumps(row) + "\n" for row in history))
            for name, value in row.items() if self.board is not None else ():
                self.board.add_scalar(f"epoch/{name}", value, int(row["step"]))

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        if self.board is not None:
            self.board.close()
