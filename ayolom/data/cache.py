"""What a scan found, kept as plain data: a .npz of arrays and JSON, without pickled objects."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ayolom.files import atomic_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

FORMAT = 1  # raise it when parsers or layout change
UNREADABLE = (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile, zlib.error)
ABSENT = -1

Labels = dict[str, dict[str, np.ndarray]]


def fingerprint(parts: Iterable[str], files: Iterable[str | Path] = ()) -> str:
    """Return a hash of texts and of files' paths, sizes and times of change; a missing file counts as such."""
    digest = hashlib.sha256(f"{FORMAT}\0".encode())
    for part in parts:
        digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
    for file in files:
        digest.update(os.fsencode(file) + b"\0")
        with contextlib.suppress(OSError):
            stat = os.stat(file)
            digest.update(f"{stat.st_size}:{stat.st_mtime_ns}".encode())
        digest.update(b"\0")
    return digest.hexdigest()


def save(file: Path, key: str, notes: dict[str, Any], shapes: np.ndarray, labels: Sequence[Labels]) -> bool:
    """Write a scan, whole or not at all.

    Args:
        file: The .npz to write; its folder is made.
        key: Fingerprint of all that went into the scan.
        notes: Plain data to keep with it.
        shapes: (N, 2) H and W of the images.
        labels: By image, the labels by task.

    Returns:
        Whether the file could be written.
    """
    fields = sorted({(task, name) for label in labels for task in label for name in label[task]})
    tasks = sorted({task for label in labels for task in label})
    arrays: dict[str, np.ndarray] = {"shapes": shapes}
    for j, task in enumerate(tasks):
        arrays[f"labelled{j}"] = np.array([task in label for label in labels], bool)
    for j, (task, name) in enumerate(fields):
        values = [label.get(task, {}).get(name) for label in labels]
        arrays[f"rows{j}"] = np.array([ABSENT if v is None else len(v) for v in values], np.int64)
        arrays[f"values{j}"] = np.concatenate([v for v in values if v is not None])
    head = {"format": FORMAT, "key": key, "tasks": tasks, "fields": fields, "notes": notes}
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    return _write(file, arrays)


def load(file: Path, key: str) -> tuple[dict[str, Any], np.ndarray, list[Labels]] | None:
    """Read a scan back.

    Args:
        file: As given to `save`.
        key: The fingerprint that the scan must have.

    Returns:
        Notes, shapes and labels as given to `save`; None when the file is missing, damaged or of another state.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            head = json.loads(arrays["head"].tobytes())
            if head["format"] != FORMAT or head["key"] != key:
                return None
            shapes = arrays["shapes"]
            labels: list[Labels] = [{} for _ in shapes]
            for j, task in enumerate(head["tasks"]):
                for i in np.flatnonzero(arrays[f"labelled{j}"]):
                    labels[i][task] = {}
            for j, (task, name) in enumerate(head["fields"]):
                _put(labels, task, name, arrays[f"rows{j}"], arrays[f"values{j}"])
            return head["notes"], shapes, labels
    except UNREADABLE:
        return None


def _put(labels: list[Labels], task: str, name: str, rows: np.ndarray, values: np.ndarray) -> None:
    """Deal the joined values of one field out to the images."""
    ends = np.cumsum(np.maximum(rows, 0))
    if len(ends) and ends[-1] != len(values):
        raise ValueError("rows and values differ")
    for i in np.flatnonzero(rows != ABSENT):
        labels[i][task][name] = values[ends[i] - rows[i] : ends[i]]


def _write(file: Path, arrays: dict[str, Any]) -> bool:
    """Write arrays; return whether the place let it."""
    try:
        with atomic_stream(file) as stream:
            np.savez(stream, **arrays)
    except OSError:
        return False
    return True
