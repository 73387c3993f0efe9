"""The command line's words: commands, arguments, help.

What a command needs is imported when it is the one that was asked for, so that the others' help is there at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vit_tutorial.config import Config

TRAIN_EXAMPLES = """examples:
  vit-tutorial train digits
  vit-tutorial train digits --seeds 0,1,2 --record digits
  vit-tutorial train cifar10 --download --set model.depth=8 --set lr=5e-4
  vit-tutorial train image_folder --data photos/ --set patience=10
  vit-tutorial train image_folder --data frames/ --group-by folder
  vit-tutorial train image_folder --data photo-shards/ --set data=shards
  vit-tutorial train image_folder --data beans/ --set data=huggingface
  vit-tutorial train image_folder --data scans/ --group-by 'patient[0-9]+' --set value_range=data
  vit-tutorial train segmentation --data leaves/
  vit-tutorial train segmentation --data photos/annotations.json --set on_bad=skip
  vit-tutorial train image_folder --data photos/ --set on_bad=skip --set on_leak=drop --set model.img_size=32
  torchrun --nproc-per-node 4 -m vit_tutorial.cli train cifar10

The same command again goes on where it was stopped, or says that it is finished.
"""
SWEEP_EXAMPLES = """examples:
  vit-tutorial sweep lr_batch
  vit-tutorial sweep mine.yaml --jobs 2 --record mine

A sweep file names a recipe, the settings to compare, and the seeds:
  recipe: digits_blocks
  overrides: {epochs: 20}
  grid: {lr: [1e-3, 3e-3], batch_size: [32, 64]}
  seeds: [0, 1, 2]

The same command again goes on where it was stopped: no finished run is trained twice, and one that was cut short resumes.
Settings are compared on the validation split; --test opens the test split for the chosen one alone.
"""
EVALUATE_EXAMPLES = """examples:
  vit-tutorial evaluate runs/digits/seed-0
  vit-tutorial evaluate runs/image_folder/seed-0 --data photos/ --split test --mistakes 20
  vit-tutorial evaluate runs/image_folder/seed-0 --data collected-later/
  vit-tutorial evaluate runs/segmentation/seed-0 --data leaves/ --split test

A run remembers its images by their contents: its test split is scored as it was, whatever was added to the folder since.
"""
PREDICT_EXAMPLES = """examples:
  vit-tutorial predict runs/digits/seed-0 three.png
  vit-tutorial predict model.safetensors photos/ --top 5
  vit-tutorial predict runs/image_folder/seed-0 https://example.org/cat.jpg
  vit-tutorial predict runs/image_folder/seed-0 photos/ --format csv > answers.csv

The model may also be a file that save_model wrote in Python. Where it was not given mean and std, pixels go in from 0 to 1, and
where it was not given classes, they are numbered; that is said.

A segmenter writes a mask of each image, a PNG of class numbers as large as the image:
  vit-tutorial predict runs/segmentation/seed-0 photos/ --out masks/

An image that cannot be read is named in its place, the others are answered, and the exit status is 1.
"""
EXPORT_EXAMPLES = """examples:
  vit-tutorial export runs/image_folder/seed-0 --to site --pictures one.jpg two.jpg
  vit-tutorial export runs/digits/seed-0 --to onnx
  vit-tutorial export runs/digits28/seed-0 --to page --out digits28

Of a masked autoencoder the run's folder gives encoder and decoder, for the page only, and its model.safetensors the encoder:
  vit-tutorial export runs/mae_garments/seed-0 --to page --out mae-garments

Of a segmenter the site is a picture under its mask, and ONNX gives the scores of all pixels:
  vit-tutorial export runs/segmentation/seed-0 --to site --pictures one.jpg
  vit-tutorial export runs/segmentation/seed-0 --to onnx
"""
SHARDS_EXAMPLES = """examples:
  vit-tutorial shards photos/ --to photo-shards/
  vit-tutorial shards photos/ --to photo-shards/ --per-shard 5000
  vit-tutorial train image_folder --data photo-shards/ --set data=shards

