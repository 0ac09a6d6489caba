"""Models compared under one budget: a list of runs, each in a process of its own, gathered into tables and plots."""

from __future__ import annotations

from ayolom.compare._run import Run
from ayolom.compare._spec import Comparison, load_comparison
from ayolom.compare.run import compare_models

__all__ = ("Comparison", "Run", "compare_models", "load_comparison")
