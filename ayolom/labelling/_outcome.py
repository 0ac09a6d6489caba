"""What a labelling did, counted and told."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.labelling._draft import Draft

MOST = 10  # problems to list


@dataclass
class Outcome:
    """What a labelling did.

    Attributes:
        written: Label files by task.
        blank: Those of them that say "nothing there".
        uncertain: By task, images of which nothing is sure enough.
        nothing: By task, images on which nothing was found, left unlabelled.
        foreign: By task, boxes or pixels of classes that the data set lacks.
        confidence: By task, the sum of the mean confidences of the other files.
        share: By task, the sum of the shares of the images about which the files say something.
        problems: A line for each image or label that cannot be used.
        made: The record, or the folder of a project; None when nothing was written.
    """

    written: Counter[str] = field(default_factory=Counter)
    blank: Counter[str] = field(default_factory=Counter)
    uncertain: Counter[str] = field(default_factory=Counter)
    nothing: Counter[str] = field(default_factory=Counter)
    foreign: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    confidence: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    share: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    problems: list[str] = field(default_factory=list)
    made: Path | None = None

    def take(self, task: str, label: Draft, empty: bool) -> bool:
        """Count a label and return whether it is to be written.

        A label that says nothing is never written, one that says "nothing there" only where that is asked for.

        Args:
            task: Name of the task.
            label: The label.
            empty: Whether labels that say "nothing there" are wanted.
        """
        self.foreign[task].update(label.foreign)
        if not label.share:
            self.uncertain[task] += 1
            return False
        if label.empty and not empty:
            self.nothing[task] += 1
            return False
        self.written[task] += 1
        self.blank[task] += label.empty
        self.confidence[task] += 0.0 if label.empty else label.confidence
        self.share[task] += label.share
        return True

    def lines(self) -> list[str]:
        """Return what was done, task by task, then what cannot be used."""
        told = [self._of_task(task) for task in sorted({*self.written, *self.uncertain, *self.nothing})]
        for task, counts in sorted(self.foreign.items()):
            if counts:
                listed = ", ".join(f"{name} {count}" for name, count in counts.most_common())
                told.append(f"{task}: left out, as the data set has no such class: {listed}")
        return told + problem_lines(self.problems)

    def _of_task(self, task: str) -> str:
        """Return what was done for one task."""
        count, blank = self.written[task], self.blank[task]
        words = [f"{task}: {count} label{'' if count == 1 else 's'}"]
        if blank:
            words[0] += f", {blank} of them empty"
        if count > blank:
            words[0] += f", mean confidence {self.confidence[task] / (count - blank):.2f}"
        if count and self.share[task] < count:
            words[0] += f", {100 * self.share[task] / count:.0f} % of the pixels have a class"
        if self.nothing[task]:
            words.append(f"{self.nothing[task]} images with nothing found stay unlabelled")
        if self.uncertain[task]:
            words.append(f"{self.uncertain[task]} images without anything sure stay unlabelled")
        return "; ".join(words)


def problem_lines(problems: list[str]) -> list[str]:
    """Return the first problems and how many more there are."""
    lines = [f"  {problem}" for problem in problems[:MOST]]
    return lines + ([f"  ... and {len(problems) - MOST} more"] if len(problems) > MOST else [])
