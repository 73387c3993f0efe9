#!/usr/bin/env bash
# Guess: OpenVINO runs an ONNX graph's Resize with antialias=1 as ONNX Runtime, PyTorch and Pillow do.
# True:  on the CPU it reads the attribute, shows it on the node, and computes the plain resize without antialias, to
#        the last digit the result for antialias=0. There is no message. Shrinking 256 to 64 is up to 24 of 255 grey
#        levels off, 6 on average on the fine pattern below; ONNX Runtime agrees with Pillow within 0.001.
# Versions: openvino 2026.4.1, onnxruntime 1.23.2, onnx 1.23.2, Pillow 12.3.0.
# Matters to a ViT: whoever exports the preprocessing together with the model (interpolate(..., antialias=True) becomes
# this very node) gives the model other pictures than it was trained on. Resize before the graph, or compare both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
  numpy==2.2.6 pillow==12.3.0 onnx==1.23.2 onnxruntime==1.23.2 openvino==2026.4.1
cd "$folder"
venv/bin/python - <<'PY'
import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper
from PIL import Image


def graph(mode: str, antialias: int) -> bytes:
    """A model that shrinks [1, 1, 256, 256] to [1, 1, 64, 64] with the attributes that PyTorch's exporter writes."""
    node = helper.make_node(
        "Resize", ["x", "", "", "size"], ["y"], mode=mode, antialias=antialias, exclude_outside=antialias,
        coordinate_transformation_mode="half_pixel", cubic_coeff_a=-0.5,
    )
    return helper.make_model(
        helper.make_graph(
            [node], "resize",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 256, 256])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 64, 64])],
            [helper.make_tensor("size", TensorProto.INT64, [4], [1, 1, 64, 64])],
        ),
        opset_imports=[helper.make_opsetid("", 20)], ir_version=9,
    ).SerializeToString()


def with_openvino(model: bytes, x: np.ndarray) -> np.ndarray:
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([x])[0]


row, column = np.mgrid[:256, :256]
noise = np.random.default_rng(0).normal(0, 10, (256, 256))
picture = (127 + 60 * np.sin(column / 3) + 60 * np.sin(row / 5) + noise).clip(0, 255).astype(np.float32)
x = picture[None, None]
print("openvino", openvino.__version__, "onnxruntime", onnxruntime.__version__)
for mode, filter_ in (("linear", Image.Resampling.BILINEAR), ("cubic", Image.Resampling.BICUBIC)):
    pillow = np.asarray(Image.fromarray(picture).resize((64, 64), filter_))
    session = onnxruntime.InferenceSession(graph(mode, 1), providers=["CPUExecutionProvider"])
    runtime = session.run(None, {"x": x})[0]
    smooth, plain = with_openvino(graph(mode, 1), x), with_openvino(graph(mode, 0), x)
    off = np.abs(smooth - pillow)
    print(f"{mode:6} antialias=1, largest distance from Pillow: ONNX Runtime {np.abs(runtime - pillow).max():.5f}, "
          f"OpenVINO {off.max():.1f} (mean {off.mean():.1f}); OpenVINO 1 against 0: {np.abs(smooth - plain).max():.5f}")
    assert np.abs(runtime - pillow).max() < 0.001, "changed: ONNX Runtime no longer agrees with Pillow"
    assert off.max() > 20 and off.mean() > 4, "changed: OpenVINO now comes closer to Pillow"
    assert np.abs(smooth - plain).max() < 1e-3, "changed: OpenVINO now tells antialias 1 from 0"
PY
