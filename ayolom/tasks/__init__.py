"""The kinds of task: one class for each, and the table that names them."""

from __future__ import annotations

from ayolom.errors import AyolomError, nearest
from ayolom.tasks.base import Task, TaskSpec, box_offsets, plane_index
from ayolom.tasks.detect import DetectTask
from ayolom.tasks.semantic import SemanticTask

KINDS: dict[str, type[Task]] = {task.kind: task for task in (DetectTask, SemanticTask)}


def make_task(spec: TaskSpec) -> Task:
    """Return the task object for a description.

    Raises:
        AyolomError: No such kind of task.
    """
    if spec.kind not in KINDS:
        raise AyolomError(
            f"task '{spec.name}': no such kind '{spec.kind}'.{nearest(spec.kind, KINDS)} "
            f"Kinds are {', '.join(sorted(KINDS))}"
        )
    return KINDS[spec.kind](spec)


__all__ = [
    "KINDS",
    "DetectTask",
    "SemanticTask",
    "Task",
    "TaskSpec",
    "box_offsets",
    "make_task",
    "plane_index",
]
