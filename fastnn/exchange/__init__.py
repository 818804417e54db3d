"""Export and import of networks: model files, ONNX, PyTorch, and a summary as text."""
