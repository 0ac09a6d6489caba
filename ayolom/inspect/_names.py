"""What part names say: patterns, words, side and end."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ayolom.inspect.objects import Place, Side
    from ayolom.inspect.rules import Places, Rules

# "FrontLeftDoor", "front_left_door" and "front left door" have the same words.
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name fits one of the shell patterns, upper and lower case alike."""
    return _fits(name, tuple(patterns))


@lru_cache(maxsize=8192)
def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    """Return what `fits` does; names and patterns are few, pictures many."""
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


@lru_cache(maxsize=1024)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a class name in lower case.

    >>> words("FrontLeft_door2")
    ('front', 'left', 'door')
    """
    return tuple(word.lower() for word in WORD.findall(name))


def has_word(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a word of a name, or the whole of it, fits one of the patterns."""
    return _has_word(name, tuple(patterns))


@lru_cache(maxsize=8192)
def _has_word(name: str, patterns: tuple[str, ...]) -> bool:
    """Return what `has_word` does."""
    return _fits(name, patterns) or any(_fits(word, patterns) for word in words(name))


def side_of(name: str, places: Places) -> str | None:
    """Return "left" or "right" where a name says so."""
    return _one(name, {"left": places.left, "right": places.right})


def end_of(name: str, places: Places) -> str | None:
    """Return "front" or "back" where a name says so: "back" of `back_left_door`, "front" of `left_fender`."""
    return _one(name, {"front": places.front, "back": places.back})


def is_repeated(name: str, places: Places) -> bool:
    """Return whether a class stands for several pieces of a vehicle and its name does not say which."""
    return side_of(name, places) is None and has_word(name, places.repeated)


def parts_of(names: Mapping[int, str], rules: Rules) -> dict[int, str]:
    """Return the classes that are parts of a vehicle, without the background."""
    return {number: name for number, name in names.items() if not fits(name, rules.background)}


def shows(name: str, side: Side, rules: Rules) -> bool:
    """Return whether a part belongs to a side of the vehicle that it shows to be in view."""
    return fits("_".join(words(name)), getattr(rules.sides, side))


def joined(end: str | None, side: str | None) -> Place | None:
    """Return a place from its two words, either of which may be missing."""
    return cast("Place | None", " ".join(filter(None, (end, side))) or None)


def _one(name: str, patterns: dict[str, list[str]]) -> str | None:
    """Return the only key whose patterns a name has, else None."""
    found = [key for key, listed in patterns.items() if has_word(name, listed)]
    return found[0] if len(found) == 1 else None
