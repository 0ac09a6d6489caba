"""A small data set of both tasks opened for looking at, with a model that answers by rule."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ayolom.data.schema import load_schema
from ayolom.data.view import Findings, Model, opened

EVIL = "<img src=x onerror=alert(1)>\"'"
TASKS = f"""
  damage: {{kind: detect, labels: labels, names: [dent, {json.dumps(EVIL)}]}}
  parts: {{kind: semantic, masks: masks, names: [background, left_door, right_door]}}
"""


def pytest_configure(config):
    config.addinivalue_line("markers", "browser: drives a headless Chromium; skipped where there is none")


@pytest.fixture
def cars(folder):
    """Five images: both tasks, boxes only, an empty label, a broken one, and a file that is no image."""
    mask = np.zeros((40, 60), np.uint8)
    mask[:, 30:] = 1
    for name in ("a", "b", "c", "d"):
        folder.image(name)
    folder.boxes("a", "0 0.25 0.5 0.5 1\n1 0.75 0.5 0.5 1\n")
    folder.mask("a", mask)
    folder.boxes("b", "0 0.25 0.5 0.5 1\n")
    folder.boxes("c", "")
    folder.boxes("d", "7 0.5 0.5 0.1 0.1\n")
    (folder.root / "images" / "train" / "e.png").write_bytes(b"no image")
    folder.image("v", split="val")
    folder.mask("v", mask * 2, split="val")
    return folder.yaml(tasks=TASKS)


def answer(image):
    """One dent in the left half, and left_door everywhere."""
    boxes = np.array([[0, 0, 0.5, 1, 0.8, 0]], np.float32)
    return {"damage": Findings(boxes=boxes), "parts": Findings(class_map=np.ones(image.shape[:2], np.uint8))}


@pytest.fixture
def view(cars):
    """Return a function that opens `cars`; what it opened is closed at the end."""
    with ExitStack() as stack:

        def make(predict=answer, model=True, file=None, **options):
            schema = load_schema(file or cars)
            shown = Model("best.pt", dict(schema.tasks), predict) if model else None
            return stack.enter_context(opened(schema, model=shown, **options))

        yield make


@pytest.fixture
def specs(cars):
    """Tasks of `cars`, and a function that renames the classes of one."""
    tasks = load_schema(cars).tasks
    return tasks, lambda name, names: replace(tasks[name], names=dict(enumerate(names)))


@pytest.fixture
def decoded():
    return lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
