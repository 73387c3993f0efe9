#!/usr/bin/env bash
# Guess: a schedule of the learning rate changes the learning rate. Beside SGD without momentum, OneCycleLR leaves the momentum at 0, or says
#        that it needs one; a rise of exactly one step is a rise of one step.
# True:  torch.optim.lr_scheduler.OneCycleLR sets the momentum of plain SGD to 0.95 when it is made, and lets it go down to 0.85 and up again, without
#        a word (cycle_momentum is True by default): with a momentum of 0.95 the same rate goes twenty times as far where gradients agree.
#        And where pct_start * total_steps is 1 it cannot be made at all: ZeroDivisionError.
# Versions: torch 2.12.1.
# Matters to a ViT: comparing schedules under SGD compares two optimisers, and short trainings (pct_start=0.1 of ten steps) stop with an
# error that names neither argument. Pass cycle_momentum=False, and look at param_groups after making any scheduler.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check numpy==2.2.6 torch==2.12.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import torch
from torch.optim.lr_scheduler import OneCycleLR


def momenta(**options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(3))], lr=0.1)
    before = optimizer.param_groups[0]["momentum"]
    scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=20, **options)
    seen = []
    for _ in range(19):
        seen.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    return before, max(seen), min(seen)


by_default, switched_off = momenta(), momenta(cycle_momentum=False)
try:
    OneCycleLR(torch.optim.SGD([torch.nn.Parameter(torch.zeros(3))], lr=0.1), max_lr=0.1, total_steps=10, pct_start=0.1)
    one_step = "is made"
except Exception as error:
    one_step = type(error).__name__
print("torch", version("torch"))
print("momentum of plain SGD before OneCycleLR, and its largest and smallest under it:", by_default)
print("with cycle_momentum=False:", switched_off)
print("a rise of exactly one step:", one_step)
ok = by_default[0] == 0 and round(by_default[1], 6) == 0.95 and by_default[2] < 0.9
ok = ok and switched_off == (0, 0, 0) and one_step == "ZeroDivisionError"
print("as recorded" if ok else "CHANGED: OneCycleLR now treats momentum or a rise of one step otherwise")
raise SystemExit(0 if ok else 1)
PY
