"""The data sets of a comparison, made from the one of all tasks: whole for ours, a set for each task for the base's."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from ayolom.data.cache import fingerprint
from ayolom.data.export._exporter import ExportOptions
from ayolom.data.export.run import export_dataset
from ayolom.data.schema import load_schema
from ayolom.errors import AyolomError
from ayolom.files import write_atomic
from ayolom.tasks import make_task
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ayolom.compare._counts import Counts
    from ayolom.data.schema import DataSchema

MARK = "made-from.txt"
TRAIN_LIST = "train.txt"
ALONE = "data.yaml"
LINKS = ExportOptions(place="link", simplify=0.0)


def single_task_yaml(out: Path, task: str) -> Path:
    """Return where the base's data set of one task lies below the folder of the comparison's data."""
    return out / task / ALONE


def multi_task_yaml(out: Path, name: str = "multi") -> Path:
    """Return where the data set of all tasks lies below the folder of the comparison's data."""
    return out / f"{name}.yaml"


def derive(schema: DataSchema, counts: Counts, out: Path) -> None:
    """Make the data sets of a comparison, or make sure that they were made from the same data.

    For each task a folder appears with links to the images that are labelled for it, and labels as the base reads
    them: text rows for boxes, PNGs for masks. The user's files are only read. Broken labels and images are left out,
    as in training of several tasks.

    Args:
        schema: The data set of all tasks.
        counts: Its images.
        out: Folder of the comparison's data.

    Raises:
        AyolomError: The folder was made from other data, or a split is missing.
    """
    for split in ("train", "val"):
        if split not in schema.splits:
            raise AyolomError(f"{schema.label}: has no split '{split}'; add `{split}: images/{split}`")
    mark = _mark(schema, counts)
    file = out / MARK
    if file.is_file() and file.read_text(encoding="utf-8") != mark:
        raise AyolomError(
            f"{out}: was made from other images, labels or settings of {schema.label}; name another out, "
            "or remove the folder and the runs beside it"
        )
    write_atomic(file, mark)
    if counts.chosen is not None:
        write_atomic(out / TRAIN_LIST, "".join(f"{image}\n" for image in counts.chosen))
    write_multi(schema, counts, out, "multi")
    taken = replace(schema, splits={split: sources(schema, counts, out)[split] for split in ("train", "val")})
    for name in schema.tasks:
        if not single_task_yaml(out, name).is_file():
            shutil.rmtree(out / name, ignore_errors=True)  # cut off before its description was written
            _derive_single(taken, name, out)


def sources(schema: DataSchema, counts: Counts, out: Path) -> dict[str, tuple[Path, ...]]:
    """Return the folders and lists of each split, the list of chosen images in place of the training folders."""
    chosen = {} if counts.chosen is None else {"train": (out / TRAIN_LIST,)}
    return {**schema.splits, **chosen}


def write_multi(
    schema: DataSchema, counts: Counts, out: Path, name: str, flip_pairs: Mapping[str, Any] | None = None
) -> None:
    """Write the YAML of all tasks with absolute paths.

    Args:
        schema: The data set.
        counts: Its images.
        out: Folder of the comparison's data.
        name: Name of the file.
        flip_pairs: By task, what stands for the data's `flip_pairs`.

    Raises:
        AyolomError: A task is not in the data.
    """
    content = load_yaml(schema.file) if schema.file else {}
    content.pop("generate", None)
    tasks = {task: dict(block) for task, block in content["tasks"].items()}
    for task, pairs in (flip_pairs or {}).items():
        if task not in tasks:
            raise AyolomError(f"{name}: flip_pairs: {schema.label} has no task '{task}' (it has {', '.join(tasks)})")
        tasks[task]["flip_pairs"] = pairs
    places = {split: [str(path) for path in paths] for split, paths in sources(schema, counts, out).items()}
    whole = {**content, **places, "path": str(schema.root), "tasks": tasks}
    file = multi_task_yaml(out, name)
    write_atomic(file, yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120))
    load_schema(file)


def _derive_single(schema: DataSchema, name: str, out: Path) -> None:
    """Write the data set of one task."""
    task = make_task(schema.tasks[name])
    file = single_task_yaml(out, name)
    form = "masks" if task.planes else "yolo"
    done = export_dataset(schema, file.parent, form, (name,), ("train", "val"), LINKS)
    for split in ("train", "val"):
        if not done.images[name, split]:
            raise AyolomError(f"{schema.label}: no image of {split} is labelled for {name}")
    content = {split: f"images/{split}" for split in ("train", "val")}
    masks = {"masks_dir": name} if task.planes else {}
    text = yaml.safe_dump(
        {"path": str(file.parent.resolve()), **content, **masks, "names": task.spec.names},
        sort_keys=False,
        allow_unicode=True,
        width=120,
    )
    write_atomic(file, text)


def _mark(schema: DataSchema, counts: Counts) -> str:
    """Return a line that changes with the data: its description, the images, and how many are labelled for what."""
    numbers = sorted(("+".join(sorted(tasks)), number) for tasks, number in counts.labelled.items())
    described = [repr(sorted(spec.to_dict().items())) for spec in schema.tasks.values()]
    splits = [repr((split, [str(path) for path in paths])) for split, paths in schema.splits.items()]
    key = fingerprint([*described, *splits, *(counts.chosen or ())])
    return f"{key}\n" + "".join(f"{tasks}: {number}\n" for tasks, number in numbers)
