"""The one error type whose message is meant for the user."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class AyolomError(ValueError):
    """Something the user can mend: the message names the file or argument, what was found, and what to do.

    The command line prints the message without a traceback and exits with status 1.
    """


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the valid name closest to `name`, or an empty string when none is close."""
    match = get_close_matches(str(name), list(valid), n=1)
    return f" Did you mean '{match[0]}'?" if match else ""
