"""Tasks, and the engine's validator fed by hand: head outputs in, metrics out, no network in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ayolom.engine.validator import MultiTaskValidator
from ayolom.tasks import Task, TaskSpec, make_task


def _make_task(name: str, kind: str, nc: int, **more: Any) -> Task:
    """Return a task with classes c0, c1, ..."""
    return make_task(TaskSpec(name, kind, {i: f"c{i}" for i in range(nc)}, **more))


@pytest.fixture
def task_of() -> Callable[..., Task]:
    """Return a maker of tasks: name, kind, number of classes."""
    return _make_task


@pytest.fixture
def scorer(tmp_path: Path) -> Callable[..., MultiTaskValidator]:
    """Return a maker of validators that wait for batches and for raw head outputs of end-to-end or mask heads."""

    def make(*tasks: Task, **args: Any) -> MultiTaskValidator:
        network = SimpleNamespace(
            heads={}, tasks={task.name: task for task in tasks}, names={}, end2end=True, set_head_attr=lambda **_: None
        )
        validator = MultiTaskValidator(save_dir=tmp_path, args={"plots": False, "conf": 0.001, "iou": 0.7, **args})
        validator.schema = SimpleNamespace(tasks={task.name: task.spec for task in tasks}, file=None)
        validator.device, validator.training, validator.stride = torch.device("cpu"), True, 32
        validator.data = {}
        validator.init_metrics(network)
        return validator

    return make


@pytest.fixture
def score() -> Callable[[MultiTaskValidator, dict[str, Any], dict[str, Any]], None]:
    """Return what the base's loop does with one batch and the network's answer."""

    def run(validator: MultiTaskValidator, batch: dict[str, Any], outputs: dict[str, Any]) -> None:
        batch = validator.preprocess(batch)
        validator.update_metrics(validator.postprocess(outputs), batch)

    return run
