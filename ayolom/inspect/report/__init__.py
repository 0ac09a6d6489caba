"""The report of an inspection: a folder with report.html, report.json, findings.csv and pictures."""

from ayolom.inspect.report._write import report_folder, write_report

__all__ = ["report_folder", "write_report"]
