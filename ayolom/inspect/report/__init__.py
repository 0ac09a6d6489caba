"""The report of an inspection: a folder with report.html, report.json, findings.csv and pictures."""

from ayolom.inspect.report._font import embedded_font
from ayolom.inspect.report._write import report_folder, write_pdf, write_report

__all__ = ["embedded_font", "report_folder", "write_pdf", "write_report"]
