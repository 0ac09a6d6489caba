"""What a user says to the import, checked and turned into values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ayolom.data.convert._splits import without_split
from ayolom.errors import AyolomError, nearest
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.data.convert._format import Format

AUTO = "auto"
# Words that tell nothing of a source; an import is named after the nearest part of its path that has others.
EMPTY_WORDS = frozenset(
    {"annotations", "annotation", "annos", "coco", "instances", "data", "dataset", "labels", "images", "json", "via"}
    | {"export", "region"}
)
HEX = re.compile(r"#?([0-9a-fA-F]{6})")


def check_places(source: Path, out: Path) -> None:
    """Raise where the source is missing, or one of both lies in the other."""
    if not source.exists():
        raise AyolomError(f"source={source}: no such file or folder; check the path")
    here, there = source.resolve(), out.resolve()
    if there == here or there.is_relative_to(here) or (source.is_dir() and here.is_relative_to(there)):
        raise AyolomError(f"out={out}: lies in the source, or the source in it; give a folder beside it")


def choose_format(source: Path, name: str) -> Format:
    """Return the format of that name, or the first that recognises the source.

    Raises:
        AyolomError: There is none.
    """
    from ayolom.data.convert.formats import FORMATS

    known = {one.name: one for one in FORMATS}
    if name != AUTO:
        if name not in known:
            raise AyolomError(f"format={name}: no such format.{nearest(name, known)} There are {', '.join(known)}")
        return known[name]
    found = next((one for one in FORMATS if one.recognises(source)), None)
    if found is None:
        listed = "\n  ".join(f"{one.name}: {one.title}" for one in FORMATS)
        raise AyolomError(
            f"source={source}: is of no format that is known here; give the annotation file, or the folder that holds "
            f"images and labels, or say format=. There are\n  {listed}"
        )
    return found


def import_name(prefix: str | None, source: Path, out: Path) -> str:
    """Return the name of an import: what the user says, or the source's, with a number where that is taken."""
    place = source.absolute()
    parts = [place.name if source.is_dir() else place.stem, *(parent.name for parent in place.parents)]
    telling = (part for part in parts if not _is_empty(part))
    name = re.sub(r"[^\w.-]+", "-", prefix or next(telling, "import")).strip(".-_")
    name = name if name and name.lower() != "images" else "import"
    taken = [out / folder / name for folder in ("images", "imports")]
    number = 1
    while any(path.exists() for path in taken):
        number += 1
        taken = [out / folder / f"{name}-{number}" for folder in ("images", "imports")]
    return taken[0].name


def _is_empty(part: str) -> bool:
    """Return whether a part of a path tells nothing of what lies there."""
    words = [word for word in re.split(r"[_.\-\s]+", without_split(part).lower()) if word]
    return all(word in EMPTY_WORDS for word in words)


def read_map(file: str | Path) -> dict[str, str | None]:
    """Return the target by source name of a map YAML.

    Raises:
        AyolomError: It is not such a mapping.
    """
    from pathlib import Path

    content = load_yaml(Path(file).expanduser())
    for name, target in content.items():
        if isinstance(target, (dict, list, bool)) or not str(name).strip() or (target is not None and not str(target)):
            raise AyolomError(f"{file}: '{name}: {target}' must be `source name: target name`, or `source name: null`")
    return {str(name).strip(): None if target is None else str(target).strip() for name, target in content.items()}


def read_palette(file: str | Path) -> dict[tuple[int, int, int], str]:
    """Return the class name by colour of a palette YAML: `name: [red, green, blue]` or `name: "#rrggbb"`.

    Raises:
        AyolomError: It is not such a mapping, or two names have one colour.
    """
    from pathlib import Path

    found: dict[tuple[int, int, int], str] = {}
    for name, given in load_yaml(Path(file).expanduser()).items():
        several = isinstance(given, list) and given and isinstance(given[0], (list, str))
        for one in given if several else [given]:
            colour = _colour(one)
            if colour is None:
                raise AyolomError(f'{file}: {name}: must be [red, green, blue], 0 to 255, or "#rrggbb" (got {one})')
            if colour in found:
                raise AyolomError(f"{file}: {name} and {found[colour]} have the same colour; give each its own")
            found[colour] = str(name)
    return found


def _colour(given: Any) -> tuple[int, int, int] | None:
    """Return a colour, None when it is none."""
    if isinstance(given, str) and (match := HEX.fullmatch(given)):
        value = int(match[1], 16)
        return value >> 16, (value >> 8) & 255, value & 255
    valid = isinstance(given, list) and len(given) == 3
    if not valid or any(isinstance(v, bool) or not isinstance(v, int) or not 0 <= v <= 255 for v in given):
        return None
    return given[0], given[1], given[2]
