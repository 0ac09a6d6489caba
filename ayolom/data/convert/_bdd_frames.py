"""The frames of BDD100K's JSON: which files hold them, and what labels they have."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from ayolom.data.convert._bdd_labels import NO_LAYER, layer_of
from ayolom.data.convert._files import is_json
from ayolom.data.convert._json import head
from ayolom.data.convert._stream import entries, first_keys, read_json
from ayolom.data.walk import walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

UNKNOWN = "unknown"
LOOKED_AT = 100  # frames that say what a file holds


def is_bdd(file: Path) -> bool:
    """Return whether a JSON file begins with frames of BDD100K."""
    found = first_keys(file)
    named = "name" in found and ("labels" in found or {"frames", "objects"} <= found)
    return named and not found.isdisjoint({"box2d", "poly2d", "timeofday", "videoName"})


def units(source: Path) -> list[list[Path]]:
    """Return the files that are read as one: each file with a list of frames, all of a folder with one for an image."""
    if source.is_file():
        return [[source]]
    found: list[list[Path]] = []
    for _, together in groupby(walk(source, is_json), key=lambda file: file.parent):
        files = list(together)
        if any(_is_single(file) for file in files[:LOOKED_AT] if is_bdd(file)):
            found.append(files)
        else:
            found += [[file] for file in files if is_bdd(file)]
    return found


def kinds(files: Sequence[Path]) -> set[str]:
    """Return the layers that the first frames of a unit hold; `UNKNOWN` where a damaged file may hold any."""
    found: set[str] = set()
    for file in files[:LOOKED_AT]:
        found |= _kinds_in(file)
    return found - {UNKNOWN} or found


def frames(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield the frames of a file with their place in it.

    Raises:
        AyolomError: The file is damaged from here on.
    """
    if _is_single(file):
        yield "", read_json(file)
    elif head(file).lstrip().startswith("["):
        yield from entries(file)
    else:
        yield from entries(file, "frames")


def labels(frame: Any) -> Iterator[tuple[str, Any]]:
    """Yield the labels of a frame with their place in it; in the older files they are objects of its only instant."""
    parts = frame if isinstance(frame, dict) else {}
    groups = [("labels", parts.get("labels"))]
    instants = parts.get("frames")
    for number, instant in enumerate(instants if isinstance(instants, list) else []):
        groups.append((f"frames[{number}].objects", instant.get("objects") if isinstance(instant, dict) else None))
    for place, group in groups:
        yield from ((f"{place}[{n}]", label) for n, label in enumerate(group if isinstance(group, list) else []))


def _is_single(file: Path) -> bool:
    """Return whether a JSON file is that of one image, not of a list of frames."""
    found = first_keys(file)
    return head(file).lstrip().startswith("{") and ("objects" in found or "frames" not in found)


def _kinds_in(file: Path) -> set[str]:
    """Return the layers that the first frames of a file hold."""
    try:
        first = [frame for _, frame in islice(frames(file), LOOKED_AT)]
    except AyolomError:
        return {UNKNOWN}  # reading the images reports it
    return {layer_of(label) for frame in first for _, label in labels(frame)} - {NO_LAYER}
