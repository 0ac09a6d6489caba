"""ayolom: one YOLO network, several tasks; damage detection and part segmentation from one forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["YOLO", "AyolomError", "__version__", "inspect_vehicle"]

if TYPE_CHECKING:
    from ayolom.errors import AyolomError
    from ayolom.inspect import inspect_vehicle
    from ayolom.model import YOLO

_PLACES = {"YOLO": "ayolom.model", "AyolomError": "ayolom.errors", "inspect_vehicle": "ayolom.inspect"}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that `import ayolom` stays light."""
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
