"""cnnbp beside PyTorch, in one run. Run with ``python -m benchmarks`` from the repository."""
