"""Models and pictures that figures show: the committed ones, how they are read and made, and export to the page and to ONNX."""
