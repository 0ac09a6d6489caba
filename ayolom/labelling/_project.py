"""Predictions as a project for correction by hand, in LabelMe or CVAT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.data.convert import LabelledImage
from ayolom.data.export import EXPORTERS, ExportOptions, box_objects, new_folder

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.labelling._draft import Draft
    from ayolom.labelling._job import Job
    from ayolom.labelling._match import Match
    from ayolom.labelling._outcome import Outcome
    from ayolom.labelling._survey import Todo

PROJECTS = ("labelme", "cvat")


def write_project(form: str, out: Path, job: Job, outcome: Outcome) -> None:
    """Write a project with all images that lack a label, and what the model found on them.

    Images on which nothing was found are in it as well: someone is going to look at them.

    Args:
        form: One of `PROJECTS`.
        out: New folder.
        job: What is to be predicted.
        outcome: Receives the counts.

    Raises:
        AyolomError: The folder is in use.
    """
    tasks = [match.task for match in job.matches.values()]
    with new_folder(out) as folder, EXPORTERS[form](folder, tasks, ExportOptions()) as writer:
        for one, drafts in job.drafts(outcome.problems):
            for name, label in drafts.items():
                outcome.take(name, label, empty=True)
            labels = {name: _labelled(job.matches[name], one, label) for name, label in drafts.items()}
            writer.add(one.image.source, one.image.name, one.image.split, labels)
    outcome.made = out


def _labelled(match: Match, one: Todo, label: Draft) -> LabelledImage:
    """Return a label as the exporters take it."""
    file = one.image.source
    if label.boxes is None or label.classes is None:
        return LabelledImage(file.name, one.shape, path=file, class_map=label.class_map)
    objects = box_objects(label.classes, label.boxes, (), match.task.spec.names, one.shape)
    return LabelledImage(file.name, one.shape, objects, path=file)
