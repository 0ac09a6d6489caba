"""A data set with one defect of each kind, drawn on the spot."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

NAMES = ["dent", "scratch", "crack", "never"]
BOX = "0 0.5 0.5 0.2 0.2\n"


def scene(seed: int, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    """Return a picture (H, W, 3) with soft shapes, different for each seed."""
    random = np.random.default_rng(seed)
    return cv2.resize(random.integers(0, 256, (7, 9, 3), np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)


def put(root: Path, name: str, image: np.ndarray | bytes, label: str | None = BOX) -> None:
    """Write `images/<name>` and its label."""
    file = root / "images" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(image, np.ndarray):
        image = cv2.imencode(file.suffix, image)[1].tobytes()
    file.write_bytes(image)
    if label is not None:
        text = (root / "labels" / name).with_suffix(".txt")
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text(label)


def describe(root: Path, **changes: object) -> Path:
    """Write the YAML file and return it."""
    task = {"kind": "detect", "labels": "labels", "names": NAMES}
    content = {"path": str(root), "train": "images/train", "val": "images/val", "tasks": {"damage": task}, **changes}
    file = root / "data.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A data set in which nothing is an error or a warning."""
    root = tmp_path / "clean"
    label = "".join(f"{i} 0.{2 + 2 * i} 0.5 0.1 0.1\n" for i in range(len(NAMES)))
    for number in range(6):
        split = "val" if number < 2 else "train"
        put(root, f"{split}/{number}.jpg", scene(number), label)
    put(root, "train/empty.jpg", scene(6), "")
    return describe(root)


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """A data set with one defect of each kind."""
    root = tmp_path / "faulty"
    for number in range(4):
        put(root, f"train/{number}.jpg", scene(number))
        put(root, f"val/{number}.jpg", scene(50 + number))
    first = (root / "images/train/0.jpg").read_bytes()
    put(root, "val/copy.jpg", first, "1 0.5 0.5 0.2 0.2\n")
    put(root, "train/twice.jpg", (root / "images/train/1.jpg").read_bytes())
    put(root, "val/mirror.png", cv2.resize(scene(2)[:, ::-1], (200, 150)))
    put(root, "train/cut.jpg", cv2.imencode(".jpg", scene(10))[1].tobytes()[:-300])
    put(root, "train/dark.jpg", scene(11) // 9)
    put(root, "train/flat.jpg", np.full((64, 64, 3), 120, np.uint8))
    put(root, "train/long.jpg", scene(12, (64, 640)))
    put(root, "train/unlabelled.jpg", scene(13), None)
    put(root, "train/class9.jpg", scene(14), "9 0.5 0.5 0.2 0.2\n")
    put(root, "train/repeated.jpg", scene(15), BOX + BOX)
    put(root, "train/line.jpg", scene(16), BOX + "1 0.5 0.5 0.2 0\n")
    put(root, "train/twin.jpg", scene(17), BOX + "0 0.5 0.5 0.2 0.201\n")
    put(root, "train/both.jpg", scene(18), BOX + "1 0.5 0.5 0.2 0.2\n")
    put(root, "train/tiny.jpg", scene(19), "0 0.5 0.5 0.002 0.2\n")
    put(root, "train/huge.jpg", scene(20), "2 0.5 0.5 0.99 0.99\n")
    put(root, "train/shared.jpg", scene(21))
    put(root, "train/shared.png", scene(22))
    put(root, "train/car_jpg.rf.00112233445566778899aabbccddeeff.jpg", scene(23))
    put(root, "val/car_jpg.rf.ffeeddccbbaa99887766554433221100.jpg", scene(24))
    (root / "labels/train/orphan.txt").write_text(BOX)
    (root / "more.txt").write_text("images/train/3.jpg\n")
    return describe(root, val=["images/val", "more.txt"])
