"""Errors of the processes that load batches, as the user should read them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = f"{AyolomError.__module__}.{AyolomError.__qualname__}: "


@contextmanager
def plain_errors() -> Iterator[None]:
    """Let an error of a loading process pass with its own message.

    PyTorch raises it anew with the traceback of that process as its text ("Caught AyolomError in DataLoader worker
    process 0. ..."); the message stands at the end of it. The whole text stays with the error as its cause.
    """
    try:
        yield
    except AyolomError as error:
        text = str(error)
        if not text.startswith("Caught ") or MARK not in text:
            raise
        raise AyolomError(text.rpartition(MARK)[2].strip()) from error
