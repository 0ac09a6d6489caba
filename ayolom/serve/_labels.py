"""Checked pictures as a data set to train on: images, boxes, a YAML, and where each of them came from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import yaml
from filelock import FileLock, Timeout

from ayolom import __version__
from ayolom.errors import AyolomError
from ayolom.files import write_atomic
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ayolom.inspect import Damage, Finding
    from ayolom.inspect.objects import Model

YAML = "corrections.yaml"
TASK = "damage"
PATIENCE = 30.0  # seconds for another server that writes there
HEAD = """\
# Pictures that a person checked on the page of `yolo serve`: every damage in them is marked. To train on them, name
# this folder's images beside your own under `train:`, or divide them with `yolo data split data={name}`.
# `provenance/` tells of each picture which model and which person's changes its boxes came from.
"""


@dataclass(frozen=True)
class Example:
    """A picture whose boxes are all right.

    Attributes:
        data: The image file, without metadata.
        suffix: Its suffix.
        size: (W, H) in pixels.
        boxes: Findings in it, with their damages.
    """

    data: bytes
    suffix: str
    size: tuple[int, int]
    boxes: Sequence[tuple[Damage, Finding]]


def save_labels(examples: Sequence[Example], folder: Path, kinds: Sequence[str], model: Model) -> None:
    """Write pictures with their boxes into a data set, which is made on first use.

    A picture is named by its content, so one that is saved again gets its new boxes in place of the old ones. Its label
    is written last: a picture without one teaches nothing.

    Args:
        examples: The pictures.
        folder: Folder of the data set.
        kinds: Class names of damages by class id.
        model: The model whose findings were checked.

    Raises:
        AyolomError: The data set has other classes, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=PATIENCE):
            _describe(folder, kinds)
            for example in examples:
                _write(example, folder, kinds, model)
    except Timeout:
        raise AyolomError(f"corrections={folder}: another server writes there; try again") from None
    except OSError as error:
        raise AyolomError(f"corrections={folder}: cannot be written ({error.strerror})") from None


def check_labels(folder: Path, kinds: Sequence[str]) -> None:
    """Raise where a data set that is there has other classes.

    Raises:
        AyolomError: It has.
    """
    if (folder / YAML).exists():
        _check_names(folder / YAML, kinds)
    elif folder.exists() and not folder.is_dir():
        raise AyolomError(f"corrections={folder}: is a file; give a folder")


def _describe(folder: Path, kinds: Sequence[str]) -> None:
    """Write the YAML, or check the one that is there."""
    file = folder / YAML
    if file.exists():
        _check_names(file, kinds)
        return
    content = {
        "train": "images/train",
        "tasks": {TASK: {"kind": "detect", "labels": "labels", "names": dict(enumerate(kinds))}},
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    write_atomic(file, HEAD.format(name=YAML) + text)


def _check_names(file: Path, kinds: Sequence[str]) -> None:
    """Raise where a YAML has other classes."""
    tasks = load_yaml(file).get("tasks")
    names = tasks.get(TASK, {}).get("names") if isinstance(tasks, dict) else None
    found = list(names.values()) if isinstance(names, dict) else list(names or [])
    if found != list(kinds):
        raise AyolomError(
            f"corrections={file.parent}: holds damages of other classes ({', '.join(map(str, found))}) than this model "
            f"({', '.join(kinds)}); give another folder"
        )


def _write(example: Example, folder: Path, kinds: Sequence[str], model: Model) -> None:
    """Write one picture: image, provenance, label."""
    digest = hashlib.sha256(example.data).hexdigest()
    stem = digest[:20]
    write_atomic(folder / "images" / "train" / f"{stem}{example.suffix}", example.data)
    record = json.dumps(_record(example, digest, model), indent=1, ensure_ascii=False) + "\n"
    write_atomic(folder / "provenance" / f"{stem}.json", record)
    rows = [_row(finding, damage.kind, example.size, kinds) for damage, finding in example.boxes]
    write_atomic(folder / "labels" / "train" / f"{stem}.txt", "".join(f"{row}\n" for row in rows))


def _row(finding: Finding, kind: str, size: tuple[int, int], kinds: Sequence[str]) -> str:
    """Return a line `class x y w h` of fractions of the picture, the box cut at its edges."""
    width, height = size
    left, right = (min(max(value, 0.0), width) / width for value in finding.box_xyxy_px[::2])
    top, bottom = (min(max(value, 0.0), height) / height for value in finding.box_xyxy_px[1::2])
    numbers = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
    return " ".join([str(list(kinds).index(kind)), *(f"{value:.6f}" for value in numbers)])


def _record(example: Example, digest: str, model: Model) -> dict[str, Any]:
    """Return where a picture and its boxes came from; nothing of the upload's name."""
    return {
        "image_sha256": digest,
        "checked_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "software": f"ayolom {__version__}",
        "model": {"name": model.name, "sha256": model.sha256},
        "boxes": [
            {
                "kind": damage.kind,
                "part": damage.part,
                "severity": damage.severity,
                "review": damage.review or "confirmed",
                "drawn_by": finding.drawn_by,
                "confidence": finding.confidence if finding.drawn_by == "model" else None,
            }
            for damage, finding in example.boxes
        ],
    }
