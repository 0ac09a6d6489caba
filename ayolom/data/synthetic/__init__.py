"""A small drawn set of damaged vehicles: the stand-in that works on a machine with nothing on it."""

from __future__ import annotations

from ayolom.data.synthetic.names import DAMAGE_NAMES, PART_NAMES
from ayolom.data.synthetic.scene import Scene, Seen, render_scene
from ayolom.data.synthetic.write import generate

__all__ = ("DAMAGE_NAMES", "PART_NAMES", "Scene", "Seen", "generate", "render_scene")
