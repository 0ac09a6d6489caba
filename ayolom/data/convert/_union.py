"""Which images a data set holds, by content: on disk, so that a set of any size takes little memory."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from ayolom.data.walk import is_image, walk
from ayolom.files import file_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INDEX = """
CREATE TABLE IF NOT EXISTS images (path TEXT PRIMARY KEY, size INTEGER, time INTEGER, hash TEXT, round INTEGER);
CREATE INDEX IF NOT EXISTS by_hash ON images (hash);
"""
STAGED = """
CREATE TABLE images (hash TEXT PRIMARY KEY, path TEXT);
CREATE TABLE names (name TEXT PRIMARY KEY);
CREATE TABLE labels (task TEXT, path TEXT, digest TEXT, PRIMARY KEY (task, path));
"""


class ImageIndex:
    """The images of a data set by content.

    What the file holds can be found out again by reading the images, so it may be removed at any time.
    """

    def __init__(self, root: Path, file: Path, keep: bool = True) -> None:
        """Open the index and bring it up to date with what lies below `root/images`.

        Args:
            root: Folder of the data set.
            file: The index, made when it is not there.
            keep: Whether the file may be written; else a copy is used that goes with the process.
        """
        self.root = root
        self._base = self._open(file, keep)
        self._base.executescript(INDEX)
        self._refresh()

    def find(self, digest: str) -> str | None:
        """Return the path of an image with this content, relative to the data set; None when there is none."""
        row = self._base.execute("SELECT path FROM images WHERE hash = ? ORDER BY path LIMIT 1", (digest,)).fetchone()
        return row[0] if row else None

    def add(self, images: Iterator[tuple[str, str]]) -> None:
        """Add (hash, path) of images that are now in place."""
        for digest, path in images:
            with suppress(OSError):
                state = (self.root / path).stat()
                self._put(path, state.st_size, state.st_mtime_ns, digest, 0)
        self._base.commit()

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    @staticmethod
    def _open(file: Path, keep: bool) -> sqlite3.Connection:
        """Return the open index; one that is damaged is made anew."""
        if not keep:
            copy = sqlite3.connect("")
            if file.is_file():
                with suppress(sqlite3.DatabaseError):
                    kept = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
                    kept.backup(copy)
                    kept.close()
            return copy
        try:
            base = sqlite3.connect(file)
            base.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.DatabaseError:
            file.unlink()
            base = sqlite3.connect(file)
        return base

    def _refresh(self) -> None:
        """Read what is new or changed, forget what is gone."""
        current = (self._base.execute("SELECT max(round) FROM images").fetchone()[0] or 0) + 1
        for file in walk(self.root / "images", is_image):
            with suppress(OSError):  # a link whose original is gone
                self._look_at(file, current)
        self._base.execute("DELETE FROM images WHERE round < ?", (current,))
        self._base.commit()

    def _look_at(self, file: Path, current: int) -> None:
        """Bring one image up to date."""
        state = file.stat()
        known = (file.relative_to(self.root).as_posix(), state.st_size, state.st_mtime_ns)
        row = self._base.execute("SELECT hash FROM images WHERE path = ? AND size = ? AND time = ?", known).fetchone()
        self._put(*known, row[0] if row else file_sha256(file), current)

    def _put(self, path: str, size: int, time: int, digest: str, number: int) -> None:
        """Write one row."""
        self._base.execute("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?)", (path, size, time, digest, number))


class Staged:
    """The images, names and labels of an import in the making; goes with the process."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._base = sqlite3.connect("")
        self._base.executescript(STAGED)

    def close(self) -> None:
        """Remove everything."""
        self._base.close()

    def find(self, digest: str) -> str | None:
        """Return the path of a staged image with this content, None when there is none."""
        row = self._base.execute("SELECT path FROM images WHERE hash = ?", (digest,)).fetchone()
        return row[0] if row else None

    def images(self) -> Iterator[tuple[str, str]]:
        """Yield (hash, path) of every staged image."""
        yield from self._base.execute("SELECT hash, path FROM images")

    def add_image(self, digest: str, path: str) -> None:
        """Remember a staged image."""
        self._base.execute("INSERT INTO images VALUES (?, ?)", (digest, path))

    def free_path(self, folder: str, stem: str, suffix: str) -> str:
        """Return a path in a folder whose name, without suffix and case, no other image of the import has.

        Labels are named after the stem, so `a.jpg` and `a.png` cannot lie side by side.
        """
        number, name = 1, stem
        while not self._base.execute("INSERT OR IGNORE INTO names VALUES (?)", (f"{folder}/{name}".lower(),)).rowcount:
            number += 1
            name = f"{stem}-{number}"
        return f"{folder}/{name}{suffix}"

    def label(self, task: str, path: str) -> str | None:
        """Return the digest of the staged label of an image, None when it has none."""
        row = self._base.execute("SELECT digest FROM labels WHERE task = ? AND path = ?", (task, path)).fetchone()
        return row[0] if row else None

    def add_label(self, task: str, path: str, digest: str) -> None:
        """Remember a staged label."""
        self._base.execute("INSERT INTO labels VALUES (?, ?, ?)", (task, path, digest))


def label_place(image: str, folder: str, suffix: str) -> str:
    """Return where the label of an image lies; both relative to the data set.

    >>> label_place("images/a/train/x.jpg", "masks", ".png")
    'masks/a/train/x.png'
    """
    return os.path.splitext(f"{folder}/{image.partition('/')[2]}")[0] + suffix
