"""Which images the user wants to see, and in which order: words of an address, checked against what there is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ayolom.data.view._findings import shown_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.data.view._matching import Matched

STATES = {
    "labelled": "labelled",
    "empty": "labelled, nothing there",
    "unlabelled": "not labelled",
    "broken": "broken label",
    "unreadable": "unreadable image",
}
SIDES = {"label": "in the labels", "predicted": "in the predictions"}
BELOW = {"0.25": "below 0.25", "0.5": "below 0.5", "0.75": "below 0.75", "0.9": "below 0.9"}
SORTS = {"worst": "worst score first"}
# Terms of SQL; an empty word stands for any.
OF_CLASS = "i.number IN (SELECT image FROM classes WHERE task = ? AND class = ? AND (? = '' OR side = ?))"
OF_STATE = "i.number IN (SELECT image FROM labels WHERE (? = '' OR task = ?) AND state IN (?, ?))"


@dataclass(frozen=True)
class Choices:
    """What can be chosen: by field the words, each with its text for the page.

    Attributes:
        split: Splits of the data.
        task: Names of the tasks.
        shown_class: "task:id" of each class that can be drawn.
        classes: By the words of `shown_class`, task and id.
    """

    split: dict[str, str]
    task: dict[str, str]
    shown_class: dict[str, str]
    classes: dict[str, tuple[str, int]]

    @classmethod
    def of(cls, tasks: Sequence[Matched], splits: Sequence[str]) -> Choices:
        """Return the choices of a data set."""
        listed = [(one.task.name, i, name) for one in tasks for i, name in shown_names(one.drawn).items()]
        names = {one.task.name: one.task.name for one in tasks}
        words = {f"{task}:{i}": f"{task}: {name}" for task, i, name in listed}
        return cls({split: split for split in splits}, names, words, {f"{t}:{i}": (t, i) for t, i, _ in listed})


@dataclass(frozen=True)
class Selection:
    """What is chosen; empty words choose everything.

    Attributes:
        split: A split.
        task: The task that `state`, `below` and `sort` are about.
        shown_class: A class, "task:id", that must occur.
        side: Where the class must occur, a key of `SIDES`.
        state: A key of `STATES`.
        below: A key of `BELOW`: the score must be less.
        sort: A key of `SORTS`; in the order of the data set otherwise.
        hidden: Tasks that are not drawn, in the order of the data set.
    """

    split: str = ""
    task: str = ""
    shown_class: str = ""
    side: str = ""
    state: str = ""
    below: str = ""
    sort: str = ""
    hidden: tuple[str, ...] = ()

    @classmethod
    def read(cls, query: Mapping[str, Sequence[str]], choices: Choices) -> Selection:
        """Return what an address asks for; words that are no choice count as not given.

        Args:
            query: Words by name. Where "tasks" is among the names, only the tasks under "draw" are drawn.
            choices: What can be chosen.
        """
        valid: dict[str, Mapping[str, str]] = {
            "split": choices.split,
            "task": choices.task,
            "shown_class": choices.shown_class,
            "side": SIDES,
            "state": STATES,
            "below": BELOW,
            "sort": SORTS,
        }
        chosen = {name: (query.get(name) or [""])[-1] for name in valid}
        chosen = {name: word for name, word in chosen.items() if word in valid[name]}
        drawn = query.get("draw") or ()
        hidden = tuple(name for name in choices.task if name not in drawn) if "tasks" in query else ()
        return cls(**chosen, hidden=hidden)

    def address(self, choices: Choices, **more: Any) -> str:
        """Return the words that `read` turns into this selection, with more at the end, fit for an address."""
        words = [(f.name, getattr(self, f.name)) for f in fields(self) if f.name != "hidden"]
        words = [(name, word) for name, word in words if word]
        if self.hidden:
            words += [("tasks", "some"), *(("draw", name) for name in choices.task if name not in self.hidden)]
        return urlencode([*words, *more.items()])

    def scored_task(self, choices: Choices) -> str:
        """Return the task whose score counts: the chosen one, else the chosen class's, else "" for the worst of all."""
        return self.task or choices.classes.get(self.shown_class, ("", 0))[0]

    def where(self, choices: Choices) -> tuple[str, list[Any]]:
        """Return a condition of SQL on `images AS i` and `scores AS s`, and its values."""
        terms, values = ["1"], list[Any]()

        def add(term: str, *more: Any) -> None:
            terms.append(term)
            values.extend(more)

        if self.split:
            add("i.split = ?", self.split)
        if self.shown_class:
            add(OF_CLASS, *choices.classes[self.shown_class], self.side, self.side)
        if self.state == "unreadable":
            add("i.problem IS NOT NULL")
        elif self.state:
            task = self.scored_task(choices)
            add(OF_STATE, task, task, self.state, "empty" if self.state == "labelled" else self.state)
        if self.below:
            add("s.score < ?", float(self.below))
        return " AND ".join(terms), values
