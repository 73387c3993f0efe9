"""Weights in and out: our own files, and those of timm, torchvision and Hugging Face.

Our files are safetensors: tensors and text. Others' may also be ``.npz`` or torch's; nothing is executed when a file is read.
"""

from vit_tutorial.weights.convert import convert_state_dict
from vit_tutorial.weights.encoder import encoder_normalisation, load_encoder
from vit_tutorial.weights.files import read_safetensors, read_weights, write_safetensors
from vit_tutorial.weights.model import load_classifier, load_model, load_weights, plain_model, read_extra, save_model
from vit_tutorial.weights.multitask import holds_multitask, load_multitask, save_multitask
from vit_tutorial.weights.preparation import Preparation
from vit_tutorial.weights.pretrained import PRETRAINED, Official, load_pretrained, preparation
from vit_tutorial.weights.segmenter import holds_segmenter, load_segmenter, save_segmenter

__all__ = [
    "PRETRAINED",
    "Official",
    "Preparation",
    "convert_state_dict",
    "encoder_normalisation",
    "holds_multitask",
    "holds_segmenter",
    "load_classifier",
    "load_encoder",
    "load_model",
    "load_multitask",
    "load_pretrained",
    "load_segmenter",
    "load_weights",
    "plain_model",
    "preparation",
    "read_extra",
    "read_safetensors",
    "read_weights",
    "save_model",
    "save_multitask",
    "save_segmenter",
    "write_safetensors",
]
