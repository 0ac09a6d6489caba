"""What a check must remember of every image, on the disk: memory stays constant however many images there are."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ayolom.data.check._kinds import KINDS
from ayolom.data.check._values import LABEL_DIGEST, Row
from ayolom.data.duplicates import SIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ayolom.data.check._values import Seen

TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -4000;
CREATE TABLE images (id INTEGER PRIMARY KEY, split TEXT, file TEXT, height INT, width INT, digest BLOB, labels BLOB);
CREATE TABLE picture (version TEXT, id INT);
CREATE TABLE sides (task TEXT, id INT, classes BLOB, centres BLOB);
CREATE TABLE label (file TEXT, id INT);
CREATE TABLE findings (kind TEXT, file TEXT, split TEXT, task TEXT, detail TEXT, other TEXT, weight REAL);
"""
INDICES = """
CREATE INDEX images_file ON images (file);
CREATE INDEX images_digest ON images (digest);
CREATE INDEX picture_version ON picture (version);
CREATE INDEX label_file ON label (file);
CREATE INDEX findings_kind ON findings (kind, weight);
"""


class Spool:
    """Temporary files that vanish when the spool is closed.

    Attributes:
        database: The tables above.
        hashes: (N, 2) uint64: perceptual hashes of every image and its mirror image; 16 bytes an image, in memory.
        readable: (N,) bool: which images could be read.
    """

    def __init__(self) -> None:
        """Make an empty spool in the system's folder for temporary files (TMPDIR)."""
        self._folder = tempfile.TemporaryDirectory(prefix="ayolom-check-")
        self.database = sqlite3.connect(Path(self._folder.name, "spool.sqlite"), isolation_level=None)
        self.database.executescript(TABLES)
        self.hashes = np.zeros((0, 2), np.uint64)
        self.readable = np.zeros(0, bool)
        # Not a memory map: its pages would count as memory of this process.
        self._thumbnails = Path(self._folder.name, "thumbnails").open("w+b", buffering=0)  # noqa: SIM115 - __exit__ closes

    def __enter__(self) -> Spool:
        """Use the spool within a context."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the files."""
        self.database.close()
        self._thumbnails.close()
        self._folder.cleanup()

    def list_images(self, split: str, files: Iterable[str]) -> int:
        """Note the images of a split and return how many there are in all; names that are not UTF-8 are findings."""
        self.database.execute("BEGIN")
        for file in files:
            if writable(file) == file:
                self.database.execute("INSERT INTO images (split, file) VALUES (?, ?)", (split, file))
            else:
                self.add([("image-broken", Row(file, split, detail="its name is not UTF-8; rename it"))])
        self.database.execute("COMMIT")
        return self.database.execute("SELECT COUNT(*) FROM images").fetchone()[0]

    def open_arrays(self, images: int) -> None:
        """Make room for the hashes of the images."""
        self.hashes, self.readable = np.zeros((images, 2), np.uint64), np.zeros(images, bool)

    def thumbnail(self, number: int) -> np.ndarray:
        """Return the thumbnail (32, 32) uint8 of an image that could be read."""
        self._thumbnails.seek(number * SIDE * SIDE)
        return np.frombuffer(self._thumbnails.read(SIDE * SIDE), np.uint8).reshape(SIDE, SIDE)

    def images(self, block: int = 1000) -> Iterator[tuple[int, str, str]]:
        """Yield (number from 0, split, file) of every image, a block of them in memory."""
        last = 0
        while rows := self.database.execute(
            "SELECT id, split, file FROM images WHERE id > ? ORDER BY id LIMIT ?", (last, block)
        ).fetchall():
            last = rows[-1][0]
            yield from ((number - 1, split, file) for number, split, file in rows)

    def image(self, number: int) -> tuple[str, str, bytes, bytes]:
        """Return (split, file, digest, digests of its labels) of an image."""
        query = "SELECT split, file, digest, labels FROM images WHERE id = ?"
        return self.database.execute(query, (number + 1,)).fetchone()

    def keep(self, seen: Seen, label_files: Iterable[str], version: str | None) -> None:
        """Keep what was seen of an image.

        Args:
            seen: The image.
            label_files: Where its labels are or would be.
            version: Name of the picture that it is a version of, None where its name does not tell.
        """
        number, execute = seen.number + 1, self.database.execute
        self.add(seen.findings)
        self.database.executemany("INSERT INTO label VALUES (?, ?)", [(file, number) for file in label_files])
        if seen.shape is None or seen.thumbnail is None:
            return
        self.hashes[seen.number] = seen.hashes
        self._thumbnails.seek(seen.number * SIDE * SIDE)
        self._thumbnails.write(seen.thumbnail.tobytes())
        self.readable[seen.number] = True
        labels = b"".join(one.digest.ljust(LABEL_DIGEST, b"\0") for one in seen.tasks.values())
        execute(
            "UPDATE images SET height = ?, width = ?, digest = ?, labels = ? WHERE id = ?",
            (*seen.shape, seen.digest, labels, number),
        )
        if version is not None:
            execute("INSERT INTO picture VALUES (?, ?)", (version, number))

    def keep_sides(self, task: str, number: int, classes: np.ndarray, centres: np.ndarray) -> None:
        """Keep where the classes of an image lie."""
        row = (task, number, classes.astype(np.uint16).tobytes(), centres.astype(np.float32).tobytes())
        self.database.execute("INSERT INTO sides VALUES (?, ?, ?, ?)", row)

    def sides(self, task: str) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield (number, class ids, places) as they were kept."""
        for _, number, classes, centres in self.database.execute("SELECT * FROM sides WHERE task = ?", (task,)):
            yield number, np.frombuffer(classes, np.uint16).astype(np.int64), np.frombuffer(centres, np.float32)

    def add(self, findings: Iterable[tuple[str, Row]]) -> None:
        """Add findings."""
        self.database.executemany(
            "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (kind, *map(writable, (row.file, row.split, row.task, row.detail, row.other)), row.weight)
                for kind, row in findings
            ),
        )

    def index(self) -> None:
        """Make the tables quick to search; called once, when every image is kept."""
        self.database.executescript(INDICES)

    def counts(self) -> dict[str, int]:
        """Return how often each kind was found, in the order of `KINDS`."""
        found = dict(self.database.execute("SELECT kind, COUNT(*) FROM findings GROUP BY kind"))
        return {kind: found[kind] for kind in KINDS if kind in found}

    def rows(self, kind: str, most: int = -1) -> Iterator[Row]:
        """Yield the findings of a kind, the worst first; -1 for all."""
        query = "SELECT file, split, task, detail, other, weight FROM findings WHERE kind = ?"
        for values in self.database.execute(f"{query} ORDER BY weight DESC, file, rowid LIMIT ?", (kind, most)):
            yield Row(*values)

    def query(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Run a query of the tables."""
        return self.database.execute(statement, values)


def writable(text: str) -> str:
    """Return a text with what cannot be written as UTF-8, as in file names of old systems, spelt out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
