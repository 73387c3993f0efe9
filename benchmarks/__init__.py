"""Speed: our ViT against timm, torchvision, transformers and vit-pytorch, and what each choice of a training step costs.

`make bench` measures everything and prints it; `make bench ARGS=--record` also writes the file that the results page shows.
"""
