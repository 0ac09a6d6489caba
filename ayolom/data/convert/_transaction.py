"""All or nothing: a result is made below `.ayolom/staging-...` and moved into place once a marker says it is whole.

A process that dies before the marker leaves nothing but that folder, which the next one removes. One that dies after it
leaves a result that the next one finishes moving (`recover`): each step of that can be done twice.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from ayolom.errors import AyolomError
from ayolom.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HIDDEN = ".ayolom"
MARKER = "COMMIT"
MOVED = "moved.jsonl"
LAST = "data.yaml"  # moved after everything that it names


class Staging:
    """A result in the making.

    Attributes:
        root: Folder that the result is for.
        folder: Folder of this attempt; what lies in it goes when it fails.
        tree: Folder laid out like `root`, to be filled.
        committed: Whether the result is in place.
    """

    def __init__(self, root: Path) -> None:
        """Make the folders."""
        self.root = root
        self.folder = root / HIDDEN / f"staging-{uuid4().hex[:12]}"
        self.tree = self.folder / "tree"
        self.tree.mkdir(parents=True)
        self.committed = False

    @property
    def is_whole(self) -> bool:
        """Whether the result is complete and only waits to be moved."""
        return (self.folder / MARKER).is_file()

    def file(self, relative: str) -> Path:
        """Return where to write a file of the result; its folder is made."""
        path = self.tree / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def remove_later(self, original: Path, relative: str) -> None:
        """Remove an original once its copy is in place as `relative`."""
        with (self.folder / MOVED).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps([str(original.absolute()), relative]) + "\n")

    def commit(self) -> None:
        """Put the result into place; from here on a kill is made good by `recover`, and Ctrl-C waits."""
        if hasattr(os, "sync"):
            os.sync()  # one call for all files; fsync of each would take minutes
        with _uninterrupted():
            write_atomic(self.folder / MARKER, "whole\n")
            _finish(self.folder, self.root)
            self.committed = True


@contextmanager
def staging(root: Path) -> Iterator[Staging]:
    """Hold the lock of a data set, finish or remove what earlier processes left, and give a place for a new result.

    Args:
        root: Folder of the data set; made when it is not there, and removed again when nothing is committed.

    Raises:
        AyolomError: Another process is writing to the data set.
    """
    is_new = not root.exists()
    (root / HIDDEN).mkdir(parents=True, exist_ok=True)
    attempt = None
    try:
        with _lock(root):
            _settle(root)
            attempt = Staging(root)
            try:
                yield attempt
            finally:
                if not attempt.is_whole:  # else moving it failed half way, on a full disk perhaps: `recover` goes on
                    shutil.rmtree(attempt.folder, ignore_errors=True)
    finally:
        if is_new and (attempt is None or not (attempt.committed or attempt.is_whole)):
            shutil.rmtree(root / HIDDEN, ignore_errors=True)
            with suppress(OSError):
                root.rmdir()


def recover(root: Path) -> None:
    """Finish what a killed process had completed, remove what it had not.

    Does nothing where nothing is left, or where the process that is writing to the data set is still alive.
    """
    if any((root / HIDDEN).glob("staging-*")):
        with suppress(AyolomError), _lock(root):
            _settle(root)


@contextmanager
def _lock(root: Path) -> Iterator[None]:
    """Hold the data set's lock: SQLite's, as it goes with the process that held it, on every system."""
    with closing(sqlite3.connect(root / HIDDEN / "lock.sqlite", timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise AyolomError(f"{root}: another import is writing to it; wait until it is done") from None
            raise AyolomError(f"{root}: cannot be written to ({error}); check its permissions") from None
        yield


def _settle(root: Path) -> None:
    """Finish or remove every staging folder."""
    for folder in sorted((root / HIDDEN).glob("staging-*")):
        if (folder / MARKER).is_file():
            _finish(folder, root)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _finish(folder: Path, root: Path) -> None:
    """Move the result into place, the description last, then remove originals that were to move, and the folder."""
    tree = folder / "tree"
    if tree.is_dir():
        for child in sorted(tree.iterdir(), key=lambda child: child.name == LAST):
            _merge(child, root / child.name)
    if (folder / MOVED).is_file():
        with (folder / MOVED).open(encoding="utf-8") as stream:
            for line in stream:
                original, relative = json.loads(line)
                if (root / relative).is_file():
                    with suppress(OSError):  # a read-only source keeps its file
                        os.unlink(original)
    shutil.rmtree(folder, ignore_errors=True)


def _merge(made: Path, target: Path) -> None:
    """Move a file or folder; into a folder that is there already, child by child. No file is written over but ours."""
    if not os.path.lexists(target) or target.name == LAST:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(made, target)
    elif made.is_dir() and not made.is_symlink() and target.is_dir():
        for child in sorted(made.iterdir()):
            _merge(child, target / child.name)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C; it takes effect at the end. Only the main thread receives it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if received:
            signal.raise_signal(signal.SIGINT)
