"""Sources made on the spot, and what a data set on disk says, read without the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

SHAPE = (80, 100)  # H, W
SQUARE = [10, 20, 30, 20, 30, 40, 10, 40]  # 400 pixels
OTHER = [60, 20, 80, 20, 80, 50, 60, 50]  # 600 pixels


def picture(file: Path, seed: int = 0, shape: tuple[int, int] = SHAPE) -> Path:
    """Save a picture whose content depends on the seed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (*shape, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    return file


def annotation(name: str, polygon: list[float] | None = None, **more: Any) -> dict[str, Any]:
    """A COCO annotation of a class by name; `coco` puts the ids in."""
    return {"name": name, "segmentation": [polygon or SQUARE], **more}


def coco(folder: Path, images: dict[str, list[dict[str, Any]]], file: str = "annotations.json", seed: int = 0) -> Path:
    """Write pictures and a COCO file; class ids start at 1, in the order of first use."""
    ids: dict[str, int] = {}
    annotations = []
    for number, (name, listed) in enumerate(images.items()):
        picture(folder / name, seed + number)
        for entry in listed:
            label = entry["name"]
            fields = {key: value for key, value in entry.items() if key != "name"}
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": ids.setdefault(label, len(ids) + 1),
                    **fields,
                }
            )
    content = {
        "images": [
            {"id": i, "file_name": name, "height": SHAPE[0], "width": SHAPE[1]} for i, name in enumerate(images)
        ],
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
        "annotations": annotations,
    }
    (folder / file).write_text(json.dumps(content), encoding="utf-8")
    return folder / file


def files(root: Path) -> dict[str, bytes]:
    """Content by path of a data set, what is hidden left out."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".ayolom" not in path.parts
    }


def description(root: Path) -> dict[str, Any]:
    """The data set's YAML."""
    return yaml.safe_load((root / "data.yaml").read_text(encoding="utf-8"))


def rows(root: Path, label: str) -> list[list[float]]:
    """The rows of a label file."""
    return [[float(word) for word in line.split()] for line in (root / label).read_text().splitlines()]


def pixels(root: Path, mask: str) -> dict[int, int]:
    """How many pixels of a mask have each value."""
    values, counts = np.unique(np.asarray(Image.open(root / mask)), return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
