"""One process to a run."""

from __future__ import annotations

import os
import threading
from typing import IO, TYPE_CHECKING

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from pathlib import Path

ORPHANED = 75  # exit status of a run whose comparison has ended: try again later


def only_one(folder: Path) -> IO[str]:
    """Hold the run's lock until the file returned is closed.

    Raises:
        AyolomError: Another process trains the same run.
    """
    lock = (folder / "lock").open("w")
    try:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        from ultralytics.utils import LOGGER

        LOGGER.warning("no file locks on this system: do not start the comparison twice")
    except OSError:
        lock.close()
        raise AyolomError(f"{folder}: another process trains this run; wait for it or stop it") from None
    return lock


def end_with_parent() -> None:
    """End this process when the one that started it has ended, by force too: its end of our standard input closes."""

    def wait() -> None:
        while os.read(0, 1):  # unbuffered, as Python cannot end while a thread holds the buffer of its input
            pass
        os._exit(ORPHANED)

    threading.Thread(target=wait, daemon=True).start()
