"""Writes the folder of a report, wholly or not at all."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ayolom.errors import AyolomError
from ayolom.files import write_atomic
from ayolom.inspect.report._csv import as_csv
from ayolom.inspect.report._page import as_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ayolom.inspect.language import Language
    from ayolom.inspect.objects import Inspection
    from ayolom.inspect.rules import Rules

JSON, PAGE, TABLE, PDF = "report.json", "report.html", "findings.csv", "report.pdf"


def write_report(inspection: Inspection, folder: Path, language: Language, rules: Rules, pdf: bool = False) -> None:
    """Write the files of a report beside the pictures that it names.

    Args:
        inspection: What it tells.
        folder: Where the pictures lie; the files are written there.
        language: Of page and PDF.
        rules: Rules of the inspection.
        pdf: Whether to write report.pdf as well; needs `ayolom[pdf]`.
    """
    write_atomic(folder / PAGE, as_page(inspection, folder, language, rules))
    write_atomic(folder / TABLE, as_csv(inspection))
    if pdf:
        write_pdf(inspection, folder, language, rules)
    write_atomic(folder / JSON, inspection.model_dump_json(indent=2) + "\n")


def write_pdf(inspection: Inspection, folder: Path, language: Language, rules: Rules) -> None:
    """Write report.pdf alone; see `write_report`.

    Raises:
        AyolomError: fpdf2 is not installed, or no font has all letters.
    """
    from ayolom.inspect.report._pdf import as_pdf

    write_atomic(folder / PDF, as_pdf(inspection, folder, language, rules))


@contextmanager
def report_folder(out: Path) -> Iterator[Path]:
    """Give a hidden folder beside `out` that becomes `out` when the block ends well, and is removed when it does not.

    Raises:
        AyolomError: `out` is there already and is not an empty folder.
    """
    check_free(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.part-", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        check_free(out)
        if out.exists():
            out.rmdir()
        folder.rename(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_free(out: Path) -> None:
    """Raise where a report would overwrite something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AyolomError(f"out={out}: is there already (nothing is overwritten); give another folder or remove it")
