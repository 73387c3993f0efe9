#!/usr/bin/env bash
# Guess: with dynamic_shapes={"x": {0: Dim("batch")}} the ONNX file takes any number of images, or the exporter says why not.
# True:  if the model's forward says len(x) where it could say x.shape[0], the file takes exactly the number of the example, and
#        torch.onnx.export gives neither an error nor a warning about it. len() of a traced tensor is a plain number.
# Versions: torch 2.12.1, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.23.2.
# Matters to a ViT: a class token, register tokens or class queries are expanded to the batch, self.cls_token.expand(len(x), -1, -1),
# in the forward of most ViTs that people write. The test with the example's batch passes; the first batch of another size fails
# in the runtime. Write x.shape[0], and look at the file's own input shape.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
  numpy==2.2.6 torch==2.12.1 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.23.2
cd "$folder"
venv/bin/python - <<'PY' 2>/dev/null
import contextlib
import io
import warnings
from importlib.metadata import version

import onnx
import onnxruntime
import torch
from torch import nn


class WithToken(nn.Module):
    """A token before those of the patches, as a ViT has it."""

    def __init__(self, by_len: bool) -> None:
        super().__init__()
        self.by_len, self.token = by_len, nn.Parameter(torch.randn(1, 1, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = len(x) if self.by_len else x.shape[0]
        return torch.cat([self.token.expand(n, -1, -1), x], dim=1)


found = {}
for by_len in (True, False):
    said = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(said):
        warnings.simplefilter("always")
        torch.onnx.export(WithToken(by_len).eval(), (torch.zeros(2, 4, 8),), "model.onnx", dynamo=True, verbose=False,
                          dynamic_shapes={"x": {0: torch.export.Dim("batch")}})
    first = onnx.load("model.onnx").graph.input[0].type.tensor_type.shape.dim[0]
    session = onnxruntime.InferenceSession("model.onnx")
    try:
        session.run(None, {"x": torch.zeros(3, 4, 8).numpy()})
        three = "runs"
    except Exception as error:
        three = type(error).__name__
    about = [w for w in caught if any(word in str(w.message).lower() for word in ("dynamic", "batch", "speciali"))]
    found[by_len] = (first.dim_param or first.dim_value, len(about), three)
print("torch", version("torch"), "onnx", version("onnx"), "onnxscript", version("onnxscript"))
for by_len, (batch, warned, three) in found.items():
    print("len(x):    " if by_len else "x.shape[0]:", "batch of the file", batch, "| warnings about it", warned, "| three images:", three)
ok = found[True][0] == 2 and found[True][1] == 0 and found[True][2] != "runs" and found[False][0] == "batch" and found[False][2] == "runs"
print("as recorded" if ok else "CHANGED: the exporter now treats len(x) otherwise")
raise SystemExit(0 if ok else 1)
PY