The shards are tar files in the WebDataset layout: 0000012-cat.jpg and 0000012-cat.cls, and beside them classnames.txt. The images are
copied byte for byte, so training goes through the same steps from the shards as from the folder.
"""


def build_parser(asked: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands. A parsed command's function is `options.run`.

    Args:
        asked: of the other commands only name and summary are there; None for all of all.
    """
    parser = argparse.ArgumentParser(
        prog="vit-tutorial", description="Train, evaluate and use Vision Transformers, from the book's own package."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (summary, add_arguments) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if asked in (None, name):
            add_arguments(command)
            command.add_argument("--debug", action="store_true", help="show a traceback when something fails")
    return parser


def _add_train(p: argparse.ArgumentParser) -> None:
    from vit_tutorial.cli.train import train_recipe
    from vit_tutorial.training import list_recipes

    recipes = f"recipes: {', '.join(list_recipes())}, or a .yaml file\n\n"
    p.set_defaults(run=train_recipe)
    p.epilog = recipes + TRAIN_EXAMPLES
    p.add_argument("recipe", metavar="RECIPE", help="name of a recipe, or a path to a .yaml file")
    p.add_argument("--fields", action=_Fields, nargs=0, help="print what can be changed with --set, and end")
    p.add_argument(
        "--data", type=_path, metavar="FOLDER", help="folder of images, COCO file, or data root (default: $VIT_DATA)"
    )
    p.add_argument("--download", action="store_true", help="let torchvision download missing data")
    seeds = p.add_mutually_exclusive_group()
    seeds.add_argument("--seed", dest="seeds", type=lambda text: [_seed(text)], metavar="N", help="seed of the run")
    seeds.add_argument("--seeds", type=_seeds, metavar="N,N,...", help="several runs, one a seed")
    p.add_argument(
        "--group-by",
        metavar="folder|PATTERN",
        help="keep images of one origin (a clip, a person) in one split: those of one folder below their class, or whose paths agree in what "
        "the regular expression matches; the same as --set group_by=...",
    )
    p.add_argument("--epochs", type=int, metavar="N", help="the same as --set epochs=N")
    p.add_argument("--device", metavar="NAME", help="auto, cpu, cuda or mps")
    p.add_argument("--set", type=_assignment, action="append", default=[], metavar="FIELD=VALUE", help="change a field")
    p.add_argument("--out", type=_path, metavar="FOLDER", help="where the runs go (default: runs/RECIPE)")
    p.add_argument("--resume", action=argparse.BooleanOptionalAction, default=True, help="go on with a stopped run")
    p.add_argument(
        "--test", action=argparse.BooleanOptionalAction, default=True, help="score the test split at the end"
    )
    p.add_argument("--record", metavar="NAME", help="write the result as a record of that name, for the book")
    p.add_argument("--short-run", action="store_true", help="mark the record as a short run that claims no quality")
    p.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_sweep(p: argparse.ArgumentParser) -> None:
    from vit_tutorial.cli.sweep import run_sweep
    from vit_tutorial.training.sweep import Sweep, list_sweeps

    fields = f"fields of a sweep:\n{Sweep.describe()}\n\nsweeps: {', '.join(list_sweeps())}, or a .yaml file\n\n"
    p.set_defaults(run=run_sweep)
    p.epilog = fields + SWEEP_EXAMPLES
    p.add_argument("sweep", metavar="SWEEP", help="name of a sweep, or a path to a .yaml file")
    p.add_argument(
        "--data", type=_path, metavar="FOLDER", help="folder of images, COCO file, or data root (default: $VIT_DATA)"
    )
    p.add_argument("--download", action="store_true", help="let torchvision download missing data")
    p.add_argument("--out", type=_path, metavar="FOLDER", help="where the runs go (default: runs/sweeps/SWEEP)")
    p.add_argument(
        "--jobs",
        type=_at_least_one,
        metavar="N",
        help="runs at a time, each a process (default: one a GPU, or as many as cores and memory allow)",
    )
    p.add_argument("--test", action="store_true", help="score the test split for the chosen setting, once")
    p.add_argument("--record", metavar="NAME", help="write the result as a record of that name, for the book")
    p.add_argument("--quiet", action="store_true", help="no line a run")


def _add_evaluate(p: argparse.ArgumentParser) -> None:
    from vit_tutorial.cli.commands import evaluate_run

    p.set_defaults(run=evaluate_run)
    p.epilog = EVALUATE_EXAMPLES
    p.add_argument("model", type=_path, metavar="RUN_OR_FILE", help="a run's folder, or a model.safetensors")
    p.add_argument(
        "--split",
        choices=["train", "val", "test", "all"],
        default="val",
        help="all: every image of a folder (default: val)",
    )
    p.add_argument(
        "--data",
        type=_path,
        metavar="FOLDER",
        help="the folder of the run, a labelled folder collected later (CLASS/*.jpg: all of it is scored), or data root (default: $VIT_DATA)",
    )
    p.add_argument(
        "--mistakes", type=_count, default=5, metavar="N", help="how many of the surest mistakes (default: 5)"
    )
    p.add_argument("--format", choices=["text", "json"], default="text", help="of the output (default: text)")
    p.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or mps")


def _add_predict(p: argparse.ArgumentParser) -> None:
    from vit_tutorial.cli.predict import predict_images

    p.set_defaults(run=predict_images)
    p.epilog = PREDICT_EXAMPLES
    p.add_argument("model", type=_path, metavar="RUN_OR_FILE", help="a run's folder, or a model.safetensors")
    p.add_argument("images", nargs="+", metavar="IMAGE", help="image files, folders of them, or http(s) addresses")
    p.add_argument(
        "--out",
        type=_path,
        metavar="FOLDER",
        help="of a segmenter: where its masks go, with a COCO file of all of them",
    )
    p.add_argument("--top", type=int, metavar="K", help="how many classes to show (default: 3, if there are so many)")
    p.add_argument("--format", choices=["text", "csv", "json"], default="text", help="of the output (default: text)")
    p.add_argument("--batch-size", type=int, default=64, metavar="N", help="images a forward pass (default: 64)")
    p.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or mps")


def _add_export(p: argparse.ArgumentParser) -> None:
    from vit_tutorial.cli.export import run_export
    from vit_tutorial.widgets.models.export import DTYPES

    p.set_defaults(run=run_export)
    p.epilog = EXPORT_EXAMPLES
    p.add_argument("model", type=_path, help="a run's folder, or a model file (safetensors, as training writes it)")
    p.add_argument(
        "--to",
        choices=["site", "page", "onnx"],
        required=True,
        help="site: one HTML file that runs it; page: for the book's figures; onnx: for other runtimes",
    )
    p.add_argument(
        "--out",
        type=_path,
        help="where to write, without suffix, or a folder that is there (default: beside the model)",
    )
    p.add_argument(
        "--pictures",
        nargs="+",
        metavar="FILE",
        help="of a site: image files, or folders of them, that become part of it",
    )
    p.add_argument("--title", help="of a site (default: A Vision Transformer)")
    p.add_argument("--dtype", choices=DTYPES, help="of a site or page: how the weights are stored (default: int8)")


def _add_shards(p: argparse.ArgumentParser) -> None:
    from vit_tutorial.cli.shards import pack_folder

    p.set_defaults(run=pack_folder)
    p.epilog = SHARDS_EXAMPLES
    p.add_argument("folder", type=_path, metavar="FOLDER", help="a folder of images, as train image_folder reads it")
    p.add_argument("--to", type=_path, required=True, metavar="OUT", help="a new folder for the shards")
    p.add_argument("--per-shard", type=int, default=1000, metavar="N", help="images a shard (default: 1000)")
    p.add_argument(
        "--shuffle",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="pack the images in random order, so that a shard holds all classes",
    )
    p.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_results(p: argparse.ArgumentParser) -> None:
    from vit_tutorial.cli.commands import show_results

    p.set_defaults(run=show_results)
    p.add_argument("name", nargs="?", metavar="NAME", help="show one of them in full")


def _add_doctor(p: argparse.ArgumentParser) -> None:
    from vit_tutorial.cli.doctor import diagnose

    p.set_defaults(run=diagnose)
    p.add_argument("--data", type=_path, metavar="FOLDER", help="data root (default: $VIT_DATA)")
    p.add_argument(
        "--measure",
        action="store_true",
        help="measure memory and time of training steps, beside what the formulas of chapter 7.1 say",
    )
    p.add_argument("--device", metavar="NAME", default="auto", help="where to measure: auto, cpu, cuda or mps")


COMMANDS = {
    "train": ("train a recipe; resumes by itself", _add_train),
    "sweep": ("train a recipe at several settings and compare them; resumes by itself", _add_sweep),
    "evaluate": ("metrics and mistakes of a trained model", _add_evaluate),
    "predict": ("classify images, or make masks of them", _add_predict),
    "export": ("write a model as a web page, for the book's pages, or for other runtimes (ONNX)", _add_export),
    "shards": ("pack a folder of images into tar shards, for sets larger than memory", _add_shards),
    "results": ("the recorded runs that the book quotes", _add_results),
    "doctor": ("check this machine: versions, devices, memory, data", _add_doctor),
}


class _Fields(argparse.Action):
    """Prints the fields of a recipe and of its model, like --help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from vit_tutorial.cnn import CNNConfig, UNetConfig
        from vit_tutorial.heads import MultiTaskConfig, SegmenterConfig
        from vit_tutorial.pretraining import PretrainingConfig
        from vit_tutorial.training import Recipe
        from vit_tutorial.vit import ViTConfig

        print(Recipe.describe())
        kinds: dict[str, type[Config]] = {"arch vit": ViTConfig, "arch vit in segmentation, besides": SegmenterConfig}
        kinds |= {"arch cnn": CNNConfig, "arch cnn in segmentation": UNetConfig}
        for kind, config in kinds.items():
            print(f"Model, for {kind}, as in --set model.depth=6:\n{config.describe()}")
        print(f"Pretraining, as in --set pretraining.method=dino:\n{PretrainingConfig.describe()}")
        print(f"Several tasks, as in --set multitask.weighting=uncertainty:\n{MultiTaskConfig.describe()}")
        parser.exit()


def _path(text: str) -> Path:
    if not text.strip():  # an empty variable of a shell; as a path it would be the folder that one is in
        raise argparse.ArgumentTypeError("the path is empty; give a file or folder, or . for this folder")
    return Path(text)


def _seed(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit()) or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; give a whole number from 0 and below 2**63")
    return int(text)


def _at_least_one(text: str) -> int:
    if not text.strip().isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes; give a whole number from 1")
    return int(text)


def _count(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of mistakes; give a whole number from 0")
    return int(text)


def _seeds(text: str) -> list[int]:
    seeds = [_seed(part) for part in text.split(",")]
    if len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(f"{text!r} names a seed twice")
    return seeds


def _assignment(text: str) -> tuple[str, Any]:
    import yaml

    from vit_tutorial.training.yaml_text import read_yaml

    field, equals, value = text.partition("=")
    if not equals or not field.strip():
        raise argparse.ArgumentTypeError(
            f"{text!r} is no assignment; write FIELD=VALUE, as in lr=5e-4 or model.depth=6"
        )
    try:
        return field.strip(), read_yaml(value)
    except yaml.YAMLError as error:
        raise argparse.ArgumentTypeError(f"the value of {text!r} cannot be read: {error}") from error
