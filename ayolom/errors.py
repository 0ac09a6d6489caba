"""The one error type whose message is meant for the user."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any


class AyolomError(ValueError):
    """Something the user can mend: the message names the file or argument, what was found, and what to do.

    The command line prints the message without a traceback and exits with status 1.
    """


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the valid name closest to `name`, or an empty string when none is close."""
    match = get_close_matches(str(name), list(valid), n=1)
    return f" Did you mean '{match[0]}'?" if match else ""


def check_keys(
    given: Iterable[Any], valid: Collection[str], where: str, reasons: Mapping[str, str] | None = None
) -> None:
    """Raise on the first key of a block that is not known.

    Args:
        given: The keys.
        valid: Those that there are, in the order in which to name them.
        where: File and block, for the message.
        reasons: By key that somebody may expect here, why it is none and what to do.

    Raises:
        AyolomError: A key is not known.
    """
    for key in given:
        if key not in valid:
            reason = (reasons or {}).get(str(key))
            hint = f"; {reason}" if reason else f".{nearest(str(key), valid)} Keys are {', '.join(valid)}"
            raise AyolomError(f"{where}: '{key}' is not a key here{hint}")
