"""What is to be labelled: the images of a data set, or a folder of photos that becomes one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from ayolom.data.flip_pairs import derive
from ayolom.data.images import list_images
from ayolom.data.schema import DataSchema, load_schema
from ayolom.errors import AyolomError
from ayolom.labelling._record import FOLDER, records
from ayolom.labelling._survey import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.tasks.base import Task, TaskSpec

YAML = "data.yaml"
SPLIT = "train"


@dataclass(frozen=True)
class Target:
    """A data set to be labelled.

    Attributes:
        schema: Its description.
        images: Its images, each once.
        yaml: Content of the YAML to be written, None where there is one.
        origin: What was given, for the record.
    """

    schema: DataSchema
    images: list[Image]
    yaml: str | None
    origin: dict[str, Any]

    @property
    def root(self) -> Path:
        """Folder of the data set."""
        return self.schema.root


def of_data(data: str | Path, splits: Sequence[str]) -> Target:
    """Return the images of some splits of a data set.

    Args:
        data: Dataset YAML, or the name of a shipped one.
        splits: Names of the splits; empty for all.

    Raises:
        AyolomError: The YAML is wrong, or a split is missing or holds no images.
    """
    from ayolom.data.export import named_images

    schema = load_schema(data)
    images: dict[str, Image] = {}
    for split, file, name in named_images(schema, splits):
        images.setdefault(file, Image(split, Path(file), name, Path(file)))
    return Target(schema, list(images.values()), None, {"data": str(data), "splits": list(splits or schema.splits)})


def of_folder(source: Path, out: Path, model: Mapping[str, Task], tasks: Sequence[str]) -> Target:
    """Return the images of a folder as a data set that links them.

    Args:
        source: Folder of images, searched with all below it.
        out: Folder of the data set: new, empty, or made by an earlier labelling.
        model: The model's tasks by name.
        tasks: Names of the tasks wanted; empty for all.

    Raises:
        AyolomError: The source is no folder or holds no images, or `out` is in use.
    """
    source, out = source.absolute(), out.absolute()
    if not source.is_dir():
        raise AyolomError(f"source={source}: is no folder; give a folder of images")
    if out.is_relative_to(source):
        raise AyolomError(f"out={out}: lies in the folder of the images; give one outside of it")
    files = [Path(file) for file in list_images((source,), source)]
    names = [_name(file.relative_to(source)) for file in files]
    images = [
        Image(SPLIT, Path(out, "images", SPLIT, name), name, file) for file, name in zip(files, names, strict=True)
    ]
    origin = {"source": str(source), "splits": [SPLIT]}
    if is_ours(out):
        return Target(load_schema(out / YAML), images, None, origin)
    if out.exists() and (not out.is_dir() or any(file.name != FOLDER for file in out.iterdir())):
        raise AyolomError(f"out={out}: is there already and no labelling made it; remove it or name another folder")
    specs = _specs(model, tasks)
    schema = DataSchema(out / YAML, out, {SPLIT: (out / "images" / SPLIT,)}, specs)
    return Target(schema, images, _content(specs), origin)


def is_ours(out: Path) -> bool:
    """Return whether a folder is a data set that a labelling made."""
    return (out / YAML).is_file() and bool(records(out))


def _name(path: Path) -> str:
    """Return an image's name in the data set; a folder named "images" would move the labels, so it is renamed."""
    folders = [f"{part}_" if part == "images" else part for part in path.parts[:-1]]
    return PurePosixPath(*folders, path.name).as_posix()


def _specs(model: Mapping[str, Task], names: Sequence[str]) -> dict[str, TaskSpec]:
    """Return descriptions of the model's tasks with a folder of labels for each."""
    specs: dict[str, TaskSpec] = {}
    used: set[str] = set()
    for name in names or model:
        if name not in model:
            raise AyolomError(f"tasks={name}: the model has no such task; it has {', '.join(model)}")
        task = model[name]
        folder = "masks" if task.planes else "labels"
        folder = f"{folder}-{name}" if folder in used else folder
        used.add(folder)
        plain = replace(task.spec, labels=None, masks=None, polygons=None, ignore=255, single_cls=False)
        specs[name] = replace(plain, masks=folder) if task.planes else replace(plain, labels=folder)
    return specs


def _content(specs: Mapping[str, TaskSpec]) -> str:
    """Return the dataset YAML; paths are relative to the file."""
    tasks = {}
    for name, spec in specs.items():
        content: dict[str, Any] = {"kind": spec.kind, "names": dict(spec.names)}
        content |= {key: value for key, value in (("labels", spec.labels), ("masks", spec.masks)) if value}
        if spec.classes is not None:
            content["classes"] = list(spec.classes)
        if spec.flip_pairs != derive(spec.names):
            content["flip_pairs"] = [[spec.names[a], spec.names[b]] for a, b in spec.flip_pairs] or False
        tasks[name] = content
    content = {SPLIT: f"images/{SPLIT}", "tasks": tasks}
    return "# Pseudo-labels of a model, not corrected by hand\n" + yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=120
    )
