"""Which task of a model labels which task of a data set, and what its class ids are there: both by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ayolom.errors import AyolomError, nearest
from ayolom.tasks import make_task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.data.schema import DataSchema
    from ayolom.tasks.base import Task

UNKNOWN = 255  # no class has this value
BACKGROUND = "background"


@dataclass(frozen=True)
class Match:
    """One task that a model can label in a data set.

    Attributes:
        task: The task as the data set describes it.
        values: By class id of the model (of a mask: by pixel value) that of the data set; absent where it has none.
        foreign: Names of the model's classes that the data set lacks, by class id of the model.
        known: Names of the data set's classes that the model can find.
        ignore: Pixel value of the data set that teaches nothing; of use for masks only.
    """

    task: Task
    values: dict[int, int]
    foreign: dict[int, str]
    known: tuple[str, ...]
    ignore: int = UNKNOWN

    @property
    def name(self) -> str:
        """Name of the task."""
        return self.task.name


def match_tasks(
    model: Mapping[str, Task], schema: DataSchema, names: Sequence[str] = (), to_files: bool = True
) -> list[Match]:
    """Return the tasks to label, in the order of the data set.

    Args:
        model: The model's tasks by name.
        schema: The data set.
        names: Names of the tasks wanted; empty for all that both have.
        to_files: Whether label files are to be written, which not every form of labels allows.

    Raises:
        AyolomError: A task is missing on either side or is of another kind, the model does not know a class of the
            data set, or the labels of the task cannot be written in its form.
    """
    for name in names:
        for owner, tasks in (("the model", model), (schema.label, schema.tasks)):
            if name not in tasks:
                raise AyolomError(
                    f"tasks={name}: {owner} has no such task.{nearest(name, tasks)} It has {', '.join(tasks)}"
                )
    wanted = [name for name in schema.tasks if (name in names if names else name in model)]
    if not wanted:
        raise AyolomError(
            f"{schema.label}: shares no task with the model: it has {', '.join(schema.tasks)}, the model "
            f"{', '.join(model)}; give the tasks the same names"
        )
    return [_match(model[name], make_task(schema.tasks[name]), schema.label, to_files) for name in wanted]


def class_values(task: Task) -> dict[str, int]:
    """Return the class id of each class by name; of a mask, its pixel value.

    A binary mask has value 1 for its class and 0 for background.
    """
    if task.planes and task.spec.nc == 1:
        return {BACKGROUND: 0, task.spec.names[0]: 1}
    return {name: i for i, name in task.spec.names.items()}


def _match(model: Task, data: Task, label: str, to_files: bool) -> Match:
    """Return how one task of the model labels its namesake."""
    where = f"{label}: task {data.name}"
    if model.kind != data.kind:
        raise AyolomError(f"{where}: is of kind {data.kind}, the model's of kind {model.kind}; rename one of them")
    if to_files:
        _check_form(data, where)
    here, there = class_values(data), _kept(model)
    lacking = [name for name in _kept(data) if name not in there]
    if lacking:
        raise AyolomError(
            f"{where}: the model does not know {', '.join(lacking)} (it knows {', '.join(there)}); a label without "
            "them would say that they are not there. Correct the names, or leave them out by `classes:` in a copy of "
            "the YAML"
        )
    values = {i: here[name] for name, i in there.items() if name in here}
    foreign = {i: name for name, i in there.items() if name not in here}
    return Match(data, values, foreign, tuple(name for name in there if name in here), _ignored(data))


def _kept(task: Task) -> dict[str, int]:
    """Return class ids or pixel values by name, of the classes that `classes:` keeps."""
    values, kept = class_values(task), task.spec.classes
    return values if kept is None else {name: i for name, i in values.items() if i in kept}


def _check_form(task: Task, where: str) -> None:
    """Raise where a prediction cannot be written in the form that the data set's labels have."""
    if task.spec.single_cls:
        raise AyolomError(f"{where}: counts all classes as one, so ids of labels are unknown; remove single_cls")
    if task.planes and task.spec.polygons:
        raise AyolomError(
            f"{where}: is labelled by polygons, which cannot leave uncertain pixels open; write a project for "
            "correction instead (project=labelme), or describe the task with `masks:`"
        )
    if task.planes and _ignored(task) < 0:
        raise AyolomError(f"{where}: has no pixel value for uncertain pixels; give one, such as `ignore: 254`")


def _ignored(task: Task) -> int:
    """Return the pixel value that teaches nothing, -1 where there is none (see `tasks.labels.read_mask`)."""
    if task.spec.ignore >= 0:
        return task.spec.ignore
    return -1 if task.planes and task.spec.nc == 1 else UNKNOWN
