"""Names of rows in a model YAML (`-1`, `B6`, `N2`, `damage.N5`) turned into places in one flat list of layers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ayolom.errors import AyolomError, nearest

IMAGE = -1
BACKBONE = "backbone"
HELP = "write -1 (row before), B6 (backbone row 6), N2 (row 2 of this neck) or task.N5 (row 5 of that task's neck)"
_EXAMPLE = {False: "[-1, 1, Conv, [64, 3, 2]]", True: "[[N5, N8], Detect, []]"}
_REFERENCE = re.compile(r"(?:(?P<task>[^.]+)\.)?(?P<letter>[BN])(?P<number>\d+)")


@dataclass(frozen=True)
class Row:
    """One layer-to-be.

    Attributes:
        block: "backbone", "damage.neck" or "damage.head".
        index: Place in the flat list of layers.
        inputs: Places of its inputs; `IMAGE` for the image.
        repeats: How often the module is repeated, before the depth scale.
        module: Name of the module.
        args: Its arguments.
        several: Whether the layer takes a list of maps: heads, and rows whose inputs were written as a list.
        place: Where the row stands, for messages: file, block, row, text.
    """

    block: str
    index: int
    inputs: tuple[int, ...]
    repeats: int
    module: str
    args: list[Any]
    several: bool
    place: str

    @property
    def is_head(self) -> bool:
        """Whether the row is a task's head."""
        return self.block.endswith(".head")

    @property
    def task(self) -> str:
        """Name of the row's task, "" for the backbone."""
        return self.block.rpartition(".")[0]


