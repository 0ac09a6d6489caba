"""Fonts that can write the names of classes, found without the network."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Fonts that packages carry. The packages are located and never imported: some of them change Matplotlib's settings.
_PACKAGED = (
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf"),
    ("pylopdf_fonts_ko", "NotoSansKR-Regular.otf"),
    ("koreanize_matplotlib", "fonts/NanumGothic.ttf"),
)
_UNUSUAL = ("bold", "black", "heavy", "light", "thin", "italic", "oblique", "mono", "serif", "condensed", "emoji")


def find_font(text: str) -> Path | None:
    """Return a font file that has a glyph for every character of a text.

    Looked through in this order: fonts carried by installed packages (DejaVu Sans of Matplotlib, Noto Sans KR of the
    extra `ayolom[fonts]`), the base's own font cache, the fonts of the system. Nothing is downloaded.

    Args:
        text: Any text; white space does not count, and a few characters of ASCII speak for all of it.

    Returns:
        A TrueType or OpenType file, or None when no font covers the text; then one warning names the remedy.
    """
    file, complete = _best_font(text)
    return file if complete else None


def closest_font(text: str) -> Path | None:
    """Return the font file that covers most of a text, which `find_font` would return if it covers all of it."""
    return _best_font(text)[0]


def _best_font(text: str) -> tuple[Path | None, bool]:
    """Return the font that covers most of a text and whether it covers all of it."""
    characters = _needed(text)
    hopeless = characters & _unwritable()
    file, complete = _search(characters - hopeless)
    return file, complete and not hopeless


def _needed(text: str) -> frozenset[str]:
    """Return the characters that a font must have: those of the text, and of ASCII always the same few.

    Confidences change with every frame; so their digits do not start a search of their own.
    """
    beyond = (character for character in text if not character.isascii())
    return frozenset("Aa09.%").union(c for c in beyond if c.isprintable() and not c.isspace())


@lru_cache(maxsize=1024)
def _search(characters: frozenset[str]) -> tuple[Path | None, bool]:
    """Return the first font that covers the characters and True, else the one that covers most and False."""
    best, fewest, nowhere = None, characters, characters
    for file in _candidates():
        missing = _missing(file, characters)
        if not missing:
            return file, True
        if len(missing) < len(fewest):
            best, fewest = file, missing
        nowhere &= missing
    _unwritable().update(nowhere)
    for character in sorted(fewest):
        _warn_missing(unicodedata.name(character, "UNNAMED").split()[0].split("-")[0])
    return best, False


@cache
def _unwritable() -> set[str]:
    """Return the characters found to be in no font, kept so that the fonts are not all opened again for them."""
    return set()


def _candidates() -> Iterator[Path]:
    """Yield font files, the quickest to find first."""
    yield from _packaged_fonts()
    yield from _base_fonts()
    yield from _system_fonts()


@cache
def _packaged_fonts() -> tuple[Path, ...]:
    """Return the font files that installed packages carry."""
    found = []
    for package, name in _PACKAGED:
        spec = find_spec(package)
        folders = (spec.submodule_search_locations if spec else None) or ()
        found += [file for folder in folders if (file := Path(folder, name)).is_file()]
    return tuple(found)


def _base_fonts() -> list[Path]:
    """Return what the base downloaded on an earlier day, or the user laid into its cache."""
    from ultralytics.utils import USER_CONFIG_DIR

    return sorted(USER_CONFIG_DIR.glob("*.ttf"))


@cache
def _system_fonts() -> tuple[Path, ...]:
    """Return the fonts of the system: plain upright ones first, then by name."""
    from matplotlib.font_manager import findSystemFonts

    return tuple(sorted(map(Path, findSystemFonts()), key=_preference))


def _preference(file: Path) -> tuple[bool, bool, str]:
    """Return a sort key that puts upright sans-serif faces of usual weight first."""
    name = file.stem.lower()
    return any(word in name for word in _UNUSUAL), "sans" not in name and "gothic" not in name, name


def _missing(file: Path, characters: frozenset[str]) -> frozenset[str]:
    """Return the characters for which a font file has no glyph: all of them when the file cannot be used."""
    from matplotlib.ft2font import FT2Font
    from PIL import ImageFont

    try:
        ImageFont.truetype(str(file), 16)
        face = FT2Font(str(file))
        return frozenset(character for character in characters if not face.get_char_index(ord(character)))
    except (OSError, RuntimeError, ValueError):
        return characters


@cache
def _warn_missing(script: str) -> None:
    """Say once for each script that no font writes it and what mends it."""
    from ultralytics.utils import LOGGER

    LOGGER.warning(
        f"no font on this machine has all the {script.title()} characters of the class names; boxes will stand for "
        "them. To mend it: pip install 'ayolom[fonts]' for Korean, or install a font of the system for the script "
        "(Debian and Ubuntu: apt install fonts-noto-cjk), and run again."
    )
