"""Weights of classes that a user gives by name, as arrays in the order of the class ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ayolom.tasks.base import Task


def given_weights(given: Mapping[str, Any], tasks: Iterable[Task]) -> dict[str, np.ndarray]:
    """Return (nc,) float64 weights by name of the tasks that have any; classes that are not named weigh 1.

    Args:
        given: By task, weights (0 or more) by class name.
        tasks: Tasks of the data set.

    Raises:
        AyolomError: A task or class is unknown, or a weight is no number from 0.
    """
    known = {task.name: task for task in tasks}
    found = {}
    for name, by_class in given.items():
        if name not in known:
            raise AyolomError(f"class_weights: no task '{name}' in the data.{nearest(name, known)}")
        if not isinstance(by_class, dict):
            raise AyolomError(f"class_weights: {name}: must be weights by class name (got {by_class})")
        found[name] = _weights(name, known[name].spec.names, by_class)
    return found


def inverse_frequency(counts: np.ndarray, power: float) -> np.ndarray:
    """Return class weights of mean 1: (1 / count) ** power, the mean of the others where a class does not occur."""
    present = counts > 0
    weights = (counts.sum() / counts.clip(min=1)) ** power
    weights[~present] = weights[present].mean() if present.any() else 1.0
    return weights / weights.mean()


def _weights(task: str, names: Mapping[int, str], by_class: Mapping[Any, Any]) -> np.ndarray:
    """Return the weights of one task."""
    ids = {name: number for number, name in names.items()}
    weights = np.ones(len(names))
    for name, weight in by_class.items():
        if str(name) not in ids:
            raise AyolomError(f"class_weights: {task}: no class '{name}'.{nearest(str(name), ids)}")
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < np.inf:
            raise AyolomError(f"class_weights: {task}: {name}: must be a number from 0 (got {weight})")
        weights[ids[str(name)]] = weight
    if not weights.any():
        raise AyolomError(f"class_weights: {task}: every class weighs 0; leave the task out instead")
    return weights