class Layout:
    """Which row of which block stands where in the flat list of layers.

    Backbone rows come first, then each task's neck and head. Tasks keep the order in which they are declared, except
    that a task whose rows refer to another task's neck comes after that task. Blocks are laid out whole, so two tasks
    cannot refer to each other.
    """

    def __init__(self, spec: dict[str, Any], source: str) -> None:
        """Lay out the blocks.

        Args:
            spec: Model YAML with `backbone` and `tasks`, checked by `check_spec`.
            source: Name of the file, for messages.

        Raises:
            AyolomError: Tasks refer to each other in a circle, or to a task that is not there.
        """
        self.spec = spec
        self.source = source
        self.order = self._sorted_tasks()
        self.start = {BACKBONE: 0}
        end = len(spec["backbone"])
        for name in self.order:
            self.start[f"{name}.neck"] = end
            self.start[f"{name}.head"] = end + len(neck_rows(spec, name))
            end = self.start[f"{name}.head"] + 1

    def rows(self) -> list[Row]:
        """Return every row with its references resolved, in the order of the layers.

        Raises:
            AyolomError: A row is not of the form [from, repeats, module, args] or refers to nothing.
        """
        rows = [self._row(BACKBONE, number, raw) for number, raw in enumerate(self.spec["backbone"])]
        for name in self.order:
            rows += [self._row(f"{name}.neck", number, raw) for number, raw in enumerate(neck_rows(self.spec, name))]
            rows.append(self._row(f"{name}.head", 0, self.spec["tasks"][name]["head"]))
        return rows

    def _row(self, block: str, number: int, raw: Any) -> Row:
        """Return one row, checked and resolved."""
        place = f"{self.source}: {_where(block, number)} {_text(raw)}"
        is_head = block.endswith(".head")
        parts = [raw[0], 1, *raw[1:]] if is_head and isinstance(raw, list) and len(raw) == 3 else raw
        if not _has_form(parts):
            form = "[from, module, args]" if is_head else "[from, repeats, module, args]"
            raise AyolomError(f"{place}: must have the form {form}, such as {_EXAMPLE[is_head]}")
        source, repeats, module, args = parts
        index = self.start[block] + number
        references = source if isinstance(source, list) else [source]
        inputs = tuple(self._resolve(reference, block, index, place) for reference in references)
        return Row(block, index, inputs, repeats, module, args, is_head or isinstance(source, list), place)

    def _resolve(self, reference: Any, block: str, index: int, place: str) -> int:
        """Return the place of one input of the row at `index`."""
        if reference == -1:
            return self._previous(block, index)
        match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
        if match is None:
            raise AyolomError(f"{place}: {reference!r} names no row; {HELP}")
        target, number = self._target(match, block, place), int(match["number"])
        rows = self.spec["backbone"] if target == BACKBONE else neck_rows(self.spec, _task(target))
        if number >= len(rows):
            size = f"{len(rows)} rows, numbered from 0" if rows else "no rows"
            raise AyolomError(f"{place}: there is no {reference}; {target} has {size}")
        if self.start[target] + number >= index:
            raise AyolomError(f"{place}: {reference} does not come before this row; refer to an earlier one")
        return self.start[target] + number

    def _previous(self, block: str, index: int) -> int:
        """Return what -1 means: the row before, or the backbone's last row at the start of a task."""
        if block != BACKBONE and index == self.start[f"{_task(block)}.neck"]:
            return len(self.spec["backbone"]) - 1
        return index - 1

    def _target(self, match: re.Match[str], block: str, place: str) -> str:
        """Return the block that a reference points into."""
        if match["letter"] == "B" and match["task"] is None:
            return BACKBONE
        if match["letter"] == "B":
            raise AyolomError(f"{place}: {match[0]}: all tasks share one backbone; write B{match['number']}")
        if block == BACKBONE:
            raise AyolomError(f"{place}: {match[0]} is a row of a neck; the backbone can refer to B rows only")
        return f"{match['task'] or _task(block)}.neck"

    def _sorted_tasks(self) -> list[str]:
        """Return the tasks' names, each after those that it refers to, otherwise as declared."""
        waiting = {name: self._needs(name) for name in self.spec["tasks"]}
        order: list[str] = []
        while waiting:
            ready = next((name for name, needs in waiting.items() if needs <= set(order)), None)
            if ready is None:
                raise AyolomError(
                    f"{self.source}: tasks {', '.join(waiting)}: their necks refer to each other in a circle; "
                    "let only one of them use the other's rows"
                )
            order.append(ready)
            del waiting[ready]
        return order

    def _needs(self, name: str) -> set[str]:
        """Return the other tasks whose rows this task refers to."""
        tasks = self.spec["tasks"]
        needs = set()
        for raw in [*neck_rows(self.spec, name), tasks[name]["head"]]:
            source = raw[0] if isinstance(raw, list) and raw else None
            for reference in source if isinstance(source, list) else [source]:
                match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
                if match is None or match["task"] in (None, name):
                    continue
                if match["task"] not in tasks:
                    raise AyolomError(
                        f"{self.source}: tasks.{name} {_text(raw)}: {reference}: there is no task "
                        f"'{match['task']}'.{nearest(match['task'], tasks)}"
                    )
                needs.add(match["task"])
        return needs


def neck_rows(spec: dict[str, Any], task: str) -> list[Any]:
    """Return the rows of a task's neck; a task may have none."""
    return spec["tasks"][task].get("neck") or []


def _has_form(parts: Any) -> bool:
    """Return whether a row is [from, repeats, module, args]."""
    if not isinstance(parts, list) or len(parts) != 4:
        return False
    source, repeats, module, args = parts
    return source != [] and type(repeats) is int and repeats > 0 and isinstance(module, str) and isinstance(args, list)


def _task(block: str) -> str:
    """Return the task that a block such as "damage.neck" belongs to."""
    return block.rpartition(".")[0]


def _where(block: str, number: int) -> str:
    """Return a row's name for messages."""
    if block == BACKBONE:
        return f"backbone row B{number}"
    return f"tasks.{block}" if block.endswith(".head") else f"tasks.{block} row N{number}"


def _text(raw: Any) -> str:
    """Return the row about as it stands in the file."""
    return str(raw).replace("'", "")
