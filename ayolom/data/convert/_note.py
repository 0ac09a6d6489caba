"""What an export of ours tells of itself in a file beside the annotations: its tasks with their kinds and classes.

Other tools know no tasks: labels of several tasks stand in one list, and outlines do not say whether boxes or masks are
meant. The file is what makes an export come back as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from ayolom.data.convert._description import STORES
from ayolom.data.schema import TASK_NAME
from ayolom.errors import AyolomError
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

NOTE = "ayolom-tasks.yaml"
IMAGES = "ayolom-images.csv"  # which tasks an image is labelled for, where the annotations cannot say so
REMARK = """\
# The tasks of this export, for `yolo data import`. Classes that you draw and that are not listed here, add here.
# Where several tasks have a class of one name, the label is task.class.
"""


@dataclass(frozen=True)
class NotedTask:
    """A task of an export.

    Attributes:
        kind: "detect" or "semantic".
        names: Its classes in the order of their ids, background left out.
    """

    kind: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Note:
    """The tasks of an export.

    Attributes:
        root: Folder of the export.
        tasks: By name.
    """

    root: Path
    tasks: dict[str, NotedTask]

    def owners(self) -> dict[str, tuple[str, str]]:
        """Return task and class by label; "task.class" is always one, the class alone where one task has it."""
        names = {task: noted.names for task, noted in self.tasks.items()}
        long = {f"{task}.{name}": (task, name) for task, listed in names.items() for name in listed}
        return {**long, **{label: owner for owner, label in label_names(names).items()}}

    def unknown(self, label: str) -> str:
        """Return what is wrong with a label that is no task's."""
        several = [f"{task}.{label}" for task, noted in self.tasks.items() if label in noted.names]
        if several:
            return f"label '{label}' is a class of several tasks; call it {' or '.join(several)}"
        return f"label '{label}' is of no task in {NOTE}; add it there"


def label_names(names: Mapping[str, Collection[str]]) -> dict[tuple[str, str], str]:
    """Return labels for formats in which all tasks share one list of them.

    Args:
        names: Class names by task.

    Returns:
        By task and class name the label: that of the class, or "task.class" where several tasks have that class.
    """
    owners: dict[str, list[str]] = {}
    for task, classes in names.items():
        for name in classes:
            owners.setdefault(name, []).append(task)
    return {
        (task, name): name if len(owners[name]) == 1 else f"{task}.{name}"
        for task, classes in names.items()
        for name in classes
    }


def note_text(tasks: Mapping[str, NotedTask]) -> str:
    """Return the text of the file."""
    content = {"tasks": {name: {"kind": task.kind, "names": list(task.names)} for name, task in tasks.items()}}
    return REMARK + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def find_note(source: Path) -> Note | None:
    """Return what an export tells of itself, None when a source is none of ours.

    Args:
        source: A file or folder; the note is beside it, in it, or in the folder around.

    Raises:
        AyolomError: The file was damaged.
    """
    folder = source if source.is_dir() else source.parent
    root = next((place for place in (folder, folder.absolute().parent) if (place / NOTE).is_file()), None)
    if root is None:
        return None
    tasks = load_yaml(root / NOTE).get("tasks")
    if not isinstance(tasks, dict) or not tasks:
        raise AyolomError(f"{root / NOTE}: has no `tasks:`; mend it or remove it")
    return Note(root, {str(name): _task(str(name), given, root) for name, given in tasks.items()})


def _task(name: str, given: Any, root: Path) -> NotedTask:
    """Return one task of the file."""
    kind, names = (given.get("kind"), given.get("names")) if isinstance(given, dict) else (None, None)
    listed = names if isinstance(names, list) and all(map(_is_name, names)) else None
    if not TASK_NAME.match(name) or kind not in STORES or listed is None:
        raise AyolomError(
            f"{root / NOTE}: tasks: {name}: needs kind: {' or '.join(STORES)}, and names: with a list of classes; "
            "mend it or remove the file"
        )
    return NotedTask(kind, tuple(str(one) for one in listed))


def _is_name(given: Any) -> bool:
    """Return whether a value can be a class name: a word, or a number that is meant as one."""
    return isinstance(given, (str, int)) and not isinstance(given, bool)
