"""The dataset YAML as one typed, checked value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ayolom.data import flip_pairs
from ayolom.errors import AyolomError, check_keys, nearest
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

    from ayolom.tasks.base import TaskSpec

SPLITS = ("train", "val", "test")
TOP_KEYS = ("path", *SPLITS, "video", "generate", "channels", "tasks")
TASK_KEYS = ("kind", "labels", "masks", "polygons", "names", "ignore", "classes", "single_cls", "flip_pairs")
FOLDERS = ("labels", "masks", "polygons")
GENERATORS = ("synthetic",)
NO_IGNORE = -1
MASK_CLASSES = 255  # a mask has one byte a pixel, and 255 means "ignored"
REASONS = {
    "download": "a dataset file never runs code; use `generate: synthetic`, or get the data first and give its `path:`",
    "names": "names belong to a task: tasks: {damage: {kind: detect, names: [...]}}",
    "nc": "the number of classes is counted from the names",
}
TASK_NAME = re.compile(r"^[^\W\d][\w-]*$")


@dataclass(frozen=True)
class DataSchema:
    """What a dataset YAML says.

    Attributes:
        file: The YAML file, None when the description came as a mapping.
        root: Folder that the other paths are relative to.
        splits: Folders of images, or .txt lists of them, by split.
        tasks: Tasks by name, in the order of the file; the order decides class offsets and mask planes.
        generate: Built-in generator of the data, or None.
        channels: Channels of the images as the network reads them.
        video: A video to try the model on, or None.
    """

    file: Path | None
    root: Path
    splits: dict[str, tuple[Path, ...]]
    tasks: dict[str, TaskSpec]
    generate: str | None = None
    channels: int = 3
    video: Path | None = None

    @property
    def label(self) -> str:
        """Name for messages."""
        return str(self.file) if self.file else "data"

    def sources(self, split: str) -> tuple[Path, ...]:
        """Return the image folders and lists of a split.

        Raises:
            AyolomError: The file does not have that split, or a folder of it is missing.
        """
        if split not in self.splits:
            have = ", ".join(self.splits)
            raise AyolomError(f"{self.label}: has no split '{split}' (it has {have}); add `{split}: images/{split}`")
        for path in self.splits[split]:
            if not path.exists():
                raise AyolomError(
                    f"{self.label}: {split}: {path} does not exist; correct `{split}:` or `path:` "
                    f"(the data's folder is taken to be {self.root})"
                )
        return self.splits[split]


def is_multitask(source: str | Path | dict[str, Any]) -> bool:
    """Return whether a dataset description is ours, with a `tasks:` block, rather than the base's."""
    if isinstance(source, dict):
        return "tasks" in source
    from ayolom.config import find_yaml

    file = find_yaml(source, "datasets")
    if file is None:
        return False
    # A file with errors in it is ours as well: load_schema says what is wrong.
    return re.search(r"^tasks\s*:", file.read_text(encoding="utf-8-sig", errors="replace"), re.MULTILINE) is not None


def load_schema(source: str | Path | dict[str, Any]) -> DataSchema:
    """Read and check a dataset description; data that a built-in generator makes is made when it is not there.

    Args:
        source: A YAML file, the name of a shipped one, or the same content as a mapping.

    Returns:
        The description, its paths absolute.

    Raises:
        AyolomError: Anything in it that cannot be right: the message names the file, the key and the remedy.
    """
    if isinstance(source, dict):
        file, content = None, source
    else:
        from ayolom.config import find_data_yaml

        file = find_data_yaml(source).absolute()
        _finish_import(file.parent)
        content = load_yaml(file)
    label = str(file) if file else "data"
    check_keys(content, TOP_KEYS, label, REASONS)
    tasks = _tasks(content.get("tasks"), label)
    generate = _generator(content.get("generate"), label)
    entries = {split: _entries(content[split], f"{label}: {split}") for split in SPLITS if content.get(split)}
    if not entries:
        raise AyolomError(f"{label}: names no images; add `train: images/train` and `val: images/val`")
    root = _root(content.get("path"), file, [e for split in entries.values() for e in split], generate, label)
    splits = {split: tuple(root / entry for entry in listed) for split, listed in entries.items()}
    video = content.get("video")
    schema = DataSchema(
        file, root, splits, tasks, generate, _channels(content, label), root / str(video) if video else None
    )
    _make(schema)
    for split in ("train", "val"):
        if split in schema.splits:
            schema.sources(split)
    return schema


def _finish_import(root: Path) -> None:
    """Finish or remove what an import left that was killed; the data set is then the whole of it, or as before."""
    if any((root / ".ayolom").glob("staging-*")):
        from ayolom.data.convert import recover

        recover(root)


