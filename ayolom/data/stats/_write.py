"""Statistics as a table to read and as the YAML of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ayolom.data.stats._weights import BETA, effective_number, enet, inverse_frequency, median_frequency

if TYPE_CHECKING:
    import numpy as np

    from ayolom.data.stats._count import Counts, Statistics

DIGITS = 4


def suggested(counts: Counts, beta: float = BETA) -> dict[str, np.ndarray]:
    """Return weights (C,) by method.

    What training counts is what is weighed: boxes by instances, masks by pixels. The effective number is one of
    samples, so of masks it takes images.
    """
    samples = counts.instances if counts.basis == "instances" else counts.images
    return {
        "inverse_frequency": inverse_frequency(counts.occurrences),
        "effective_number": effective_number(samples, beta),
        "enet": enet(counts.occurrences),
        "median_frequency": median_frequency(counts.occurrences, counts.where),
    }


def folder_weights(found: Statistics) -> dict[str, float]:
    """Return for each folder the weight of its images with which all folders count the same; 1 on average."""
    return {name: found.images / (len(found.folders) * folder.images) for name, folder in found.folders.items()}


def table(found: Statistics, beta: float = BETA) -> str:
    """Return the counts and weights of each task, then the folders."""
    lines = []
    for task, counts in found.tasks.items():
        width = max(len("class"), *map(len, counts.names.values()))
        lines.append(
            f"{task}: {counts.labelled} of {found.images} images labelled, {counts.empty} of them with nothing to find"
        )
        lines.append(
            f"  {'class':<{width}} {'images':>8} {'instances':>10} {'pixels':>14} {'share':>8}"
            f" {'inverse':>9} {'effective':>9} {'enet':>9} {'median':>9}"
        )
        weights = suggested(counts, beta)
        shares = counts.occurrences / max(counts.occurrences.sum(), 1)
        for i, name in counts.names.items():
            row = f"{counts.images[i]:>8.0f} {counts.instances[i]:>10.0f} {counts.pixels[i]:>14.0f} {shares[i]:>8.2%}"
            row += "".join(f" {values[i]:>9.3f}" for values in weights.values())
            lines.append(f"  {name:<{width}} {row}")
    width = max(len("folder"), *map(len, found.folders)) if found.folders else 0
    tasks = "".join(f" {task:>{max(9, len(task))}}" for task in found.tasks)
    lines.append(f"{'folder':<{width}} {'images':>8}{tasks} {'weight':>9}   (labelled images by task)")
    for name, weight in folder_weights(found).items():
        folder = found.folders[name]
        cells = "".join(f" {folder.tasks[task].labelled:>{max(9, len(task))}}" for task in found.tasks)
        lines.append(f"{name:<{width}} {folder.images:>8}{cells} {weight:>9.3f}")
    return "\n".join(lines)


def content(found: Statistics, data: str, method: str, beta: float = BETA) -> dict[str, Any]:
    """Return what the YAML says.

    Args:
        found: The statistics.
        data: Name of the data set's YAML.
        method: Whose weights stand under `class_weights`.
        beta: Of the effective number.
    """
    by_task = {task: suggested(counts, beta) for task, counts in found.tasks.items()}
    return {
        "data": data,
        "splits": list(found.splits),
        "method": method,
        "beta": beta,
        "class_weights": {task: _named(found.tasks[task], weights[method]) for task, weights in by_task.items()},
        "folder_weights": {name: round(weight, DIGITS) for name, weight in folder_weights(found).items()},
        "suggested": {
            task: {name: _named(found.tasks[task], values) for name, values in weights.items()}
            for task, weights in by_task.items()
        },
        "counts": {task: _counted(counts) for task, counts in found.tasks.items()},
        "folders": {
            name: {"images": folder.images, **{task: _counted(counts) for task, counts in folder.tasks.items()}}
            for name, folder in found.folders.items()
        },
    }


def to_yaml(values: dict[str, Any]) -> str:
    """Return the text of the YAML."""
    return (
        "# Made by yolo data stats. class_weights are those of the method named, of mean 1; the others stand below.\n"
        + yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    )


def _named(counts: Counts, values: np.ndarray) -> dict[str, float]:
    """Return values by class name."""
    return {name: round(float(values[i]), DIGITS) for i, name in counts.names.items()}


def _counted(counts: Counts) -> dict[str, Any]:
    """Return the counts of one task as plain data."""
    return {
        "labelled": counts.labelled,
        "empty": counts.empty,
        **{
            kind: {name: round(float(getattr(counts, kind)[i])) for i, name in counts.names.items()}
            for kind in ("images", "instances", "pixels")
        },
    }
