"""Which classes change places when an image is mirrored: read off their names, or as given."""

from __future__ import annotations

import re
from typing import Any

from ayolom.errors import AyolomError, nearest

COUNTERPART = {"left": "right", "right": "left", "l": "r", "r": "l", "좌": "우", "우": "좌"}
# A word of its own: `front_left_door`, `left door`, `FrontLeftDoor`; not the `right` of `bright`.
WORD = re.compile(r"(?:(?<![A-Za-z])|(?<=[a-z])(?=[LR]))(left|right|Left|Right|LEFT|RIGHT)(?![a-z])")
KOREAN_PREFIX = re.compile(r"^([좌우])")
BRACKETED = re.compile(r"(?<=\()([LRlr좌우])(?=\))")  # `Front fender(L)`: AI-Hub's parts of cars


def derive(names: dict[int, str]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of classes whose names differ in left and right only.

    Args:
        names: Class names by class id.

    >>> derive({0: "hood", 1: "front_left_door", 2: "front_right_door", 3: "bright_lamp"})
    ((1, 2),)
    """
    ids = {name: i for i, name in names.items()}
    pairs = ((i, ids.get(mirrored(name), i)) for i, name in names.items())
    return tuple((a, b) for a, b in pairs if a < b)


def mirrored(name: str) -> str:
    """Return the name with left and right exchanged; 좌 and 우 count where the name begins with them or in brackets."""
    for pattern in (WORD, KOREAN_PREFIX, BRACKETED):
        name = pattern.sub(lambda m: _like(m[1]), name)
    return name


def parse(given: Any, names: dict[int, str], where: str) -> tuple[tuple[int, int], ...]:
    """Return the pairs that a dataset YAML gives.

    Args:
        given: None to derive them from the names, False or an empty list for none, or a list of pairs of names or ids.
        names: Class names by class id.
        where: File and key, for messages.

    Raises:
        AyolomError: Not such a list, an unknown class, or a class that is paired twice.
    """
    if given is None:
        return derive(names)
    if given is False:
        return ()
    if not isinstance(given, list) or any(not isinstance(pair, (list, tuple)) or len(pair) != 2 for pair in given):
        raise AyolomError(f"{where}: must be false or a list of pairs such as [[left_door, right_door]] (got {given})")
    pairs = tuple((class_id(a, names, where), class_id(b, names, where)) for a, b in given)
    used = [i for pair in pairs for i in pair]
    twice = sorted({names[i] for i in used if used.count(i) > 1})
    if twice:
        raise AyolomError(f"{where}: {', '.join(twice)} stands in it more than once; a class has one counterpart")
    return pairs


def class_id(given: Any, names: dict[int, str], where: str) -> int:
    """Return the id of a class given by id or by name.

    Raises:
        AyolomError: There is no such class.
    """
    if isinstance(given, int) and not isinstance(given, bool) and given in names:
        return given
    ids = {name: i for i, name in names.items()}
    if given in ids:
        return ids[given]
    raise AyolomError(
        f"{where}: no such class '{given}'.{nearest(str(given), ids)} Classes are "
        + ", ".join(f"{i} {name}" for i, name in names.items())
    )


def _like(word: str) -> str:
    """Return the counterpart of a word in the same case."""
    other = COUNTERPART[word.lower()]
    return other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other