def _generator(given: Any, label: str) -> str | None:
    """Return the name of the built-in generator, or None."""
    if given is None or given in GENERATORS:
        return given
    raise AyolomError(
        f"{label}: generate: no built-in generator '{given}'.{nearest(str(given), GENERATORS)} "
        f"There is {', '.join(GENERATORS)}"
    )


def _channels(content: dict[str, Any], label: str) -> int:
    """Return the number of image channels."""
    channels = content.get("channels", 3)
    if channels not in (1, 3) or isinstance(channels, bool):
        raise AyolomError(f"{label}: channels: must be 3 (colour) or 1 (grey), got {channels}")
    return channels


def _entries(given: Any, where: str) -> list[str]:
    """Return the paths of a split, one or several."""
    listed = given if isinstance(given, list) else [given]
    if not listed or not all(isinstance(entry, str) and entry for entry in listed):
        raise AyolomError(f"{where}: must be a folder, a .txt list of images, or a list of those (got {given})")
    return listed


def _root(given: Any, file: Path | None, entries: list[str], generate: str | None, label: str) -> Path:
    """Return the data's folder: of the places where it may lie, the one that holds most of what the splits name."""
    if not isinstance(given, (str, type(None))) or (generate and not given):
        raise AyolomError(f"{label}: path: must be the name of a folder (got {given})")
    places = _places(given, file)
    held = [sum((place / entry).exists() for entry in entries) for place in places]
    if max(held) == len(entries) or (max(held) and not generate):
        return places[held.index(max(held))]
    if generate:
        return places[-1]
    found = next((place for place in places if place.is_dir()), None)
    if found:  # the splits' folders are missed by name later
        return found
    looked = ", ".join(dict.fromkeys(map(str, places)))
    raise AyolomError(f"{label}: path: {given} was not found (looked for {looked}); put the data there or correct it")


def _places(given: str | None, file: Path | None) -> list[Path]:
    """Return where a data folder may lie: beside the YAML file, in the working directory, in the datasets folder."""
    from ayolom.config import datasets_dir

    beside = file.parent if file else Path.cwd()
    if not given:
        return [beside]
    return [Path(base, Path(given).expanduser()).absolute() for base in (beside, Path.cwd(), datasets_dir())]


def _make(schema: DataSchema) -> None:
    """Make the data of a built-in generator where it is missing."""
    paths = [path for split in schema.splits.values() for path in split]
    if schema.generate is None or all(path.exists() for path in paths):
        return
    from ultralytics.utils import LOGGER

    LOGGER.info(f"Drawing the data of {schema.label} in {schema.root} (once)")
    _synthetic().generate(schema.root)


def _synthetic() -> ModuleType:
    """Return the generator of the embedded data."""
    from ayolom.data import synthetic

    return synthetic


def _tasks(given: Any, label: str) -> dict[str, TaskSpec]:
    """Return the tasks by name."""
    if not isinstance(given, dict) or not given:
        raise AyolomError(
            f"{label}: needs a `tasks:` block, such as tasks: {{damage: {{kind: detect, names: [dent, scratch]}}}}"
        )
    tasks = {name: _task(name, content, f"{label}: tasks: {name}") for name, content in given.items()}
    _check_shared_labels(list(tasks.values()), label)
    return tasks


def _check_shared_labels(specs: Sequence[TaskSpec], label: str) -> None:
    """Refuse two tasks that read the same files and call the classes in them by other names."""
    first: dict[tuple[Any, ...], TaskSpec] = {}
    for spec in specs:
        other = first.setdefault((spec.kind, spec.labels, spec.masks, spec.polygons), spec)
        if other.names != spec.names and not (other.single_cls or spec.single_cls):
            raise AyolomError(
                f"{label}: tasks: {other.name} and {spec.name} read the same labels but call the classes by "
                f"other names; give each a folder of its own, such as {spec.name}: labels: labels-{spec.name}"
            )


