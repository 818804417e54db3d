"""Ways in and out: model files, ONNX, PyTorch, a table for the eye."""
