"""Labels by a trained model for the images that have none, kept apart from those made by hand by a record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER

from ayolom import __version__
from ayolom.errors import AyolomError, nearest
from ayolom.labelling._draft import encode
from ayolom.labelling._job import CONF, Job, thresholds
from ayolom.labelling._match import match_tasks
from ayolom.labelling._model import Model
from ayolom.labelling._outcome import Outcome, problem_lines
from ayolom.labelling._project import PROJECTS, write_project
from ayolom.labelling._record import FOLDER, record_file, shown
from ayolom.labelling._store import Store, locked, recover
from ayolom.labelling._survey import survey
from ayolom.labelling._target import Target, of_data, of_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ayolom.labelling._survey import Image

SETTINGS = ("imgsz", "tile", "tile_overlap", "tile_whole", "device")  # options that prediction takes as they are


@dataclass(frozen=True)
class LabelOptions:
    """How images are labelled.

    Attributes:
        tasks: Names of the tasks; empty for all that model and data share.
        conf: Least confidence of a box or pixel, for all tasks or by task.
        splits: Splits of the data set; empty for all.
        empty: Whether an image on which nothing is found gets a label that says "nothing there".
        batch: Most images predicted at once.
        imgsz: Size of the network's input, None for that of its training.
        tile: Side in pixels of tiles in which boxes are searched on large images as well, None for no tiles.
        tile_overlap: Share of a tile that its neighbour covers too, None for that of prediction.
        tile_whole: Whether the whole image is searched besides, None for that of prediction.
        device: The base's `device`, None for its choice.
        name: Name of the run, None for one from model and time.
    """

    tasks: tuple[str, ...] = ()
    conf: float | Mapping[str, float] = CONF
    splits: tuple[str, ...] = ("train",)
    empty: bool = False
    batch: int = 1
    imgsz: int | list[int] | None = None
    tile: int | None = None
    tile_overlap: float | None = None
    tile_whole: bool | None = None
    device: Any = None
    name: str | None = None


def label(
    model: str | Path,
    data: str | Path | None = None,
    source: str | Path | None = None,
    out: str | Path | None = None,
    project: str | None = None,
    options: LabelOptions | None = None,
    dry_run: bool = False,
) -> Outcome:
    """Label the images that lack a label.

    Labels that are there are never touched, broken ones neither. The labels appear together when all are made; an
    error or Ctrl-C before leaves nothing.

    Args:
        model: A checkpoint of several tasks.
        data: Dataset YAML whose images are labelled.
        source: Instead, a folder of images.
        out: New folder: of the data set made of `source`, or of the project.
        project: "labelme" or "cvat": write a project for correction by hand instead of labels.
        options: How; the defaults when None.
        dry_run: Whether to count only, without prediction.

    Returns:
        What was done.

    Raises:
        AyolomError: Something given is wrong or does not fit together.
    """
    options = options or LabelOptions()
    _check_given(data, source, out, project)
    network = Model(model, **{name: getattr(options, name) for name in SETTINGS})
    if project is not None or dry_run:
        return _without_labels(network, _target(network, data, source, out, project, options), options, project, out)
    if out is not None and (Path(out, FOLDER)).is_dir():
        with locked(Path(out).absolute()):
            _recover(Path(out).absolute())
    target = _target(network, data, source, out, project, options)
    with locked(target.root):
        _recover(target.root)
        return _label(network, target, options)


def _check_given(data: Any, source: Any, out: Any, project: str | None) -> None:
    """Raise where arguments do not fit together."""
    if (data is None) == (source is None):
        raise AyolomError("give either data= (a dataset YAML) or source= (a folder of images)")
    if project is not None and project not in PROJECTS:
        raise AyolomError(f"project={project}: must be one of {', '.join(PROJECTS)}.{nearest(project, PROJECTS)}")
    if out is None and (source is not None or project is not None):
        raise AyolomError("out= is missing: the folder of the new data set or project")
    if out is not None and source is None and project is None:
        raise AyolomError("out= is for source= and project=; labels of data= go where the YAML says")


def _target(network: Model, data: Any, source: Any, out: Any, project: str | None, options: LabelOptions) -> Target:
    """Return what is to be labelled."""
    if data is not None:
        return of_data(data, options.splits)
    # A project links nothing and has no YAML: the folder of the data set is a name that is not used.
    place = Path(out) if project is None else Path(out) / "data"
    return of_folder(Path(source).expanduser(), place, network.tasks, options.tasks)


def _survey(
    network: Model, target: Target, options: LabelOptions, to_files: bool = True
) -> tuple[Job, list[Image], Outcome]:
    """Return what is to be predicted, the images that can be read, and what was counted; say it."""
    matches = {match.name: match for match in match_tasks(network.tasks, target.schema, options.tasks, to_files)}
    conf = thresholds(options.conf, list(matches))
    seen = survey(target.images, list(matches.values()), target.root)
    LOGGER.info(f"{target.schema.label}: {len(target.images)} images, {len(seen.todo)} lack a label")
    LOGGER.info(seen.table(list(matches.values())))
    for match in matches.values():
        if match.foreign:
            LOGGER.info(f"{match.name}: the data set has no {', '.join(match.foreign.values())}; these are left out")
    job = Job(matches, seen.todo, partial(network, conf=conf), conf, options.batch)
    return job, seen.readable, Outcome(problems=seen.problems)


def _without_labels(network: Model, target: Target, options: LabelOptions, project: str | None, out: Any) -> Outcome:
    """Write a project, or with none only count: what leaves the data set as it is."""
    job, _, outcome = _survey(network, target, options, to_files=project is None)
    if project is None:
        LOGGER.info("\n".join([*problem_lines(outcome.problems), "dry run: nothing was predicted or written"]))
    elif not job.todo:
        LOGGER.info("\n".join([*outcome.lines(), "nothing was written: no image lacks a label"]))
    else:
        write_project(project, Path(out), job, outcome)
        LOGGER.info("\n".join([*outcome.lines(), f"project: {out}"]))
    return outcome


def _label(network: Model, target: Target, options: LabelOptions) -> Outcome:
    """Predict, set the labels aside, and put them in place."""
    job, readable, outcome = _survey(network, target, options)
    store = Store(target.root, _run_name(network.file, target.root, options.name))
    try:
        _set_aside(store, target, job, readable, options, outcome)
        if not outcome.written.total():
            LOGGER.info("\n".join([*outcome.lines(), "nothing was written: there is no label to add"]))
            return outcome
        outcome.made = store.commit(_head(network, target, job, options))
    finally:
        store.discard()
    LOGGER.info(
        "\n".join([*outcome.lines(), f"record: {outcome.made}", f"undo:   yolo data label undo={outcome.made}"])
    )
    return outcome


def _set_aside(
    store: Store, target: Target, job: Job, readable: list[Image], options: LabelOptions, outcome: Outcome
) -> None:
    """Set aside the YAML and the links of a new data set, those that are not there yet, and the labels."""
    if target.yaml is not None:
        store.add(target.root / "data.yaml", target.yaml.encode(), kind="dataset")
    for image in readable:
        if image.file != image.source and not image.file.is_symlink() and not image.file.exists():
            store.add_link(image.file, image.source, kind="image")
    for one, drafts in job.drafts(outcome.problems):
        for name, made in drafts.items():
            if outcome.take(name, made, options.empty):
                match = job.matches[name]
                store.add(
                    match.task.label_file(one.image.file, target.root),
                    encode(match, made),
                    task=name,
                    image=shown(one.image.file, target.root),
                    **made.facts(),
                )


def _head(network: Model, target: Target, job: Job, options: LabelOptions) -> dict[str, Any]:
    """Return what the record says of the run."""
    return {
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "version": __version__,
        "model": str(network.file),
        "model_sha256": network.digest,
        "tasks": {name: {"conf": job.conf[name], "classes": list(job.matches[name].known)} for name in job.matches},
        "settings": {"empty": options.empty, "batch": options.batch, **network.settings},
        **target.origin,
        "new": target.yaml is not None,
    }


def _run_name(model: Path, root: Path, given: str | None) -> str:
    """Return the name of a new run: what was given, else model and time."""
    if given is not None:
        return given
    stem = re.sub(r"[^\w.-]+", "_", model.stem).lstrip(".-") or "model"
    name = f"{stem}-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}"
    number = 1
    while record_file(root, name if number == 1 else f"{name}-{number}").exists():
        number += 1
    return name if number == 1 else f"{name}-{number}"


def _recover(root: Path) -> None:
    """Finish what was killed, and say so."""
    for run in recover(root):
        LOGGER.info(f"{record_file(root, run)}: was cut off while its labels were put in place; finished now")
