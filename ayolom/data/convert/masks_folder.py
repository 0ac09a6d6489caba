"""Folders of masks: class ids, colour palettes, and the naming of Cityscapes."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from ayolom.data.convert import _cityscapes
from ayolom.data.convert._files import ENDINGS
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._sizes import header_shape
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._values import LabelledImage
from ayolom.data.walk import walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ayolom.data.convert._format import ReadOptions
    from ayolom.data.convert._values import Report

IMAGE_FOLDERS = ("images", "JPEGImages", "leftImg8bit", "imgs", "img", "image")
MASK_FOLDERS = ("masks", "SegmentationClass", "annotations", "mask", "labels", "gtFine", "segmentation", "seg", "gt")
NAME_FILES = ("classes.txt", "names.txt", "labels.txt", "class_names.txt")
CITY_IMAGE = "_leftImg8bit"
CITY_MASK = re.compile(r"_gtFine_(labelTrainIds|labelIds|color)$|_gtCoarse_(labelTrainIds|labelIds|color)$")
CITY_ORDER = ("labelTrainIds", "labelIds", "color")
IGNORE = 255
VOID = "ignore"  # name in a palette of what teaches nothing
LOOKED_AT = 20  # masks that are opened to tell what they hold


@dataclass(frozen=True)
class Coding:
    """What the pixels of the masks mean.

    Attributes:
        names: Class names by position.
        values: Position by pixel value, of grey and palette masks; 255 for what teaches nothing.
        colors: Position by colour (red, green, blue), of colour masks.
        binary: Whether the value 255 stands for class 1, as in masks of black and white.
    """

    names: tuple[str, ...]
    values: dict[int, int]
    colors: dict[tuple[int, int, int], int]
    binary: bool = False


class MasksFormat(Format):
    """A folder of images and a folder of masks with the same names (https://www.cityscapes-dataset.com for its own)."""

    name: ClassVar[str] = "masks"
    title: ClassVar[str] = "mask folders: class ids, colour palettes, Cityscapes naming"

    def recognises(self, source: Path) -> bool:
        """Return whether a folder has masks in Cityscapes naming, or a folder of images beside one of PNG masks."""
        if not source.is_dir():
            return False
        if next(_city_masks(source), None) is not None:
            return True
        folders = _folders(source, None)
        return folders is not None and next(walk(folders[1], _is_mask, 1), None) is not None

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return the only layer, its names in the order of the ids or of the palette.

        Raises:
            AyolomError: Nothing tells what the pixels mean.
        """
        return (Layer("masks", "semantic", _coding(source, options).names),)

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield an image for each mask; ids and colours without a class teach nothing and are reported."""
        coding = _coding(source, options)
        for mask_file, image, name in _pairs(source, options):
            split = split_of(mask_file.relative_to(source).parent)
            label = _read_mask(mask_file, coding, report, name)
            if label is None:
                report.add("mask cannot be read", f"{mask_file}: whole file", name)
                yield LabelledImage(name, (0, 0), (), image, split, complete=False)
            else:
                yield LabelledImage(name, (label.shape[0], label.shape[1]), (), image, split, label)


def _is_mask(name: str) -> bool:
    """Return whether a file's name ends like a mask's."""
    return name.lower().endswith((".png", ".bmp", ".tif", ".tiff"))


# Files --------------------------------------------------------------------------------------------------------------
def _city_masks(source: Path, order: tuple[str, ...] = CITY_ORDER) -> Iterator[Path]:
    """Yield one mask of each image in Cityscapes naming, of the first kind in `order` that is there."""
    for path in walk(source, lambda name: bool(CITY_MASK.search(Path(name).stem))):
        stem = CITY_MASK.sub("", path.stem)
        prefix = path.stem[len(stem) :].rpartition("_")[0]
        best = next(kind for kind in order if path.with_name(f"{stem}{prefix}_{kind}{path.suffix}").is_file())
        if path.stem.endswith(f"_{best}"):
            yield path


def _folders(source: Path, images: Path | None) -> tuple[Path, Path] | None:
    """Return the folder of images and that of masks, None when there is no such pair."""
    below = {folder.name: folder for folder in source.iterdir() if folder.is_dir()}
    picture = images or next((below[name] for name in IMAGE_FOLDERS if name in below), None)
    masks = next((below[name] for name in MASK_FOLDERS if name in below), None)
    if masks is None and images is not None:
        masks = source
    return None if picture is None or masks is None else (picture, masks)


def _pairs(source: Path, options: ReadOptions) -> Iterator[tuple[Path, Path, str]]:
    """Yield mask, image (there or not) and the image's name."""
    found = False
    for mask in _city_masks(source, CITY_ORDER[::-1] if options.colors else CITY_ORDER):
        found = True
        yield (mask, *_city_image(mask, source, options.images))
    if found:
        return
    folders = _folders(source, options.images)
    if folders is None:
        raise AyolomError(
            f"{source}: has no folder of images ({', '.join(IMAGE_FOLDERS)}) beside one of masks "
            f"({', '.join(MASK_FOLDERS)}); give the folder of masks as source= and the images as images="
        )
    pictures, masks = folders
    for mask in walk(masks, _is_mask):
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


# Meaning of the pixels ------------------------------------------------------------------------------------------------
def _coding(source: Path, options: ReadOptions) -> Coding:
    """Return what the pixels mean: by the user's word, by a file of the source, or by Cityscapes' table."""
    city = next(_city_masks(source), None) is not None
    palette = options.colors or _palette_file(source)
    if palette:
        names = tuple(name for name in dict.fromkeys(palette.values()) if name != VOID)
        positions = {**{name: position for position, name in enumerate(names)}, VOID: IGNORE}
        return Coding(names, {}, {colour: positions[name] for colour, name in palette.items()})
    names = options.names or _names_file(source)
    if not names and city:
        void = dict.fromkeys(_cityscapes.VOID_COLORS, IGNORE)
        return Coding(_cityscapes.NAMES, {}, {**void, **_cityscapes.COLORS})
    present = _values(source, options)
    if not names:
        raise AyolomError(
            f"{source}: no file tells what the mask values {_few(present)} mean (looked for "
            f"{', '.join(NAME_FILES)}, labelmap.txt and class_dict.csv); give names=background,hood,... by value, "
            "or colors=palette.yaml for colour masks"
        )
    binary = present <= {0, IGNORE} and IGNORE in present and len(names) <= 2
    if len(names) == 1:
        names = ("background", *names)
    return Coding(names, {value: value for value in range(len(names))}, {}, binary)


def _few(values: set[int]) -> str:
    """Return some values as text."""
    listed = sorted(values)
    return ", ".join(map(str, listed[:12])) + (", ..." if len(listed) > 12 else "")


def _values(source: Path, options: ReadOptions) -> set[int]:
    """Return the values of the first grey masks."""
    present: set[int] = set()
    for number, (mask, _, _) in enumerate(_pairs(source, options)):
        if number >= LOOKED_AT:
            break
        pixels = _ids(mask)
        if pixels is not None:
            present.update(np.unique(pixels).tolist())
    return present


def _names_file(source: Path) -> tuple[str, ...]:
    """Return the class names by id of a text file with one a line, () when there is none."""
    file = next((source / name for name in NAME_FILES if (source / name).is_file()), None)
    if file is None:
        return ()
    lines = (line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines())
    return tuple(re.sub(r"^\d+\s*[:,]?\s+", "", line) for line in lines if line)


def _palette_file(source: Path) -> dict[tuple[int, int, int], str]:
    """Return class name by colour of CVAT's labelmap.txt or CamVid's class_dict.csv, {} when there is neither."""
    found: dict[tuple[int, int, int], str] = {}
    labelmap, table = source / "labelmap.txt", source / "class_dict.csv"
    rows: list[list[str]] = []
    if labelmap.is_file():  # hood:128,0,0:: after a comment
        text = labelmap.read_text(encoding="utf-8-sig")
        parts = [line.split(":") for line in text.splitlines() if line.strip() and not line.startswith("#")]
        rows = [[row[0], *row[1].split(",")] for row in parts if len(row) > 1]
    elif table.is_file():  # name,r,g,b
        with table.open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream) if len(row) >= 4]
    for name, *colour in rows:
        if all(word.strip().isdigit() for word in colour[:3]) and len(colour) >= 3:
            red, green, blue = (int(word) for word in colour[:3])
            found.setdefault((red, green, blue), name.strip())
    return found


