"""Names of the images of an export: as in the data set, but no two alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ayolom.data.images import list_images

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ayolom.data.schema import DataSchema


def named_images(schema: DataSchema, splits: Sequence[str] = ()) -> list[tuple[str, str, str]]:
    """Return (split, image file, name) of every image.

    The name is the path below the folder that the data set names, or the file's name for an image of a list. Where two
    images of a split would share a label file, the later one gets a number.

    Args:
        schema: The data set.
        splits: The splits wanted; empty for all that it has.

    Raises:
        AyolomError: A split is missing or holds no images.
    """
    return [(split, *named) for split in splits or schema.splits for named in _of_split(schema, split)]


def _of_split(schema: DataSchema, split: str) -> Iterator[tuple[str, str]]:
    """Yield file and name of the images of a split, each file once."""
    seen: set[str] = set()
    taken: set[str] = set()
    for source in schema.sources(split):
        for file in list_images((source,), schema.root):
            if file in seen:
                continue
            seen.add(file)
            folder = source.absolute()
            inside = source.is_dir() and Path(file).is_relative_to(folder)
            path = Path(file).relative_to(folder) if inside else Path(Path(file).name)
            yield file, _free(path, taken)


def _free(path: Path, taken: set[str]) -> str:
    """Return a name whose stem is not taken, without regard to case, and take it."""
    candidate, number = path, 1
    while candidate.with_suffix("").as_posix().lower() in taken:
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    taken.add(candidate.with_suffix("").as_posix().lower())
    return candidate.as_posix()
