"""What `yolo val` says of a task beyond the base's metrics: support, calibration, and how it fares by condition."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ayolom.evaluation import Reliability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.tasks.base import Task

CONDITIONS = ("dark", "blurred")  # of a whole image


class Study(ABC):
    """Looks on while the base's validator of one task scores, and counts what that does not.

    Attributes:
        support: Column of a class row that says how much of the class is labelled.
        things: What confidences are given to.
        shown: Confidence from which `predict` shows them where nothing else is asked for, None for all.
        reliability: Confidence against share of right ones.
        calibrated: The same at the fitted temperature, None where none was asked for.
        temperature: The temperature of least negative log-likelihood, None where none was asked for.
        slices: A row for each condition, where they were asked for.
    """

    support: ClassVar[str]
    things: ClassVar[str]
    shown: ClassVar[float | None] = None

    def __init__(self, task: Task, settings: Any) -> None:
        """Prepare.

        Args:
            task: The task.
            settings: Our settings: `min_precision`, `slices` and `calibrate` are read.
        """
        self.task, self.settings = task, settings
        self.reliability = Reliability()
        self.calibrated: Reliability | None = None
        self.temperature: float | None = None
        self.slices: list[dict[str, Any]] = []

    @abstractmethod
    def update(
        self, validator: Any, raw: Any, found: Any, batch: dict[str, Any], conditions: Sequence[frozenset[str]]
    ) -> None:
        """Look at one batch, after the base's validator has.

        Args:
            validator: The base's validator of the task.
            raw: The head's inference output.
            found: What the validator made of it.
            batch: The task's part of the batch.
            conditions: Which of `CONDITIONS` hold, for each image.
        """

    @abstractmethod
    def __iadd__(self, other: Any) -> Study:
        """Take in what the study of another process saw."""

    @abstractmethod
    def finish(self, validator: Any) -> None:
        """Compute the results, before the base's validator lets go of what it gathered."""

    def numbers(self) -> dict[str, float]:
        """Return the results that stand beside the base's metrics, by name."""
        error = self.reliability.error()
        return {} if error is None else {"calibration_error": error}

    def class_columns(self, index: int) -> dict[str, Any]:
        """Return what a class row says besides the base's columns."""
        return {}

    def class_rows(self, metrics: Any, normalize: bool = True, decimals: int = 5) -> list[dict[str, Any]]:
        """Return the base's row of each class, and one for each class that no label of the split holds.

        Args:
            metrics: The base's metrics of the task.
            normalize: The base's.
            decimals: Digits behind the point.
        """
        known = dict(zip(map(int, metrics.ap_class_index), metrics.summary(normalize, decimals), strict=True))
        rows = []
        for index, name in self.task.spec.names.items():
            row = {**known.get(index, {"Class": name, "Images": 0, self.support: 0}), **self.class_columns(index)}
            rows.append({key: _plain(value, decimals) for key, value in row.items()})
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return the results as plain data."""
        plain = self._told(self.reliability)
        if self.calibrated is not None:
            plain |= {"temperature": self.temperature, "calibrated": self._told(self.calibrated)}
        if self.slices:
            plain["slices"] = self.slices
        return plain

    def _told(self, reliability: Reliability) -> dict[str, Any]:
        """Return a reliability diagram and its error as plain data."""
        shown = {} if self.shown is None else {f"calibration_error_from_{self.shown:g}": reliability.error(self.shown)}
        return {"calibration_error": reliability.error(), **shown, "reliability": reliability.rows()}

    def lines(self, verbose: bool) -> list[str]:
        """Return the results for the log.

        Args:
            verbose: Whether to speak of each class.
        """
        return [*self._calibration_lines(), *_table(self.slices)]

    def _calibration_lines(self) -> list[str]:
        """Return how far confidences are from what comes true."""
        told = [("", self.reliability)]
        if self.calibrated is not None:
            told.append((f" at temperature {self.temperature:.3f}", self.calibrated))
        lines = []
        for where, reliability in told:
            error = reliability.error()
            shown = None if self.shown is None else reliability.error(self.shown)
            if error is not None:
                text = f"{self.task.name}: expected calibration error{where} {error:.4f} of all {self.things}"
                lines.append(text + ("" if shown is None else f", {shown:.4f} of those from confidence {self.shown:g}"))
        if self.settings.calibrate and self.temperature is None:
            why = "no temperature fits: what is sure must be right more often than not, and sometimes wrong"
            lines.append(f"{self.task.name}: {why if lines else f'this model gives no confidences of {self.things}'}")
        return lines


def _plain(value: Any, decimals: int) -> Any:
    """Return a number of numpy's as Python's, a float rounded."""
    value = value.item() if hasattr(value, "item") else value
    return round(value, decimals) if isinstance(value, float) else value


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Return rows of equal keys as lines, a heading first; "-" stands for what is not known."""
    if not rows:
        return []
    heading = "".join(f"{key:>22s}" if i == 0 else f"{key:>16s}" for i, key in enumerate(rows[0]))
    return [heading, *("".join(_cell(value, i) for i, value in enumerate(row.values())) for row in rows)]


def _cell(value: Any, column: int) -> str:
    """Return one field of the table."""
    text = "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
    return f"{text:>22s}" if column == 0 else f"{text:>16s}"
