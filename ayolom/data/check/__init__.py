"""A data set read once: what it holds, and what in it looks wrong."""

from __future__ import annotations

from ayolom.data.check._run import check, status
from ayolom.data.check._spool import Spool
from ayolom.data.check._text import report
from ayolom.data.check._values import Finding, Limits, Result, Row
from ayolom.data.check._write import check_folder, write

__all__ = ("Finding", "Limits", "Result", "Row", "Spool", "check", "check_folder", "report", "status", "write")
