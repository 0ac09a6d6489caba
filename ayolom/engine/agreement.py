"""Where a model and its data, or two sets of weights, do not have the same tasks and classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER, RANK

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn

    from ayolom.data.schema import DataSchema
    from ayolom.nn.model import MultiTaskModel
    from ayolom.tasks import Task, TaskSpec


def check_classes(tasks: Mapping[str, Task], schema: DataSchema) -> None:
    """Raise when a model cannot be scored on the data: no task in common, or another number of classes.

    Args:
        tasks: The model's tasks by name.
        schema: Description of the data.

    Raises:
        AyolomError: The message says which task, and what to do.
    """
    common = [name for name in tasks if name in schema.tasks]
    if not common:
        raise AyolomError(
            f"{schema.label}: has the tasks {', '.join(schema.tasks)} and the model {', '.join(tasks)}, none in "
            "common; give the data that the model was trained for"
        )
    for name in common:
        have, want = tasks[name].spec, schema.tasks[name]
        if have.nc != want.nc:
            raise AyolomError(
                f"{schema.label}: task '{name}' has {want.nc} classes and the model was trained for {have.nc}; "
                "validate on the data it was trained with, or train on this data first"
            )
        _tell_other_names(have, want)
    for name in sorted({*schema.tasks} ^ {*tasks}) if RANK in {-1, 0} else ():
        LOGGER.warning(f"task '{name}' is only in {'the data' if name in schema.tasks else 'the model'}; not scored")


def tell_changed_classes(model: MultiTaskModel, given: Mapping[str, Task]) -> None:
    """Say which heads do not go on from the weights because their classes are others.

    Args:
        model: The network that took the weights over.
        given: Tasks of the network that the weights come from.
    """
    for name, task in given.items() if RANK in {-1, 0} else ():
        if name not in model.tasks:
            continue
        have, want = task.spec, model.tasks[name].spec
        if have.nc != want.nc:
            LOGGER.warning(
                f"task '{name}': the weights are for {have.nc} classes and the data has {want.nc}; the layers of the "
                "head that give the classes start anew"
            )
        _tell_other_names(have, want)


def untaught(model: MultiTaskModel, taught: Iterable[str]) -> list[nn.Parameter]:
    """Return the parameters of the layers that lead to none of the taught tasks.

    Args:
        model: The network.
        taught: Names of the tasks that the data has.
    """
    names = set(taught)
    layers: list[Any] = [layer for layer in model.model if names.isdisjoint(layer.users)]  # type: ignore[arg-type]
    return [parameter for layer in layers for parameter in layer.parameters()]


def _tell_other_names(have: TaskSpec, want: TaskSpec) -> None:
    """Warn when as many classes have other names."""
    if have.nc != want.nc or have.names == want.names or RANK not in {-1, 0}:
        return
    i = next(i for i in have.names if have.names[i] != want.names[i])
    LOGGER.warning(
        f"task '{want.name}': class {i} is '{want.names[i]}' in the data and '{have.names[i]}' in the weights; the two "
        "are taken to be the same"
    )
