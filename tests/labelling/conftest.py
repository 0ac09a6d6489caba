"""Data sets whose images say what a stand-in for a model finds on them, so that every label is known beforehand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ayolom.engine.results import TaskResults
from ayolom.tasks import TaskSpec, make_task

DAMAGE, PARTS = {0: "dent", 1: "scratch"}, {0: "background", 1: "hood", 2: "door"}
YAML = """
train: images/train
tasks:
  damage: {kind: detect, labels: labels, names: [scratch, dent]}
  parts: {kind: semantic, masks: masks, names: [background, door, hood]}
"""
SHAPE = (20, 30)


def picture(classes: np.ndarray, sure: float = 0.9, boxes: int = 1, box_sure: float = 0.9) -> np.ndarray:
    """Return an image of which the stand-in finds the given class map (H, W), and a number of boxes."""
    image = np.zeros((*classes.shape, 3), np.uint8)
    image[..., 0], image[..., 1] = classes, round(sure * 200)
    image[0, 0, 2], image[0, 1, 2] = boxes, round(box_sure * 200)
    return image


def half(left: int = 0, right: int = 1) -> np.ndarray:
    """Return a class map (H, W) of two halves."""
    classes = np.full(SHAPE, left, np.uint8)
    classes[:, SHAPE[1] // 2 :] = right
    return classes


class Standin:
    """Takes the place of a model: reads what it finds off the image's channels."""

    tasks = {
        "damage": make_task(TaskSpec("damage", "detect", DAMAGE)),
        "parts": make_task(TaskSpec("parts", "semantic", PARTS)),
    }

    def __init__(self, file, **settings):
        self.file, self.digest = Path(file), "0" * 64
        self.settings = {name: value for name, value in settings.items() if value is not None}

    def __call__(self, images, tasks, conf):
        return [{name: getattr(self, f"_{name}")(image) for name in tasks} for image in images]

    def _damage(self, image):
        count, sure = int(image[0, 0, 2]), image[0, 1, 2] / 200
        rows = [[2 + i, 4, 12 + i, 14, sure, i % 2] for i in range(count)]
        return TaskResults(image, "a", DAMAGE, boxes=torch.tensor(rows, dtype=torch.float32).reshape(-1, 6))

    def _parts(self, image):
        sure = torch.from_numpy(image[..., 1].astype(np.float32) / 200)
        return TaskResults(image, "a", PARTS, semantic_mask=torch.from_numpy(image[..., 0].copy()), confidence=sure)


class Cars:
    """A data set under construction."""

    def __init__(self, root: Path) -> None:
        self.root, self.yaml = root, root / "data.yaml"
        root.mkdir()
        self.yaml.write_text(YAML, encoding="utf-8")

    def image(self, name, image=None, suffix=".png"):
        return self.put(f"images/train/{name}{suffix}", encoded(picture(half()) if image is None else image, suffix))

    def put(self, name, data):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    def mask(self, name):
        return cv2.imread(str(self.root / "masks" / "train" / f"{name}.png"), cv2.IMREAD_UNCHANGED)

    def boxes(self, name):
        return (self.root / "labels" / "train" / f"{name}.txt").read_text()


def encoded(image, suffix=".png"):
    return cv2.imencode(suffix, image)[1].tobytes()


def snapshot(root: Path) -> dict[str, object]:
    """Return the content of all files below a folder, and where links lead."""
    files = sorted(path for path in root.rglob("*") if not path.is_dir())
    return {
        path.relative_to(root).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in files
    }


@pytest.fixture
def cars(tmp_path) -> Cars:
    return Cars(tmp_path / "cars")


@pytest.fixture
def standin(monkeypatch):
    monkeypatch.setattr("ayolom.labelling.run.Model", Standin)
    return Standin


@pytest.fixture
def tools():
    """Helpers of this file for the tests, which are no package."""
    from types import SimpleNamespace

    return SimpleNamespace(picture=picture, half=half, snapshot=snapshot, encoded=encoded, shape=SHAPE)