def _task(name: Any, content: Any, where: str) -> TaskSpec:
    """Return the description of one task."""
    from ayolom.tasks import TaskSpec, make_task

    if not isinstance(name, str) or not TASK_NAME.match(name) or name == "backbone":
        raise AyolomError(f"{where}: a task's name is made of letters, digits, _ and -, and is not 'backbone'")
    if not isinstance(content, dict):
        raise AyolomError(f"{where}: must be a block of keys, such as kind, labels and names (got {content})")
    check_keys(content, TASK_KEYS, where, REASONS)
    if "kind" not in content:
        raise AyolomError(f"{where}: says no `kind:`; use `kind: detect` or `kind: semantic`")
    names = _names(content.get("names"), where)
    single = _flag(content.get("single_cls", False), f"{where}: single_cls")
    classes = _classes(content.get("classes"), names, f"{where}: classes")
    if single and classes is not None:
        raise AyolomError(f"{where}: single_cls and classes exclude each other; remove one of them")
    names = {0: name} if single else names
    spec = TaskSpec(
        name=name,
        kind=str(content["kind"]),
        names=names,
        flip_pairs=flip_pairs.parse(content.get("flip_pairs"), names, f"{where}: flip_pairs"),
        ignore=_ignore(content, where),
        classes=classes,
        single_cls=single,
        **{key: _folder(content[key], f"{where}: {key}") for key in FOLDERS if content.get(key) is not None},
    )
    try:
        task = make_task(spec)
    except AyolomError as error:
        raise AyolomError(f"{where}: {error}") from None
    _check_labels(spec, bool(task.planes), where)
    return spec


def _check_labels(spec: TaskSpec, is_mask: bool, where: str) -> None:
    """Raise when the task's keys do not go together."""
    if not is_mask:
        for key in ("masks", "polygons"):
            if getattr(spec, key):
                raise AyolomError(f"{where}: {key}: kind {spec.kind} has no masks; name the folder under `labels:`")
        return
    if spec.labels:
        raise AyolomError(f"{where}: labels: kind {spec.kind} reads `masks:` (PNG) or `polygons:` (text)")
    if spec.masks and spec.polygons:
        raise AyolomError(f"{where}: masks and polygons exclude each other; remove one of them")
    if spec.single_cls:
        raise AyolomError(f"{where}: single_cls: works on boxes; for a binary mask give one name and masks of 0 and 1")
    if spec.nc > MASK_CLASSES:
        raise AyolomError(f"{where}: a mask has at most {MASK_CLASSES} classes (got {spec.nc})")
    if spec.polygons and spec.nc > 1 and "background" not in {name.lower() for name in spec.names.values()}:
        raise AyolomError(
            f"{where}: polygons leave pixels uncovered; name the class of those 'background' in `names:` "
            "(the ids in the text files are those of `names:`)"
        )


def _names(given: Any, where: str) -> dict[int, str]:
    """Return class names by id."""
    if isinstance(given, list):
        given = dict(enumerate(given))
    if not isinstance(given, dict) or not given:
        raise AyolomError(f"{where}: needs class names, such as names: {{0: dent, 1: scratch}} (got {given})")
    for i, name in given.items():
        if isinstance(name, bool) or not isinstance(name, (str, int)) or not str(name).strip():
            raise AyolomError(f"{where}: names: class {i} must be text (got {name}); put it in quotes")
    ids = list(given)
    if any(isinstance(i, bool) or not isinstance(i, int) for i in ids) or sorted(ids) != list(range(len(ids))):
        raise AyolomError(f"{where}: names: ids must run from 0 to {len(ids) - 1} without gaps (got {ids})")
    names = {i: str(given[i]).strip() for i in sorted(ids)}
    if len(set(names.values())) < len(names):
        twice = sorted({name for name in names.values() if list(names.values()).count(name) > 1})
        raise AyolomError(f"{where}: names: {', '.join(twice)} stands in it more than once")
    return names


def _classes(given: Any, names: dict[int, str], where: str) -> tuple[int, ...] | None:
    """Return the ids of the classes to keep, None for all."""
    if given is None:
        return None
    listed: Iterable[Any] = given if isinstance(given, list) else [given]
    ids = tuple(sorted({flip_pairs.class_id(one, names, where) for one in listed}))
    if not ids:
        raise AyolomError(f"{where}: keeps no class; remove the key to keep all")
    return ids


def _ignore(content: dict[str, Any], where: str) -> int:
    """Return the pixel value that teaches nothing; NO_IGNORE when the file says null."""
    value = content.get("ignore", 255)
    if value is None:
        return NO_IGNORE
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise AyolomError(f"{where}: ignore: must be a pixel value from 0 to 255, or null for none (got {value})")
    return value


def _flag(value: Any, where: str) -> bool:
    """Return a switch."""
    if not isinstance(value, bool):
        raise AyolomError(f"{where}: must be true or false (got {value})")
    return value


def _folder(value: Any, where: str) -> str:
    """Return the name of a folder of labels."""
    if not isinstance(value, str) or not value.strip():
        raise AyolomError(f"{where}: must be the name of a folder (got {value})")
    return value
