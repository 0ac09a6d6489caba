"""What a command says of files that it could not use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 10


def unused(problems: Sequence[str], indent: str = "") -> list[str]:
    """Return a line for each of the first files that were not used, and one for the number of the others.

    Args:
        problems: By file, what is wrong with it.
        indent: What each line begins with.
    """
    lines = [f"{indent}not used: {problem}" for problem in problems[:SHOWN]]
    more = len(problems) - SHOWN
    return [*lines, *([f"{indent}... and {more} more files; yolo data check names them all"] if more > 0 else [])]
