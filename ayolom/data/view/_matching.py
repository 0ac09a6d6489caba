"""Class ids of a model told in those of the data: the two may list their classes in different orders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.view._findings import IGNORE, Findings
from ayolom.errors import AyolomError
from ayolom.tasks import make_task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.tasks.base import Task, TaskSpec


@dataclass(frozen=True)
class Matched:
    """A task of the data and what a model knows of it.

    Attributes:
        task: The data's task; reads labels.
        drawn: The same with the classes that only the model has behind its own; draws labels and predictions.
        table: (nc of the model,) the id in `drawn` of each class of the model; None when the model lacks the task.
    """

    task: Task
    drawn: Task
    table: np.ndarray | None = None

    def moved(self, predicted: Findings) -> Findings:
        """Return what a model found, in the ids of `drawn`."""
        if self.table is None:
            return Findings()
        if predicted.boxes is not None:
            boxes = predicted.boxes.copy()
            boxes[:, 5] = self.table[boxes[:, 5].astype(np.int64)]
            return Findings(boxes=boxes)
        if predicted.class_map is None:
            return Findings()
        lookup = np.full(256, IGNORE, np.uint8)
        if self.task.spec.nc == 1:
            lookup[:2] = 0, 1
        else:
            lookup[: len(self.table)] = self.table
        return Findings(class_map=lookup[predicted.class_map])


def match_tasks(tasks: Sequence[Task], model: Mapping[str, TaskSpec] | None) -> list[Matched]:
    """Return the tasks of the data, each with what the model knows of it; classes are matched by name.

    Args:
        tasks: Tasks of the data.
        model: Tasks of the model by name; None when there is no model.

    Raises:
        AyolomError: The model has none of the tasks, or a task of the same name that is of another form.
    """
    if model is None:
        return [Matched(task, task) for task in tasks]
    if not any(task.name in model for task in tasks):
        raise AyolomError(
            f"model: has the tasks {', '.join(model)}, the data {', '.join(task.name for task in tasks)}; "
            "none is in both; name them alike in the data's YAML"
        )
    return [_match(task, model[task.name]) if task.name in model else Matched(task, task) for task in tasks]


def _match(task: Task, model: TaskSpec) -> Matched:
    """Return a task with a model's task of the same name.

    A binary mask has no ids to move: its one class is the other's one class, whatever they are called.
    """
    spec = task.spec
    binary = bool(task.planes) and 1 in (spec.nc, model.nc)
    if model.kind != spec.kind or (binary and spec.nc != model.nc):
        raise AyolomError(
            f"task '{task.name}': is {spec.kind} with {spec.nc} classes in the data and {model.kind} with {model.nc} "
            "in the model, which cannot be compared; rename it in the data's YAML to leave it out"
        )
    if binary:
        return Matched(task, task, np.arange(1))
    names = [*spec.names.values()]
    names += [name for name in model.names.values() if name not in names]
    if task.planes and len(names) > IGNORE:
        raise AyolomError(f"task '{task.name}': data and model have {len(names)} classes together, more than {IGNORE}")
    table = np.array([names.index(model.names[i]) for i in range(model.nc)], np.int64)
    return Matched(task, make_task(replace(spec, names=dict(enumerate(names)))), table)
