"""Classes chosen on the command line, laid over what a dataset YAML says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ayolom.data.flip_pairs import class_id
from ayolom.errors import AyolomError, nearest
from ayolom.tasks import make_task

if TYPE_CHECKING:
    from ayolom.data.schema import DataSchema
    from ayolom.tasks import TaskSpec


def filtered(schema: DataSchema, classes: Any = None, single_cls: bool = False) -> DataSchema:
    """Return the data set with only some classes, or with all classes of boxes taken as one.

    Args:
        schema: Description of the data set.
        classes: Ids or names to keep, a list for the first task or a mapping from task to list; None keeps all.
        single_cls: Whether the boxes of every task count as one class, named after the task.

    Raises:
        AyolomError: There is no such task or class.
    """
    if classes is None and not single_cls:
        return schema
    first = next(iter(schema.tasks))
    chosen = classes if isinstance(classes, dict) else {} if classes is None else {first: classes}
    for name in chosen:
        if name not in schema.tasks:
            raise AyolomError(f"classes: the data has no task '{name}'.{nearest(name, schema.tasks)}")
    tasks = {name: _filtered(spec, chosen.get(name), bool(single_cls)) for name, spec in schema.tasks.items()}
    return replace(schema, tasks=tasks)


def _filtered(spec: TaskSpec, classes: Any, single_cls: bool) -> TaskSpec:
    """Return the description of one task with the choice in it."""
    if single_cls and make_task(spec).box_classes and not spec.single_cls:
        return replace(spec, names={0: spec.name}, flip_pairs=(), single_cls=True, classes=None)
    if classes is None:
        return spec
    wanted = classes if isinstance(classes, (list, tuple)) else [classes]
    return replace(spec, classes=tuple(sorted({class_id(one, spec.names, f"classes: {spec.name}") for one in wanted})))