# Pixels ---------------------------------------------------------------------------------------------------------------
def _ids(file: Path) -> np.ndarray | None:
    """Return the ids (H, W) uint8 of a grey or palette picture, None when it has none that can be read."""
    from ayolom.tasks.labels import read_mask  # the training's own reader

    if file.suffix.lower() == ".png":
        try:
            return read_mask(file, header_shape(file), IGNORE)
        except AyolomError:
            return None
    pixels = _decoded(file, cv2.IMREAD_UNCHANGED)
    return pixels if pixels is not None and pixels.ndim == 2 and pixels.dtype == np.uint8 else None


def _decoded(file: Path, flags: int) -> np.ndarray | None:
    """Return a picture as OpenCV reads it, None when it cannot."""
    try:
        data = np.frombuffer(file.read_bytes(), np.uint8)
        return cv2.imdecode(data, flags) if data.size else None
    except (OSError, cv2.error):
        return None


def _read_mask(file: Path, coding: Coding, report: Report, image: str) -> np.ndarray | None:
    """Return a mask as (H, W) uint8 positions in the coding's names, 255 for what teaches nothing."""
    match = CITY_MASK.search(file.stem)
    city = (match[1] or match[2]) if match else None
    if city == "color" or (coding.colors and city is None):
        picture = _decoded(file, cv2.IMREAD_COLOR)
        return None if picture is None else _by_color(picture[..., ::-1], coding, report, f"{file}: colour", image)
    ids = _ids(file)
    if ids is None:
        return None
    values = coding.values or _city_values(city, len(coding.names))
    values = {**values, IGNORE: 1 if coding.binary else IGNORE}
    lookup = np.full(256, IGNORE, np.uint8)
    lookup[list(values)] = list(values.values())
    present = np.flatnonzero(np.bincount(ids.ravel(), minlength=256)).tolist()
    for value in present:
        if value not in values:
            report.add("mask value without a class (teaches nothing)", f"{file}: value {value}", image)
    return cv2.LUT(ids, lookup)


