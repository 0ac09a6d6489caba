"""Pictures and tables of a training: batches, label counts, gates."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import torch
from ultralytics.utils import LOGGER
from ultralytics.utils.plotting import plot_images

from ayolom.data.class_counts import class_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ayolom.tasks import Task, TaskSpec


NEAR = 0.02  # of the threshold; closer gates are warned of
DRAWN = ("cls", "bboxes", "batch_idx", "semantic_mask")


def ready_fonts(specs: Iterable[TaskSpec]) -> None:
    """Let the base's plots write the class names of all tasks without asking the network for a font."""
    from ayolom.draw import prepare_fonts

    prepare_fonts([name for spec in specs for name in spec.names.values()])


def plot_batch(batch: dict[str, Any], tasks: list[Task], file: Path, on_plot: Callable) -> None:
    """Draw a training batch: boxes and mask of the first tasks that have them in one picture, more tasks in others.

    Args:
        batch: A collated batch.
        tasks: The data set's tasks, in order.
        file: The picture; further tasks add their name to it.
        on_plot: The trainer's register of plots.
    """
    everything = torch.ones(len(batch["img"]), dtype=torch.bool)
    pictures: list[tuple[dict[str, Any], Task, list[Task]]] = []
    for task in tasks:
        labels = task.select(batch, everything, tasks)
        own: dict[str, Any] = {key: labels[key] for key in DRAWN if key in labels}
        free = next((p for p in pictures if not set(own) & set(p[0])), None)
        if free:
            free[0].update(own)
            free[2].append(task)
        else:
            pictures.append((own, task, [task]))
    for number, (labels, first, members) in enumerate(pictures):
        boxed = next((task for task in members if task.box_classes), first)
        target = file if number == 0 else file.with_stem(f"{file.stem}_{first.name}")
        labels = {**labels, "img": batch["img"].clone()}
        plot_images(labels, paths=list(batch["im_file"]), fname=target, names=boxed.spec.names, on_plot=on_plot)


def plot_labels(dataset: Any, tasks: list[Task], folder: Path, on_plot: Callable) -> None:
    """Draw how often each class of each task occurs in the training labels, in `labels.jpg`.

    Args:
        dataset: The training data set.
        tasks: The data set's tasks.
        folder: Where the picture goes.
        on_plot: The trainer's register of plots.
    """
    import matplotlib.pyplot as plt

    counts = class_counts(dataset, tasks)
    names = {task.name: list(task.spec.names.values()) for task in tasks}
    with plt.rc_context({"font.family": ["DejaVu Sans", "Arial Unicode MS"]}):  # the second is ours, see prepare_fonts
        figure, axes = plt.subplots(len(tasks), 1, figsize=(10, 4 * len(tasks)), squeeze=False, tight_layout=True)
        for axis, task in zip(axes[:, 0], tasks, strict=True):
            values = counts[task.name][: task.spec.nc] if task.spec.nc > 1 else counts[task.name][-1:]
            axis.bar(range(len(values)), values)
            axis.set_xticks(range(len(values)), names[task.name][: len(values)], rotation=60, ha="right", fontsize=8)
            axis.set_yscale("log" if task.planes else "linear")
            axis.set_title(f"{task.name}: {'pixels' if task.planes else 'instances'} by class")
        figure.savefig(folder / "labels.jpg", dpi=150)
        plt.close(figure)
    on_plot(folder / "labels.jpg")


def report_gates(table: list[dict[str, Any]], folder: Path) -> None:
    """Log how open each gate is and write the table to `gates.csv`.

    Args:
        table: `MultiTaskModel.gate_table()`.
        folder: The run's folder.
    """
    if any(abs(row["openness"] - 0.5) < NEAR for row in table):
        LOGGER.warning("a gate stands at its threshold and may close or open with the next step; see docs/models.md")
    LOGGER.info(f"\n{'block':>20s}{'row':>6s}{'openness':>10s}  gate")
    for row in table:
        LOGGER.info(
            f"{row['block']:>20s}{row['row']:>6}{row['openness']:>10.3f}  {'open' if row['open'] else 'closed'}"
        )
    with (folder / "gates.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
