"""Weights in and out: our own files, and those of timm, torchvision and Hugging Face.

Files are safetensors: tensors and text, nothing that is executed when it is read.
"""

from vit_tutorial.weights.convert import convert_state_dict
from vit_tutorial.weights.files import read_safetensors, write_safetensors
from vit_tutorial.weights.model import load_classifier, load_model, load_weights, read_extra, save_model
from vit_tutorial.weights.pretrained import PRETRAINED, PRETRAINED_MEAN, PRETRAINED_STD, load_pretrained

__all__ = [
    "PRETRAINED",
    "PRETRAINED_MEAN",
    "PRETRAINED_STD",
    "convert_state_dict",
    "load_classifier",
    "load_model",
    "load_pretrained",
    "load_weights",
    "read_extra",
    "read_safetensors",
    "save_model",
    "write_safetensors",
]
