"""The description of a growing data set: its tasks, their folders, and class lists that only grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from ayolom.data.schema import MASK_CLASSES, SPLITS, TASK_NAME
from ayolom.errors import AyolomError
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FILE = "data.yaml"
MARK = "# Grown by `yolo data import`"
REMARK = f"{MARK}: keys may be added by hand, comments are lost with the next import. What came from where: imports/\n"
BACKGROUND = "background"
BACKGROUND_NAMES = frozenset({BACKGROUND, "_background_", "__background__"})
STORES = {"detect": ("boxes", "polygons"), "semantic": ("masks", "polygons")}  # the first is the default
FOLDER_KEYS = {("detect", "boxes"): "labels", ("detect", "polygons"): "labels"}
FOLDER_KEYS |= {("semantic", "masks"): "masks", ("semantic", "polygons"): "polygons"}


@dataclass
class GrowingTask:
    """One task of the data set while an import adds to it.

    Attributes:
        name: Its name.
        kind: "detect" or "semantic".
        store: "boxes", "polygons" or "masks".
        folder: Folder of its labels, relative to the data set.
        names: Class names in the order of their ids; only ever appended to.
    """

    name: str
    kind: str
    store: str
    folder: str
    names: list[str] = field(default_factory=list)

    @property
    def suffix(self) -> str:
        """Suffix of its label files."""
        return ".png" if self.store == "masks" else ".txt"

    @property
    def is_mask(self) -> bool:
        """Whether every pixel has a class."""
        return self.kind == "semantic"

    @property
    def background(self) -> int:
        """Class id of pixels outside every object."""
        return next((i for i, name in enumerate(self.names) if name.lower() == BACKGROUND), 0)

    @property
    def has_classes(self) -> bool:
        """Whether there is something to tell apart: with masks, more than the background."""
        return any(not self.is_mask or name.lower() != BACKGROUND for name in self.names)

    def need_background(self) -> None:
        """Add the class of pixels outside every object where it is missing."""
        if not any(name.lower() == BACKGROUND for name in self.names):
            self.class_id(BACKGROUND)

    def class_id(self, name: str) -> int:
        """Return the id of a class, appended where it is new.

        Raises:
            AyolomError: A mask has no room for it.
        """
        if name not in self.names:
            if self.is_mask and len(self.names) >= MASK_CLASSES:
                raise AyolomError(
                    f"task {self.name}: a mask has at most {MASK_CLASSES} classes; merge or drop some with map="
                )
            self.names.append(name)
        return self.names.index(name)


class Description:
    """The content of `data.yaml`."""

    def __init__(self, root: Path) -> None:
        """Read it, or start a new one.

        Raises:
            AyolomError: The folder is used by something else, or the file is not ours or damaged.
        """
        self.root, self.file = root, root / FILE
        self._new_folders: dict[str, str] = {}  # of tasks that the file does not have yet, by name
        self.content: dict[str, Any] = {"tasks": {}}
        if self.file.is_file():
            if not self.file.read_text(encoding="utf-8", errors="replace").startswith(MARK):
                raise AyolomError(f"{self.file}: was not made by `yolo data import`; give another folder as out=")
            self.content = load_yaml(self.file)
            if not isinstance(self.content.get("tasks"), dict):
                raise AyolomError(f"{self.file}: has no `tasks:` block; mend it or give another folder as out=")
        elif root.exists() and (not root.is_dir() or any(not path.name.startswith(".") for path in root.iterdir())):
            raise AyolomError(f"{root}: holds something else already; give a new folder as out=")

    def task(self, name: str, kind: str | None, store: str | None, likely: str) -> GrowingTask:
        """Return a task as it stands in the file, or a new one.

        Args:
            name: Its name.
            kind: What the user said, None for nothing.
            store: What the user said, None for nothing.
            likely: Kind of a new task of which the user said nothing.

        Raises:
            AyolomError: The name cannot be one, or what the user said does not go with the task that is there.
        """
        if not TASK_NAME.match(name) or name == "backbone":
            raise AyolomError(f"task={name}: a task's name is made of letters, digits, _ and -, and is not 'backbone'")
        known = self.content["tasks"].get(name)
        if known is None:
            kind = kind or likely
            return GrowingTask(name, kind, *self._new_place(name, kind, store))
        return self._known(name, known, kind, store)

    def text(self, tasks: Iterable[GrowingTask], folders: Mapping[str, str]) -> str:
        """Return the file's new text.

        Args:
            tasks: Tasks that were added to.
            folders: New image folder by split.
        """
        content = {**self.content, "tasks": dict(self.content["tasks"])}
        for split, folder in folders.items():
            listed = content.get(split) or []
            content[split] = [*(listed if isinstance(listed, list) else [listed]), folder]
        for task in tasks:
            key = FOLDER_KEYS[task.kind, task.store]
            known = content["tasks"].get(task.name, {"kind": task.kind, key: task.folder})
            content["tasks"][task.name] = {**known, "names": dict(enumerate(task.names))}
        order = [key for key in ("path", *SPLITS) if key in content]
        order += [key for key in content if key not in (*order, "tasks")]
        ordered = {key: content[key] for key in (*order, "tasks")}
        return REMARK + yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=120)

    def _new_place(self, name: str, kind: str, store: str | None) -> tuple[str, str]:
        """Return how and where the labels of a new task are stored."""
        if store is not None and store not in STORES[kind]:
            raise AyolomError(f"store={store}: kind {kind} stores {' or '.join(STORES[kind])}")
        store = store or STORES[kind][0]
        base = "masks" if store == "masks" else "labels"
        taken = {value for task in self.content["tasks"].values() for value in task.values() if isinstance(value, str)}
        taken |= {folder for other, folder in self._new_folders.items() if other != name}
        plain = base not in taken and (kind, store) != ("semantic", "polygons")  # `labels` is left to boxes
        self._new_folders[name] = base if plain else f"{base}-{name}"
        return store, self._new_folders[name]

    def _known(self, name: str, known: Any, kind: str | None, store: str | None) -> GrowingTask:
        """Return a task that the file has."""
        where = f"{self.file}: tasks: {name}"
        if not isinstance(known, dict) or known.get("kind") not in STORES:
            raise AyolomError(f"{where}: is damaged; mend it or give another folder as out=")
        is_kind = str(known["kind"])
        has = "polygons" if known.get("polygons") else "masks" if is_kind == "semantic" else store or "boxes"
        if kind not in (None, is_kind):
            raise AyolomError(f"kind={kind}: {where} is of kind {is_kind}; give the import another task=")
        if store not in (None, has) or has not in STORES[is_kind]:
            raise AyolomError(f"store={store}: {where} stores {has}; leave store= away, or give another task=")
        folder = str(known.get(FOLDER_KEYS[is_kind, has]) or ("masks" if has == "masks" else "labels"))
        listed = _names(known.get("names"))
        if is_kind == "semantic" and len(listed) == 1:
            raise AyolomError(f"{where}: has one name, a binary mask, which cannot grow; give the import another task=")
        return GrowingTask(name, is_kind, has, folder, listed)


def _names(given: Any) -> list[str]:
    """Return class names in the order of their ids, from a mapping or a list."""
    return [str(given[i]) for i in sorted(given)] if isinstance(given, dict) else [str(name) for name in given or ()]
