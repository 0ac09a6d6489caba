"""Where everything came from: one JSON for an import, and one row for each image that it labelled."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ayolom import __version__
from ayolom.data.walk import is_image, walk
from ayolom.files import file_sha256

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from ayolom.data.convert._summary import ImportSummary

COLUMNS = ("image", "source", "sha256", "task", "result")


class ImageRecords:
    """A CSV file with a row for each image and task: image in the data set, its source, its hash, what came of it."""

    def __init__(self, file: Path | None) -> None:
        """Open the file; None records nothing."""
        self._stream: TextIO | None = None
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._stream = file.open("w", encoding="utf-8", newline="")
            csv.writer(self._stream).writerow(COLUMNS)

    def add(self, image: str, source: str, digest: str, task: str, result: str) -> None:
        """Write one row."""
        if self._stream is not None:
            csv.writer(self._stream).writerow((image, source, digest, task, result))

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()


def record_text(summary: ImportSummary, source: Path, settings: dict[str, object]) -> str:
    """Return the record of an import as JSON."""
    files, digest = _fingerprint(source)
    content = {
        "source": str(source.absolute()),
        "annotation_files": files,
        "sha256": digest,
        "format": summary.format,
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "ayolom": __version__,
        "settings": settings,
        "new_images": dict(summary.images),
        "known_images": summary.known,
        "tasks": {
            name: {
                "layer": task.layer,
                "kind": task.kind,
                "store": task.store,
                "images": dict(task.results),
                "objects": dict(task.objects),
                "names": task.names,
            }
            for name, task in summary.tasks.items()
        },
        "put_aside": dict(summary.report.counts),
        "noted": dict(summary.report.notes),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _fingerprint(source: Path) -> tuple[int, str]:
    """Return how many annotation files a source has, and the hash of the file, or of all their names and hashes."""
    if source.is_file():
        return 1, file_sha256(source)
    together, count = hashlib.sha256(), 0
    for file in walk(source, lambda name: not is_image(name)):
        together.update(f"{file.relative_to(source).as_posix()}\0{file_sha256(file)}\n".encode())
        count += 1
    return count, together.hexdigest()
