#!/usr/bin/env bash
# Guess: torch's fused attention is never slower than softmax(Q K^T / sqrt(d)) V written out; in bfloat16, on a processor with units for it, training
#        is faster than in float32.
# True:  on a processor its backward pass does not use those units: in bfloat16 it takes longer than its own in float32, and several times as long as
#        the formula written out in bfloat16. An encoder under autocast spends most of a step there, and bf16 looks useless on processors.
#        Forward alone the fused path is as fast as one expects.
# Versions: torch 2.14.1 (2.12.1 alike), a processor with avx512_bf16 or amx_bf16.
# Matters to a ViT: short sequences of many images are what small ViTs train on (64 to 256 tokens). Write attention out when training in bfloat16 on a
# processor: a step of a ViT on 32x32 images then took 0.55 of the time of float32, with the fused path 1.2.
set -euo pipefail
if ! grep -qE 'avx512_bf16|amx_bf16' /proc/cpuinfo; then
    echo "skipped: this processor has no units for bfloat16, and there is nothing to be seen"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check numpy==2.4.6 "torch==${TORCH:-2.14.1}"
"$folder/venv/bin/python" - <<'PY'
import statistics
import time
from importlib.metadata import version

import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def written_out(q, k, v):
    return (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1) @ v


def times(function, dtype, shape):
    """Processor seconds of the forward and of the backward pass, medians of seven."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(shape, dtype=dtype, requires_grad=True) for _ in range(3))
    gradient, forward, backward = torch.randn(shape, dtype=dtype), [], []
    for _ in range(8):
        start = time.process_time()
        out = function(q, k, v)
        middle = time.process_time()
        out.backward(gradient)
        forward.append(middle - start)
        backward.append(time.process_time() - middle)
    return statistics.median(forward[1:]), statistics.median(backward[1:])


print("torch", version("torch"))
ok = True
for shape in ((128, 4, 64, 32), (64, 3, 197, 64)):
    fused32 = times(F.scaled_dot_product_attention, torch.float32, shape)
    fused16 = times(F.scaled_dot_product_attention, torch.bfloat16, shape)
    plain16 = times(written_out, torch.bfloat16, shape)
    print(f"[B, h, N, d] = {list(shape)}, milliseconds forward and backward:")
    for name, (f, b) in (("fused, float32", fused32), ("fused, bfloat16", fused16), ("written out, bfloat16", plain16)):
        print(f"  {name:22} {1e3 * f:6.1f} {1e3 * b:6.1f}")
    ok = ok and fused16[1] > 1.2 * fused32[1] and fused16[1] > 1.8 * plain16[1]
print("as recorded" if ok else "CHANGED: the fused backward pass in bfloat16 is no longer the slow one")
raise SystemExit(0 if ok else 1)
PY
