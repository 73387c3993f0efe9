"""One's own images with masks, all of them, and their division into splits."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .dataset import Splits
from .files import listed
from .pair_survey import PairReport, Seen, count_pixels
from .pairs import PairedImages
from .splitting import content_split

PARTS = ("train", "val", "test")


@dataclass(eq=False)
class AllPairs:
    """N images with masks that were looked at, before they are divided.

    Fields:
        given: of each image the split that it lies in; "all" where there are none. seen: what the survey saw of it.
    """

    images: PairedImages
    given: list[str]
    seen: list[Seen]
    report: PairReport

    def divided(self, val_fraction: float, test_fraction: float, split_seed: int) -> Splits:
        """Splits as they were given; one that is not there is cut from the training images by content, so copies of an image stay together.

        The report is told how many pixels each class has in each split.

        Raises:
            ValueError: no training images, too few images for the splits, or nothing in them to tell apart.
        """
        there = {part: [i for i, given in enumerate(self.given) if given == part] for part in (*PARTS, "all")}
        whole = there["train"] or there["all"]
        if not whole:
            raise ValueError(
                f"{self.report.root} has no training images, only {listed([part for part in there if there[part]])}; add a folder train. "
                "To score a model on all of these images: vit-tutorial evaluate MODEL --split all"
            )
        cut = [0.0 if there["val"] else val_fraction, 0.0 if there["test"] else test_fraction]
        train, val, test = (
            [whole[i] for i in part]
            for part in content_split([self.seen[i].image for i in whole], (1 - sum(cut), *cut), split_seed)
        )
        chosen = {"train": train, "val": there["val"] or val, "test": there["test"] or test}
        count_pixels(self.report, {part: [self.seen[i] for i in items] for part, items in chosen.items()})
        made = listed([part for part in PARTS if not there[part]])
        split = f"; {made} split by content, split seed {split_seed}" * bool(made)
        images = replace(self.images, variant=self.images.variant + split)
        return Splits(*(images.select(items) for items in chosen.values()), report=self.report)
