"""What the pixels of masks mean: by the user's word, by a file beside them, or by Cityscapes' table."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.convert import _cityscapes
from ayolom.data.convert._colors import IGNORE
from ayolom.data.convert._mask_files import TABLE, city_masks, mask_pairs
from ayolom.data.convert._mask_pixels import ids_of
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.data.convert._format import ReadOptions

NAME_FILES = ("classes.txt", "names.txt", "labels.txt", "class_names.txt")
VOID = "ignore"  # name in a palette of what teaches nothing
LABELME_VOID = "__ignore__"  # first line of LabelMe's label files, which stands for -1
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


def coding_of(source: Path, options: ReadOptions, folder: str) -> Coding:
    """Return what the pixels of a folder's masks mean: by the user's word, by a file, or by Cityscapes' table."""
    table = source / f"{folder}{TABLE}"
    if table.is_file() and not options.names and not options.colors:
        return _tabled(table)
    city = next(city_masks(source), None) is not None
    palette = options.colors or _palette_file(source)
    if palette:
        names = tuple(name for name in dict.fromkeys(palette.values()) if name != VOID)
        positions = {**{name: position for position, name in enumerate(names)}, VOID: IGNORE}
        return Coding(names, {}, {colour: positions[name] for colour, name in palette.items()})
    names = options.names or names_file(source)
    if not names and city:
        void = dict.fromkeys(_cityscapes.VOID_COLORS, IGNORE)
        return Coding(_cityscapes.NAMES, {}, {**void, **_cityscapes.COLORS})
    return _listed(names, _values(source, options, folder), source)


def _listed(names: tuple[str, ...], present: set[int], source: Path) -> Coding:
    """Return what grey masks mean whose values are the places of names in a list.

    Args:
        names: The names; one alone is that of an object before a background.
        present: Values of the first masks.
        source: The source, for messages.

    Raises:
        AyolomError: There are no names.
    """
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


def _tabled(file: Path) -> Coding:
    """Return what a table of classes says: a row for each, with its id and its name."""
    names: dict[int, str] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                number, name = str(row.get("id")).strip(), str(row.get("name") or "").strip()
                if not number.isascii() or not number.isdigit() or int(number) >= IGNORE or not name:
                    raise AyolomError(f"{file}: '{number},{name}' must be an id from 0 to 254 and a name; mend it")
                names[int(number)] = name
    except (UnicodeDecodeError, csv.Error) as error:
        raise AyolomError(f"{file}: is no CSV in UTF-8 ({error}); mend it, or give names=") from None
    if not names:
        raise AyolomError(f"{file}: lists no class under the heads id,name; mend it, or give names=")
    return Coding(tuple(names.values()), {value: position for position, value in enumerate(names)}, {})


def _few(values: set[int]) -> str:
    """Return some values as text."""
    listed = sorted(values)
    return ", ".join(map(str, listed[:12])) + (", ..." if len(listed) > 12 else "")


def _values(source: Path, options: ReadOptions, folder: str) -> set[int]:
    """Return the values of the first grey masks."""
    present: set[int] = set()
    for number, (mask, _, _) in enumerate(mask_pairs(source, options, folder)):
        if number >= LOOKED_AT:
            break
        pixels = ids_of(mask)
        if pixels is not None:
            present.update(np.unique(pixels).tolist())
    return present


def names_file(source: Path) -> tuple[str, ...]:
    """Return the class names by id of a folder's text file with one a line, () when there is none."""
    file = next((source / name for name in NAME_FILES if (source / name).is_file()), None)
    if file is None:
        return ()
    lines = (line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines())
    names = tuple(re.sub(r"^\d+\s*[:,]?\s+", "", line) for line in lines if line)
    return names[1:] if names[:1] == (LABELME_VOID,) else names


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
