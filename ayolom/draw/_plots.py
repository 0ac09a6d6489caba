"""Fonts for Matplotlib and for the base's plots, which would otherwise be fetched from the network."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ayolom.draw.fonts import closest_font

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def prepare_fonts(names: Iterable[str]) -> None:
    """Let the base's plots (batches, confusion matrices, curves) write class names without asking the network.

    The base draws names with a file `Arial.ttf` or, for names beyond ASCII, `Arial.Unicode.ttf`, in Matplotlib's plots
    with the family "Arial Unicode MS", and downloads the file where neither its own font cache nor Matplotlib's list
    of fonts has it. Here a font at hand enters Matplotlib's list under those names, for this process only: nothing is
    written into the user's folders, and a font already in place is preferred.

    Args:
        names: Class names of all tasks that may be plotted.
    """
    text = "".join(names)
    _stand_in("Arial.ttf", "DejaVu Sans", closest_font("Aa"))
    if not text.isascii():
        _stand_in("Arial.Unicode.ttf", "Arial Unicode MS", closest_font(text))


@contextmanager
def matplotlib_fonts(text: str) -> Iterator[None]:
    """Let Matplotlib write a text in the plots made within this context; its settings come back afterwards.

    Args:
        text: All that will be written, or at least each of its characters.
    """
    import matplotlib as mpl
    from matplotlib.font_manager import fontManager, ttfFontProperty
    from matplotlib.ft2font import FT2Font

    file = None if text.isascii() else closest_font(text)
    if file is None:
        yield
        return
    if not any(entry.fname == str(file) for entry in fontManager.ttflist):
        fontManager.addfont(str(file))
    families = [ttfFontProperty(FT2Font(str(file))).name, *mpl.rcParams["font.sans-serif"]]
    with mpl.rc_context({"font.family": "sans-serif", "font.sans-serif": families}):
        yield


@cache
def _stand_in(name: str, family: str, file: Path | None) -> None:
    """Enter a font into Matplotlib's list under a file name and a family that the base asks for.

    Args:
        name: File name that the base looks for.
        family: Family name that the base's plots ask for.
        file: The font that stands in.
    """
    from matplotlib.font_manager import fontManager, ttfFontProperty
    from matplotlib.ft2font import FT2Font
    from ultralytics.utils import USER_CONFIG_DIR

    listed = fontManager.ttflist
    if file is None or (USER_CONFIG_DIR / name).exists() or any(name in entry.fname for entry in listed):
        return
    copy = Path(_folder().name, name)
    shutil.copyfile(file, copy)
    listed.append(replace(ttfFontProperty(FT2Font(str(copy))), name=family))
    fontManager.addfont(str(copy))  # enters it under its own family too, and makes Matplotlib forget past searches


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for renamed fonts that vanishes with the process."""
    return tempfile.TemporaryDirectory(prefix="ayolom-fonts-", ignore_cleanup_errors=True)
