"""What an import did, as a value and as a short text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ayolom.data.convert._pairing import Plan
    from ayolom.data.convert._values import Report

SHOWN = 12  # kinds of problems that are printed
RESULTS = {
    "labelled": "labelled",
    "identical": "identical",
    "conflict": "conflicts",
    "aside": "put aside",
}


@dataclass
class TaskSummary:
    """What came of one layer.

    Attributes:
        layer: The layer's name in the source.
        kind: Kind of the task.
        store: "boxes", "polygons" or "masks".
        results: Images by "labelled", "identical" (the same label was there), "conflict" (another was there and is
            kept) and "aside" (no label could be made).
        objects: Objects by class; of class maps, images in which the class occurs.
        names: All class names of the task afterwards, in the order of their ids.
    """

    layer: str
    kind: str
    store: str
    results: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)


@dataclass
class ImportSummary:
    """What an import did, or with a dry run would do.

    Attributes:
        out: Folder of the data set.
        name: Name of the import: its folder below `images/` and `imports/`.
        format: Name of the format.
        layers: Layers of the source.
        plans: Those that are read, each with its task.
        images: New images by split.
        known: Labels of images that the data set had already.
        tasks: By task name.
        report: What was put aside (`counts`) and what was noted (`notes`).
        problems: The list of both, None where there is none.
        written: Whether the data set was changed.
        dry_run: Whether this was a dry run.
    """

    out: Path
    name: str
    format: str
    report: Report
    layers: list[str] = field(default_factory=list)
    plans: Sequence[Plan] = ()
    images: Counter[str] = field(default_factory=Counter)
    known: int = 0
    tasks: dict[str, TaskSummary] = field(default_factory=dict)
    problems: Path | None = None
    written: bool = False
    dry_run: bool = False

    def text(self) -> str:
        """Return a short table, the problems, and the next command."""
        lines = [self._headline(), "", *self._layers()]
        width = max([len("task"), *map(len, self.tasks)])
        columns = "".join(f"{title:>11}" for title in RESULTS.values())
        lines.append(f"  {'task':<{width}}  {'kind':<9}{'stored as':<10}{columns}")
        for name, task in self.tasks.items():
            numbers = "".join(f"{task.results[key]:>11}" for key in RESULTS)
            lines.append(f"  {name:<{width}}  {task.kind:<9}{task.store:<10}{numbers}")
        for name, task in self.tasks.items():
            lines += ["", f"  {name}: {_classes(task)}"]
        lines += _listed("Put aside", self.report.counts, self.report)
        lines += _listed("Noted", self.report.notes, self.report)
        if self.problems is not None:
            lines += ["", f"All of them, row by row: {self.problems}"]
        if self.written:
            lines += ["", f"Next: yolo data check data={self.out / 'data.yaml'}"]
        return "\n".join(lines)

    def _layers(self) -> list[str]:
        """Return which layer became which task, and which are not read; nothing where that goes without saying."""
        read = {one.layer.name for one in self.plans}
        plain = all(not one.why and one.layer.name == one.task for one in self.plans) and read == set(self.layers)
        if len(self.layers) < 2 or plain:
            return []
        width = max(map(len, self.layers))
        lines = [f"  {one.layer.name:<{width}}  is {one.task}{one.why and f', {one.why}'}" for one in self.plans]
        lines += [f"  {name:<{width}}  is not read; layer={name} takes it" for name in self.layers if name not in read]
        return ["Layers:", *lines, ""]

    def _headline(self) -> str:
        """Return the first line."""
        total = sum(self.images.values())
        splits = ", ".join(f"{count} {split}" for split, count in self.images.items())
        verb = "Would add" if self.dry_run else "Added" if self.written else "Nothing new:"
        images = _many(total, "new image") + (f" ({splits})" if splits else "")
        new = f"{images} and {_many(self.known, 'label')} of known ones"
        tail = "; nothing was written (dry run)" if self.dry_run else ""
        return f"{verb} {new} as '{self.name}' ({self.format}) to {self.out}{tail}"


def _many(count: int, what: str) -> str:
    """Return a number with what is counted.

    >>> _many(1, "image"), _many(2, "image")
    ('1 image', '2 images')
    """
    return f"{count} {what}{'' if count == 1 else 's'}"


def _classes(task: TaskSummary) -> str:
    """Return the classes of this import with their ids and counts, and how many more the task has."""
    here = [f"{i} {name} {task.objects[name]}" for i, name in enumerate(task.names) if task.objects[name]]
    rest = len(task.names) - len(here)
    return (", ".join(here) or "no object") + (f"; classes without an object here: {rest}" if rest else "")


def _listed(title: str, counts: Counter[str], report: Report) -> list[str]:
    """Return the most frequent kinds with an example each."""
    if not counts:
        return []
    lines = ["", f"{title}:"]
    for what, count in counts.most_common(SHOWN):
        lines.append(f"  {count} x {what}, such as {report.examples[what][0]}")
    if len(counts) > SHOWN:
        lines.append(f"  and {len(counts) - SHOWN} more kinds")
    return lines