def _city_values(kind: str | None, classes: int) -> dict[int, int]:
    """Return position by value of Cityscapes' masks of ids, or of train ids."""
    if kind == "labelIds":
        return {**dict.fromkeys(_cityscapes.VOID_IDS, IGNORE), **_cityscapes.LABEL_IDS}
    return {value: value for value in range(classes)}


def _by_color(pixels: np.ndarray, coding: Coding, report: Report, where: str, image: str) -> np.ndarray:
    """Return positions by colour; pixels (H, W, 3) uint8."""
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    label = np.full(packed.shape, IGNORE, np.uint8)
    present, counts = np.unique(packed, return_counts=True)
    unknown: list[tuple[int, str]] = []
    for value, count in zip(present.tolist(), counts.tolist(), strict=True):
        colour = (value >> 16, (value >> 8) & 255, value & 255)
        position = coding.colors.get(colour)
        if position is None:
            unknown.append((count, "#{:02x}{:02x}{:02x}".format(*colour)))
        else:
            label[packed == value] = position
    for count, shown in sorted(unknown, reverse=True)[:10]:
        report.add("mask colour without a class (teaches nothing)", f"{where} {shown} ({count} pixels)", image)
    if len(unknown) > 10:
        report.add("more mask colours without a class", f"{where} and {len(unknown) - 10} more", image)
    return label
