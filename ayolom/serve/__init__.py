"""A page and an HTTP API for inspections: upload, report, correction, labels for retraining."""

from __future__ import annotations

from ayolom.serve._limits import Limits
from ayolom.serve._serve import Service, Settings, serve

__all__ = ["Limits", "Service", "Settings", "serve"]
