"""What a CUDA card does, as records: `python -m benchmarks.gpu --minutes 9 --out FOLDER`, or `make gpu`.

Parts in order of worth, each a process with a time limit of its own, each writing its record as soon as it has one:

    card      what the card is, and how fast it multiplies
    speed     a training step of a ViT of CIFAR-10's size and of ViT-B/16, beside timm, torchvision and transformers where they are installed
    cifar10   three seeds of the recipe `cifar10` side by side, as many epochs as the minutes allow
    more      a masked autoencoder on CIFAR-10 and its fine-tuning, and segmentation on CamVid, in the time that is left

FOLDER gets card.json, speed.json, results/*.json (as `vit-tutorial train --record` writes them), runs/ and summary.json. The same command with the
same FOLDER goes on where it was cut off; `--keep FOLDER` takes finished records into a checkout, where the results page shows them.
"""

import sys
from pathlib import Path

TAKEN = (
    "packages"  # beside this package, in a folder that was made to travel: libraries that the other machine may lack
)
if (_taken := Path(__file__).parent.parent.parent / TAKEN).is_dir():
    sys.path.append(str(_taken))  # last: what is installed there comes first
