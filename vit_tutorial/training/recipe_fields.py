"""The fields of a recipe: what each means and which values it takes. What goes together with what is `recipe.py`'s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vit_tutorial.config import Config, setting

TRAINED, STEP, AUGMENTED, CHOSEN = (
    "what is trained",
    "how long, and with what step",
    "regularisation and augmentation",
    "selection",
)
WORDS, MACHINE = "for people", "machine"  # these two groups do not enter a run's definition
CLASSES, MASKS, UNLABELLED, SEVERAL = "classification", "segmentation", "pretraining", "multitask"
IMAGES = f"{CLASSES} or {UNLABELLED}"  # tasks that read whole images with a class each
FOLDERS = f"{IMAGES} or {SEVERAL}"  # tasks that read folders of such
NESTED = ("model", "pretraining", "multitask")  # fields that hold fields of their own


@dataclass(frozen=True)
class RecipeFields(Config):
    """Every choice of a training run, one field each, in the groups in which ``vit-tutorial train --fields`` prints them."""

    name: str
    title: str = setting("", "one line about it", group=WORDS)
    variant: str = setting("", "for an image folder, a sentence that says exactly which images these are", group=WORDS)
    seeds: tuple[int, ...] = setting((0, 1, 2), "seeds of the recorded runs", "[0, inf)", group=WORDS)

    task: str = setting(CLASSES, "what the model learns", one_of=(CLASSES, MASKS, UNLABELLED, SEVERAL), group=TRAINED)
    data: str = setting(
        "digits",
        "for classification and pretraining digits, digits_blocks, mnist, mnist_10k, fashion_mnist, cifar10, digit_photos, or one's own images: image_folder, shards (WebDataset tars) "
        "or huggingface (a data set on the disk); "
        "for segmentation digit_scenes, camvid, voc, coco, or mask_folder for one's own images with masks, in a folder or a COCO file; for multitask "
        "digit_scenes, cifar10 or image_folder for CIFAR-10's classes with attributes, or table for one's own images in a folder with labels.csv",
        group=TRAINED,
    )
    train_share: float = setting(
        1.0,
        "share of the training split that is used, the same of each class; the other splits stay whole",
        "(0, 1]",
        group=TRAINED,
        of=IMAGES,
    )
    on_bad: str = setting(
        "stop",
        "what to do at an image file that cannot be read, or at a faulty annotation of a COCO file",
        one_of=("stop", "skip"),
        group=TRAINED,
    )
    on_leak: str = setting(
        "stop",
        "what to do at an image that is in two splits or in two classes of a folder; drop it where it does harm",
        one_of=("stop", "drop"),
        group=TRAINED,
        of=FOLDERS,
    )
    split: str = setting(
        "shuffle",
        "how the missing splits of a folder are cut: by the images' contents, so that none moves when others are added (a recipe of a "
        "folder that does not say), or by chance (runs from before there was a choice)",
        one_of=("hash", "shuffle"),
        group=TRAINED,
        of=FOLDERS,
    )
    group_by: str = setting(
        "",
        "keeps images of a folder that have one origin in one split: folder for those of one folder below their class, or a regular "
        "expression of their paths, such as patient[0-9]+; empty for none",
        group=TRAINED,
        of=FOLDERS,
    )
    shuffle_shards: int = setting(
        0,
        "of shards that stay on the disk: so many are drawn, their images shuffled together, then the next; 0 shuffles all images, and "
        "reads all over the disk",
        "[0, inf)",
        group=TRAINED,
        of=IMAGES,
    )
    mask_suffix: str = setting(
        "", "what stands behind an image's name in its mask's: _mask for a.jpg and a_mask.png", group=TRAINED, of=MASKS
    )
    drawn_on: str = setting(
        "ask",
        "of photographs that a camera turned: whether masks lie on them as they are seen (upright) or as their file has them (stored); "
        "ask stops where their sizes do not tell",
        one_of=("ask", "upright", "stored"),
        group=TRAINED,
        of=MASKS,
    )
    value_range: str = setting(
        "auto",
        "of 16-bit images, what becomes black and white: full is 0 to 65535, data what the training images hold, auto is data where full "
        "would leave fewer than 64 of 256 levels",
        one_of=("auto", "full", "data"),
        group=TRAINED,
        of=FOLDERS,
    )
    arch: str = setting(
        "vit",
        "a ViT, or the convolutional network to compare with: for segmentation a U-Net",
        one_of=("vit", "cnn"),
        group=TRAINED,
    )
    model: dict[str, Any] = setting(  # noqa: RUF009 - it is copied
        {},
        "its fields: of ViTConfig (img_size, patch_size, embed_dim, depth, num_heads, drop_path_rate, ...), or size (tiny, small, base, large) and "
        "the fields that differ; of CNNConfig (widths, depth) or UNetConfig (widths) for a cnn; a segmenter also has those of SegmenterConfig (head, "
        "head_cells, head_depth, ...). in_chans and num_classes come from the data",
        group=TRAINED,
    )
    multitask: dict[str, Any] = setting(  # noqa: RUF009 - it is copied
        {},
        "several tasks at once: fields of MultiTaskConfig (weights, weighting, own_tokens, labelled, ...)",
        group=TRAINED,
        of=SEVERAL,
    )

    pretraining: dict[str, Any] = setting(  # noqa: RUF009 - it is copied
        {},
        "what is learned without labels: method (mae, dino, contrastive) and the other fields of PretrainingConfig that differ",
        group=TRAINED,
        of=UNLABELLED,
    )
    pretrained: str = setting(
        "",
        "a file of weights, the folder of a run, or the name of official weights (see weights.PRETRAINED), from which the encoder starts; {seed} in it "
        "stands for the run's seed; empty for none",
        group=TRAINED,
        of=CLASSES,
    )
    frozen: bool = setting(
        False, "train the head alone on the encoder as it is (a linear probe)", group=TRAINED, of=CLASSES
    )
    teacher: str = setting(
        "",
        "a trained classifier, ViT or CNN, whose answers are learnt beside the labels: its file or its run's folder; {seed} as in pretrained; empty for none",
        group=TRAINED,
        of=CLASSES,
    )
    teacher_weight: float = setting(
        0.5, "share of the teacher's part in the loss, the labels have the rest", "[0, 1]", group=TRAINED, of=CLASSES
    )
    teacher_temperature: float = setting(
        0.0,
        "T of the teacher's softened probabilities; 0 takes the class that it names as a second label",
        "[0, inf)",
        group=TRAINED,
        of=CLASSES,
    )
    teacher_token: bool = setting(
        False,
        "the teacher's answer is learnt by a second head, from the first register token (see DistilledClassifier; model.reg_tokens of at least 1)",
        group=TRAINED,
        of=CLASSES,
    )

    epochs: int = setting(10, "passes over the training split", "[1, inf)", group=STEP)
    batch_size: int = setting(
        64,
        "images a step, over all processes together; an epoch's last, smaller batch is left out",
        "[1, inf)",
        group=STEP,
    )
    optimizer: str = setting(
        "adamw",
        "muon takes Muon for the blocks' matrices and AdamW for the rest (see MuonAdamW)",
        one_of=("adamw", "adam", "sgd", "muon"),
        group=STEP,
    )
    lr: float = setting(1e-3, "peak learning rate", "(0, inf)", group=STEP)
    weight_decay: float = setting(0.05, "on matrices only (see parameter_groups)", "[0, inf)", group=STEP)
    layer_decay: float = setting(
        1.0,
        "d: layer l of L learns with lr * d^(L + 1 - l), the head with lr (see parameter_groups)",
        "(0, 1]",
        group=STEP,
    )
    betas: tuple[float, float] = setting(
        (0.9, 0.999), "AdamW's averaging factors; SGD takes the first as its momentum", "[0, 1)", group=STEP
    )
    schedule: str = setting(
        "cosine",
        "of the learning rate, after the warm-up; wsd is warm-up, stable, decay",
        one_of=("cosine", "constant", "step", "linear", "plateau", "one_cycle", "wsd"),
        group=STEP,
    )
    warmup_epochs: float = setting(
        0.0,
        "length of the linear warm-up, may be a fraction; of one_cycle the length of its rise",
        "[0, inf)",
        group=STEP,
    )
    min_lr: float = setting(
        0.0,
        "last learning rate of a schedule that falls smoothly, lowest of plateau; at most lr",
        "[0, inf)",
        group=STEP,
    )
    milestones: tuple[float, ...] = setting(
        (0.6, 0.8),
        "step multiplies by gamma when these shares of the training have passed",
        "(0, 1)",
        ascending=True,
        group=STEP,
    )
    gamma: float = setting(0.1, "factor at each milestone, or at each cut of plateau", "(0, 1]", group=STEP)
    plateau_patience: int = setting(
        10, "plateau cuts when more evaluations in a row than these brought no better score", "[0, inf)", group=STEP
    )
    decay_share: float = setting(0.2, "share of the training, at its end, in which wsd falls", "(0, 1]", group=STEP)
    clip_grad: float = setting(1.0, "largest global norm of the gradient; 0 does not clip", "[0, inf)", group=STEP)
    precision: str = setting("fp32", "number format of matrix products", one_of=("fp32", "bf16"), group=STEP)
    compile: bool = setting(False, "compile the model with torch.compile", group=STEP)

    patch_drop_until: float = setting(
        1.0,
        "model.patch_drop_rate ends when this share of the training has passed, and the rest sees whole images",
        "(0, 1]",
        group=AUGMENTED,
        of=CLASSES,
    )
    label_smoothing: float = setting(0.0, "e in (1 - e) * one-hot + e / K", "[0, 1)", group=AUGMENTED, of=CLASSES)
    dice: float = setting(0.0, "weight of the Dice loss beside cross-entropy", "[0, inf)", group=AUGMENTED, of=MASKS)
    focal_gamma: float = setting(
        0.0,
        "pixels that are right count less, by (1 - p)^gamma; 0 is cross-entropy",
        "[0, inf)",
        group=AUGMENTED,
        of=MASKS,
    )
    class_balance: float = setting(
        0.0,
        "a class weighs (median frequency / its frequency)^this in the loss; 0 weighs all images, or pixels, alike",
        "[0, 1]",
        group=AUGMENTED,
    )
    logit_adjustment: float = setting(
        0.0,
        "while training, this times the log of a class's frequency is added to its logit; 1 for classes of unequal number that are to "
        "count alike, 0 for none",
        "[0, inf)",
        group=AUGMENTED,
        of=CLASSES,
    )
    ema_decay: float = setting(
        0.0,
        "d of the weights' moving average, which is then what is evaluated and saved; 0 for none",
        "[0, 1)",
        group=AUGMENTED,
    )
    shift: float = setting(0.0, "largest translation in pixels", "[0, inf)", group=AUGMENTED)
    rotate: float = setting(0.0, "largest rotation in degrees", "[0, 180]", group=AUGMENTED)
    hflip: float = setting(0.0, "probability of mirroring", "[0, 1]", group=AUGMENTED)
    crop_padding: int = setting(0, "pixels of padding before a random crop", "[0, inf)", group=AUGMENTED, of=CLASSES)
    rand_augment: tuple[int, int] | None = setting(
        None, "operations an image, and their magnitude", ("[1, inf)", "[0, 30]"), group=AUGMENTED, of=CLASSES
    )
    random_resized_crop: tuple[float, float] | None = setting(
        None,
        "smallest and largest share of an image that is cut out and resized",
        "(0, 1]",
        ascending=True,
        group=AUGMENTED,
        of=CLASSES,
    )
    scale_jitter: tuple[float, float] | None = setting(
        None,
        "smallest and largest factor by which an image is scaled with its mask before a window is laid at random",
        "(0, inf)",
        ascending=True,
        group=AUGMENTED,
        of=MASKS,
    )
    color_jitter: float = setting(
        0.0, "largest relative change of brightness, contrast and saturation", "[0, 1]", group=AUGMENTED, of=MASKS
    )
    mixup: float = setting(0.0, "alpha of its Beta distribution, 0 for none", "[0, inf)", group=AUGMENTED, of=CLASSES)
    cutmix: float = setting(0.0, "alpha of its Beta distribution, 0 for none", "[0, inf)", group=AUGMENTED, of=CLASSES)
    random_erasing: float = setting(0.0, "probability of erasing a rectangle", "[0, 1]", group=AUGMENTED, of=CLASSES)

    eval_every: int = setting(1, "epochs between two evaluations on the validation split", "[1, inf)", group=CHOSEN)
    patience: int | None = setting(
        None, "stop after so many evaluations without a better one; null never stops early", "[1, inf)", group=CHOSEN
    )

    device: str = setting(
        "auto", "where to compute: cpu, cuda, cuda:1, mps; auto takes a GPU where there is one", group=MACHINE
    )
    micro_batch: int | None = setting(
        None,
        "images that go through the model at a time, in each process, where a whole batch needs too much memory; their gradients are added up to "
        "that of the batch (gradient accumulation), so only batch normalisation, Dice and what is random inside the model see it",
        "[1, inf)",
        group=MACHINE,
    )
    shard: bool = setting(
        False,
        "several processes divide weights, gradients and moments among them (FSDP2); false: each holds all of them (DDP)",
        group=MACHINE,
        of=f"{CLASSES} or {MASKS}",
    )
    read_loss_every: int = setting(
        1,
        "steps between two readings of the loss, each of which waits for a GPU to finish; a loss that is no number stops the training so much later",
        "[1, inf)",
        group=MACHINE,
    )
    threads: int | None = setting(None, "threads of the CPU; null leaves torch its choice", "[1, 1024]", group=MACHINE)
    workers: int = setting(0, "processes that decode images of a folder", "[0, inf)", group=MACHINE)
    checkpoint_every_seconds: float | None = setting(
        60.0, "seconds between two checkpoints; null for none by time", "[0, inf)", group=MACHINE
    )
    checkpoint_every_steps: int | None = setting(
        None, "steps between two checkpoints; null for none by steps", "[1, inf)", group=MACHINE
    )
