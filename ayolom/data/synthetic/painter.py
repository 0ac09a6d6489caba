"""A brush for the charts, and the finishes of a vehicle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.synthetic.atlas import GLASS, LAMP, OTHER, PAINT, PLASTIC, RUBBER

if TYPE_CHECKING:
    from ayolom.data.synthetic.atlas import Atlas, Color


@dataclass(frozen=True)
class Finish:
    """What a surface is made of: material id, BGR colour (0-255), gloss (0-255)."""

    material: int
    color: Color
    gloss: int

    def tinted(self, factor: float) -> Finish:
        """The same in a darker (below 1) or brighter tone."""
        return replace(self, color=tuple(min(int(c * factor), 255) for c in self.color))


TRIM = Finish(PLASTIC, (26, 26, 26), 60)
INTAKE = Finish(PLASTIC, (24, 24, 24), 50)
WINDOW = Finish(GLASS, (34, 33, 28), 255)
HOUSING = Finish(LAMP, (74, 72, 70), 200)
REFLECTOR = Finish(LAMP, (205, 204, 200), 230)
TAIL_LAMP = Finish(LAMP, (30, 24, 168), 220)
PLATE = Finish(OTHER, (225, 228, 226), 30)
CHROME = Finish(OTHER, (150, 150, 150), 230)
TIRE = Finish(RUBBER, (32, 31, 31), 25)
HOLLOW = Finish(OTHER, (14, 14, 14), 0)


@dataclass(frozen=True)
class Livery:
    """How one vehicle is painted: body, lower trim, and which of three grilles it has."""

    body: Finish
    trim: Finish
    grille: int

    @property
    def clad(self) -> bool:
        """Whether sills and wheel arches are covered with plastic."""
        return self.trim.color == CLADDING.color


CLADDING = Finish(PLASTIC, (44, 44, 44), 40)


class Painter:
    """Brush for one chart: writes part and finish where a boolean (H, W) mask is set."""

    def __init__(self, atlas: Atlas, name: str) -> None:
        self.chart = atlas.charts[name]
        self.part, self.material, self.color, self.gloss, self.open, self.normal = (
            self.chart.view(plane)
            for plane in (atlas.part, atlas.material, atlas.color, atlas.gloss, atlas.open, atlas.normal)
        )

    def fill(self, where: np.ndarray, finish: Finish, part: int | None = None) -> None:
        """Paint a region; without `part` it keeps the part that is there."""
        x, y, w, h = cv2.boundingRect(where.view(np.uint8))
        spot = (slice(y, y + h), slice(x, x + w))
        inside = where[spot]
        if part is not None:
            np.copyto(self.part[spot], np.uint8(part), where=inside)
        np.copyto(self.material[spot], np.uint8(finish.material), where=inside)
        np.copyto(self.color[spot], np.array(finish.color, np.uint8), where=inside[..., None])
        np.copyto(self.gloss[spot], np.uint8(finish.gloss), where=inside)

    def fill_all(self, finish: Finish, part: int) -> None:
        """Paint the whole chart."""
        self.fill(np.ones(self.part.shape, bool), finish, part)

    def shade(self, where: np.ndarray, factor: float) -> None:
        """Darken (below 1) or brighten what is painted."""
        if where.any():
            self.color[where] = cv2.convertScaleAbs(self.color[where], alpha=factor)

    def draw_gaps(self) -> None:
        """Draw the joints of panels: dark where neighbouring texels belong to different parts."""
        edge = np.zeros(self.part.shape, bool)
        edge[:, 1:] |= self.part[:, 1:] != self.part[:, :-1]
        edge[1:] |= self.part[1:] != self.part[:-1]
        edge &= (self.material == PAINT) | (self.material == PLASTIC)
        self.color[edge] = (self.color[edge] * 0.12).astype(np.uint8)
        self.gloss[edge] = 10


def shrunk(where: np.ndarray, texels: int) -> np.ndarray:
    """A boolean region less `texels` along its edge."""
    side = 2 * texels + 1
    return cv2.erode(where.view(np.uint8), np.ones((side, side), np.uint8), borderValue=0).astype(bool)
