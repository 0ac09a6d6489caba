"""Masks of a folder and the images that they belong to: folders side by side, or the naming of Cityscapes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ayolom.data.convert._files import ENDINGS
from ayolom.data.walk import walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ayolom.data.convert._format import ReadOptions

IMAGE_FOLDERS = ("images", "JPEGImages", "leftImg8bit", "imgs", "img", "image")
MASK_FOLDERS = ("masks", "SegmentationClass", "annotations", "mask", "labels", "gtFine", "segmentation", "seg", "gt")
CITY_IMAGE = "_leftImg8bit"
CITY_MASK = re.compile(r"_gtFine_(labelTrainIds|labelIds|color)$|_gtCoarse_(labelTrainIds|labelIds|color)$")
CITY_ORDER = ("labelTrainIds", "labelIds", "color")
TABLE = "_classes.csv"  # ending of the table that our export writes beside a folder of masks


def is_mask(name: str) -> bool:
    """Return whether a file's name ends like a mask's."""
    return name.lower().endswith((".png", ".bmp", ".tif", ".tiff"))


def city_masks(source: Path, order: tuple[str, ...] = CITY_ORDER) -> Iterator[Path]:
    """Yield one mask of each image in Cityscapes naming, of the first kind in `order` that is there."""
    for path in walk(source, lambda name: bool(CITY_MASK.search(Path(name).stem))):
        stem = CITY_MASK.sub("", path.stem)
        prefix = path.stem[len(stem) :].rpartition("_")[0]
        best = next(kind for kind in order if path.with_name(f"{stem}{prefix}_{kind}{path.suffix}").is_file())
        if path.stem.endswith(f"_{best}"):
            yield path


def tabled_folders(source: Path) -> list[str]:
    """Return the folders of masks that a table of classes of their name lies beside, as our export writes them."""
    tables = [file for file in sorted(source.glob(f"*{TABLE}")) if file.name != TABLE and _is_table(file)]
    names = [file.name.removesuffix(TABLE) for file in tables]
    return [name for name in names if (source / name).is_dir()]


def _is_table(file: Path) -> bool:
    """Return whether a file begins like a table of classes; exports of others have the same ending."""
    try:
        with file.open(encoding="utf-8-sig") as stream:
            return {"id", "name"} <= set(stream.readline(1000).strip().split(","))
    except (OSError, UnicodeDecodeError):
        return False


def mask_folders(source: Path, images: Path | None, first: str = "") -> tuple[Path, Path] | None:
    """Return the folder of images and that of masks, `first` where it is there; None when there is no such pair."""
    below = {folder.name: folder for folder in source.iterdir() if folder.is_dir()}
    picture = images or next((below[name] for name in IMAGE_FOLDERS if name in below), None)
    masks = next((below[name] for name in (first, *MASK_FOLDERS) if name in below), None)
    if masks is None and images is not None:
        masks = source
    return None if picture is None or masks is None else (picture, masks)


def mask_pairs(source: Path, options: ReadOptions, first: str = "") -> Iterator[tuple[Path, Path, str]]:
    """Yield mask, image (there or not) and the image's name; of the folder `first` where it is there."""
    found = False
    for mask in city_masks(source, CITY_ORDER[::-1] if options.colors else CITY_ORDER):
        found = True
        yield (mask, *_city_image(mask, source, options.images))
    if found:
        return
    folders = mask_folders(source, options.images, first)
    if folders is None:
        raise AyolomError(
            f"{source}: has no folder of images ({', '.join(IMAGE_FOLDERS)}) beside one of masks "
            f"({', '.join(MASK_FOLDERS)}); give the folder of masks as source= and the images as images="
        )
    pictures, masks = folders
    for mask in walk(masks, is_mask):
        relative = mask.relative_to(masks)
        stems = [relative.with_suffix(""), relative.with_name(re.sub(r"[_-]?(mask|seg|label)$", "", relative.stem))]
        tries = [pictures / f"{stem}{suffix}" for stem in stems for suffix in ENDINGS]
        image = next((file for file in tries if file.is_file()), tries[0])
        yield mask, image, image.relative_to(pictures).as_posix()


def _city_image(mask: Path, source: Path, images: Path | None) -> tuple[Path, str]:
    """Return the image of a mask in Cityscapes naming, and its name."""
    stem = CITY_MASK.sub("", mask.stem) + CITY_IMAGE
    relative = mask.parent.relative_to(source)
    parts = [part for part in relative.parts if part not in {"gtFine", "gtCoarse"}]
    bases = [images] if images else [source / "leftImg8bit", source, source.parent / "leftImg8bit"]
    folders = [*(base.joinpath(*parts) for base in bases), *bases, mask.parent]
    tries = [folder / f"{stem}{suffix}" for folder in folders for suffix in ENDINGS]
    return next((file for file in tries if file.is_file()), tries[0]), "/".join([*parts, f"{stem}.png"])
