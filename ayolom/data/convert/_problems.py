"""What an import met, counted in memory and listed row by row in a file."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from ayolom.data.convert._values import Report

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

COLUMNS = ("kind", "file", "where", "image", "lost")


class ProblemFile(Report):
    """A report whose every entry is also a row of a CSV file; the file is made with the first one.

    Columns: kind, file, where in it, image, and whether something was put aside ("yes") or only told ("no").
    """

    def __init__(self, file: Path | None) -> None:
        """Bind to a file; None lists nothing."""
        super().__init__()
        self.file = file
        self._stream: TextIO | None = None

    def add(self, what: str, where: str, image: str = "") -> None:
        """Count and list one problem."""
        super().add(what, where, image)
        self._row(what, where, image, "yes")

    def note(self, what: str, where: str, image: str = "") -> None:
        """Count and list something that loses nothing."""
        super().note(what, where, image)
        self._row(what, where, image, "no")

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()

    def _row(self, what: str, where: str, image: str, lost: str) -> None:
        """Write one row."""
        if self.file is None:
            return
        if self._stream is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.file.open("w", encoding="utf-8", newline="")
            csv.writer(self._stream).writerow(COLUMNS)
        file, _, place = where.partition(": ")
        csv.writer(self._stream).writerow((what, file, place, image, lost))


class Problems(Report):
    """The report of one image: hands everything on with the image's name.

    Attributes:
        any: Whether there was a problem; the image then is not complete.
    """

    def __init__(self, report: Report, image: str) -> None:
        """Report for an image."""
        super().__init__()
        self.report, self.image, self.any = report, image, False

    def add(self, what: str, where: str, image: str = "") -> None:
        """Count a problem, for which the image has to be put aside."""
        self.any = True
        self.report.add(what.removesuffix(" (left out)"), where, image or self.image)

    def note(self, what: str, where: str, image: str = "") -> None:
        """Count something that loses nothing."""
        self.report.note(what, where, image or self.image)


class AsNotes(Report):
    """Hands everything on as notes on one image: what the writing of a label leaves out loses nothing."""

    def __init__(self, report: Report, image: str) -> None:
        """Bind to a report and an image."""
        super().__init__()
        self.report, self.image = report, image

    def add(self, what: str, where: str, image: str = "") -> None:
        """Note one."""
        self.report.note(what, where, image or self.image)
