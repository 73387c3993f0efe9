"""Metrics: plain functions of tensors, which know nothing of models, tasks or the training loop."""
