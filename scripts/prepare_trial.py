"""Build the trial data: damage boxes and part masks of real photographs, each image labelled for one task only.

Reads the folders `bilgi`, `dsmlr` and `mlnuggets` of the real-image data and writes, with images as links:

    trial/            bilgi (damage boxes) and dsmlr (part masks) in one image tree, trial.yaml: two tasks
    trial-damage/     the bilgi images alone, damage.yaml: for a detection model on its own
    trial-parts/      the dsmlr images alone, parts.yaml: for a semantic model on its own
    mlnuggets-both/   mlnuggets with both labels on every image, mlnuggets.yaml: for looking, too small to train on

All share one split by the `group` column of the manifests, so that no vehicle is in train and val.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ayolom.data.convert import (
    Annotations,
    DatasetWriter,
    LabelledImage,
    Report,
    box_rows,
    class_map,
    read_coco,
    split_by_group,
    used_classes,
)
from ayolom.errors import AyolomError

EXAMPLES = """examples:
  python scripts/prepare_trial.py --data ../shared/data --out datasets/trial
  python scripts/prepare_trial.py --data ../shared/data --out datasets/trial --seed 1 --val 0.25 --overwrite
"""
DAMAGE_NAMES = {
    "airbag": "airbag_deployed",
    "astar": "bare_primer",
    "cam_catlagi": "glass_crack",
    "cizik": "scratch",
    "far_hasar": "lamp_damage",
    "gocuk": "dent",
    "kaput_hasar": "hood_damage",
    "kirik-kayip": "broken_or_missing",
}
FILES = {
    "bilgi": ("train/_annotations.coco.json", "valid/_annotations.coco.json", "test/_annotations.coco.json"),
    "dsmlr": ("trainingset/annotations.json", "testset/annotations.json"),
    "mlnuggets": ("train/COCO_train_annos.json", "val/COCO_val_annos.json"),
    "mlnuggets parts": ("train/COCO_mul_train_annos.json", "val/COCO_mul_val_annos.json"),
}
IMAGE_FOLDERS = {"dsmlr": "JPEGImages"}  # below the folder of the JSON file; elsewhere beside it


@dataclass(frozen=True)
class Source:
    """One source's annotations.

    Attributes:
        name: Name of its folder and prefix of its images.
        images: Annotations by image path, relative to the source's folder as in its manifest.
        classes: Names of the classes that occur, in the order of their ids.
    """

    name: str
    images: dict[str, LabelledImage]
    classes: list[str]


def main() -> int:
    """Build the data sets and print what is in them."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with bilgi, dsmlr and mlnuggets; only read")
    parser.add_argument(
        "--out", type=Path, default=Path("datasets/trial"), help="new folder; its siblings share a prefix"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the split")
    parser.add_argument("--val", type=float, default=0.2, help="share of each source's images for validation")
    parser.add_argument("--copy", action="store_true", help="copy the images instead of linking them")
    parser.add_argument("--overwrite", action="store_true", help="remove what an earlier run made")
    args = parser.parse_args()
    try:
        prepare(args.data, args.out, args.seed, args.val, "copy" if args.copy else "link", args.overwrite)
    except AyolomError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def prepare(
    data: Path, out: Path, seed: int, val: float, place: Literal["copy", "link"], overwrite: bool = False
) -> None:
    """Build the four data sets.

    Args:
        data: Folder of the sources.
        out: Folder of the two-task set; `out`-damage, `out`-parts and mlnuggets-both lie beside it.
        seed: Seed of the split.
        val: Share of each source's images for validation.
        place: Whether images are copied or linked.
        overwrite: Whether folders of an earlier run are removed first.

    Raises:
        AyolomError: A source is missing or an output folder is in use.
    """
    report = Report()
    damage, parts = load(data, "bilgi", report), load(data, "dsmlr", report)
    split = split_images(data, (damage, parts), val, seed)
    damage_ids = {name: number for number, name in enumerate(damage.classes)}
    part_ids = {name: number for number, name in enumerate(parts.classes, 1)}
    damage_names = {number: DAMAGE_NAMES.get(name, name) for name, number in damage_ids.items()}
    part_names = {0: "background", **{number: name for name, number in part_ids.items()}}
    tasks = {
        "damage": {"kind": "detect", "labels": "labels", "names": damage_names},
        "parts": {"kind": "semantic", "masks": "masks", "names": part_names, "ignore": 255},
    }
    folders = (out, out.with_name(f"{out.name}-damage"), out.with_name(f"{out.name}-parts"))
    together, damage_alone, parts_alone = (open_set(folder, report, place, overwrite) for folder in folders)
    boxes = {key: box_rows(image, damage_ids, report) for key, image in damage.images.items()}
    masks = {key: class_map(image, part_ids, report) for key, image in parts.images.items()}
    for writer, kept in ((together, (damage, parts)), (damage_alone, (damage,)), (parts_alone, (parts,))):
        for source in kept:
            for key, image in source.images.items():
                add(writer, data, source.name, key, image, split, boxes.get(key), masks.get(key))
    splits = {"train": "images/train", "val": "images/val"}
    remark = f"Made by scripts/prepare_trial.py (seed {seed}, {val:g} of the images for validation)"
    together.describe("trial.yaml", {**splits, "tasks": tasks}, f"{remark}: each image is labelled for one task.")
    damage_alone.describe("damage.yaml", {**splits, "names": damage_names}, f"{remark}: bilgi.")
    parts_alone.describe("parts.yaml", {**splits, "masks_dir": "masks", "names": part_names}, f"{remark}: dsmlr.")
    both = prepare_both(data, out.with_name("mlnuggets-both"), seed, val, place, overwrite, report)
    summarise((together, damage_alone, parts_alone, both))
    print_box_counts(split, boxes, damage_names)
    print_pixel_shares(split, masks, part_names)
    print("\nMet on the way:", *(report.lines() or ["nothing unusual"]), sep="\n  ")


def prepare_both(
    data: Path, out: Path, seed: int, val: float, place: Literal["copy", "link"], overwrite: bool, report: Report
) -> DatasetWriter:
    """Build the small set whose images carry both labels; the arguments are those of `prepare`."""
    damage, parts = load(data, "mlnuggets", report), load(data, "mlnuggets parts", report)
    split = split_images(data, (damage,), val, seed)
    damage_ids = {name: number for number, name in enumerate(damage.classes)}
    part_ids = {name: number for number, name in enumerate(parts.classes, 1)}
    writer = open_set(out, report, place, overwrite)
    for key, image in damage.images.items():
        boxes = box_rows(image, damage_ids, report)
        mask = class_map(parts.images[key], part_ids, report) if key in parts.images else None
        add(writer, data, "mlnuggets", key, image, split, boxes, mask)
    names = {0: "background", **{number: name for name, number in part_ids.items()}}
    tasks = {
        "damage": {"kind": "detect", "labels": "labels", "names": dict(enumerate(damage.classes))},
        "parts": {"kind": "semantic", "masks": "masks", "names": names, "ignore": 255},
    }
    remark = "For looking: not every visible part is labelled, so background may be a part."
    writer.describe("mlnuggets.yaml", {"train": "images/train", "val": "images/val", "tasks": tasks}, remark)
    return writer


def load(data: Path, name: str, report: Report) -> Source:
    """Read all annotation files of a source."""
    folder = name.partition(" ")[0]
    images: dict[str, LabelledImage] = {}
    parsed: list[Annotations] = []
    for file in FILES[name]:
        annotations = read_coco(data / folder / file)
        report.update(annotations.report)
        parsed.append(annotations)
        below = Path(file).parent / IMAGE_FOLDERS.get(folder, "")
        images.update({(below / image.file).as_posix(): image for image in annotations.images})
    classes = used_classes(parsed)
    unused = [entry for annotations in parsed[:1] for entry in annotations.names if entry not in classes]
    for entry in unused:
        report.add(f"class '{entry}' of {name} labels nothing (dropped)", FILES[name][0])
    return Source(folder, images, classes)


def split_images(data: Path, sources: tuple[Source, ...], val: float, seed: int) -> dict[str, Literal["train", "val"]]:
    """Return the split by image path, divided by the `group` column of the manifests."""
    groups: dict[str, str] = {}
    origin: dict[str, str] = {}
    for source in sources:
        file = data / source.name / "manifest.csv"
        try:
            with file.open(encoding="utf-8", newline="") as stream:
                listed = {row["image"]: row["group"] for row in csv.DictReader(stream)}
        except (OSError, KeyError) as error:
            raise AyolomError(f"{file}: needs the columns 'image' and 'group' ({error})") from error
        missing = [key for key in source.images if key not in listed]
        if missing:
            raise AyolomError(f"{file}: does not list {missing[0]} and {len(missing) - 1} more; add their groups")
        groups.update({key: listed[key] for key in source.images})
        origin.update(dict.fromkeys(source.images, source.name))
    return split_by_group(groups, origin, val, seed)


def open_set(out: Path, report: Report, place: Literal["copy", "link"], overwrite: bool) -> DatasetWriter:
    """Return a writer; what an earlier run made is removed on request, and nothing else."""
    if overwrite and out.is_dir():
        for made in ("images", "labels", "masks"):
            if (out / made).is_dir():
                shutil.rmtree(out / made)
        for file in out.glob("*.yaml"):
            file.unlink()
    return DatasetWriter(out, report, place)


def add(
    writer: DatasetWriter,
    data: Path,
    source: str,
    key: str,
    image: LabelledImage,
    split: dict[str, Literal["train", "val"]],
    boxes: np.ndarray | None,
    mask: np.ndarray | None,
) -> None:
    """Add one image under the name <source>__<name>."""
    name = f"{source}__{Path(key).stem}"
    writer.add(data / source / key, image.shape, split[key], name, boxes, mask)


def summarise(writers: tuple[DatasetWriter, ...]) -> None:
    """Print how many files each set holds."""
    print(f"{'set':<18}{'split':<7}{'images':>8}{'labels':>8}{'masks':>8}")
    for writer in writers:
        for split in ("train", "val"):
            counts = [len(list((writer.root / kind / split).glob("*"))) for kind in ("images", "labels", "masks")]
            print(f"{writer.root.name:<18}{split:<7}" + "".join(f"{count:>8}" for count in counts))


def print_box_counts(split: dict[str, Any], boxes: dict[str, np.ndarray], names: dict[int, str]) -> None:
    """Print the boxes of each class in each split."""
    counts = {side: Counter[int]() for side in ("train", "val")}
    for key, rows in boxes.items():
        counts[split[key]].update(int(number) for number in rows[:, 0])
    print(f"\n{'damage boxes':<20}{'train':>8}{'val':>8}")
    for number, name in names.items():
        print(f"{name:<20}{counts['train'][number]:>8}{counts['val'][number]:>8}")


def print_pixel_shares(split: dict[str, Any], masks: dict[str, np.ndarray], names: dict[int, str]) -> None:
    """Print in how many images of each split each part is seen, and its share of all pixels."""
    seen = {side: Counter[int]() for side in ("train", "val")}
    pixels = np.zeros(len(names))
    for key, mask in masks.items():
        counts = np.bincount(mask.ravel(), minlength=len(names))
        pixels += counts
        seen[split[key]].update(np.flatnonzero(counts).tolist())
    print(f"\n{'parts in images':<20}{'train':>8}{'val':>8}{'pixels':>9}")
    for number, name in names.items():
        share = pixels[number] / pixels.sum()
        print(f"{name:<20}{seen['train'][number]:>8}{seen['val'][number]:>8}{share:>9.2%}")


if __name__ == "__main__":
    sys.exit(main())
