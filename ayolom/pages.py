"""HTML pages in one file: templates with everything escaped, pictures inside."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    import numpy as np

TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(template: str, **values: Any) -> str:
    """Return a page.

    Every value is escaped where it stands in the page, so names and paths from data sets cannot become markup.

    Args:
        template: Name of a file in `ayolom/templates`.
        values: What the template uses; a name that is missing raises jinja2's UndefinedError.
    """
    return _environment().get_template(template).render(**values)


def picture(image: np.ndarray, quality: int = 80) -> str:
    """Return an image as a data URI that stands in a page.

    Args:
        image: (H, W, 3) uint8, BGR.
        quality: JPEG quality, 0 to 100.
    """
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


@cache
def _environment() -> Environment:
    """Return the environment of the templates."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
