"""The metrics of several tasks under one roof."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ultralytics.utils import DataExportMixin, SimpleClass

if TYPE_CHECKING:
    from ayolom.tasks import Task
    from ayolom.tasks.study import Study


class MultiTaskMetrics(SimpleClass, DataExportMixin):
    """Metrics by task, and one fitness: the mean of the tasks' own, weighted.

    Attributes:
        kinds: The tasks by name.
        tasks: The base's metrics by task name, of tasks that had labelled images.
        studies: What was found of those tasks beside the base's metrics; empty within training.
        weights: Weight of each task in the fitness.
        speed: Milliseconds per image of preprocess, inference, loss and postprocess.
    """

    def __init__(self, kinds: dict[str, Task], weights: dict[str, float] | None = None) -> None:
        """Start without results.

        Args:
            kinds: The tasks by name.
            weights: Weight of a task in the fitness, 1.0 where not given.
        """
        self.kinds = kinds
        self.tasks: dict[str, Any] = {}
        self.studies: dict[str, Study] = {}
        self.weights = {name: float((weights or {}).get(name, 1.0)) for name in kinds}
        self.speed = {"preprocess": 0.0, "inference": 0.0, "loss": 0.0, "postprocess": 0.0}

    @property
    def keys(self) -> list[str]:
        """Names of all metrics, "metrics/<task>/<metric>"."""
        return [f"metrics/{name}/{metric}" for name, task in self.kinds.items() for metric in task.metric_names]

    def mean_results(self) -> list[float]:
        """Values in the order of `keys`, NaN for a task without labelled images."""
        values: list[float] = []
        for name, task in self.kinds.items():
            known = name in self.tasks
            values += task.metric_values(self.tasks[name]) if known else [math.nan] * len(task.metric_names)
        return values

    @property
    def task_fitness(self) -> dict[str, float]:
        """Fitness of each task that had labelled images."""
        return {name: self.kinds[name].fitness(metrics) for name, metrics in self.tasks.items()}

    @property
    def fitness(self) -> float:
        """Weighted mean of the tasks' fitness, 0.0 without any."""
        total = sum(self.weights[name] for name in self.tasks)
        return sum(self.weights[name] * value for name, value in self.task_fitness.items()) / total if total else 0.0

    @property
    def results_dict(self) -> dict[str, float]:
        """All metrics by name, and "fitness"; outside training also recall at fixed precision and calibration error."""
        more = {
            f"metrics/{name}/{key}": x for name, study in self.studies.items() for key, x in study.numbers().items()
        }
        return {**dict(zip(self.keys, self.mean_results(), strict=True)), **more, "fitness": self.fitness}

    def fitness_line(self) -> str:
        """Return how the fitness came about, for the log."""
        terms = " + ".join(f"{self.weights[name]:g} x {name} {value:.4g}" for name, value in self.task_fitness.items())
        return f"fitness {self.fitness:.4g} = weighted mean of {terms or 'nothing'}"

    def summary(self, normalize: bool = True, decimals: int = 5) -> list[dict[str, Any]]:
        """Return a row for each class of each task, all with the same keys.

        The base's rows with the task's name; outside training also recall at fixed precision, and a row for each class
        that no label of the split holds.
        """
        rows = []
        for name, metrics in self.tasks.items():
            study = self.studies.get(name)
            found = study.class_rows(metrics, normalize, decimals) if study else metrics.summary(normalize, decimals)
            rows += [{"Task": name, **row} for row in found]
        keys = dict.fromkeys(key for row in rows for key in row)
        return [{key: row.get(key) for key in keys} for row in rows]

    @property
    def curves(self) -> list[str]:
        """Names of the curves of all tasks."""
        return [f"{name}/{curve}" for name, metrics in self.tasks.items() for curve in metrics.curves]

    @property
    def curves_results(self) -> list[list]:
        """Points of the curves, in the order of `curves`."""
        return [points for metrics in self.tasks.values() for points in metrics.curves_results]
