"""Pictures searched tile by tile: where the tiles lie, and how boxes found in several of them become one list.

After Akyon, Altinuc and Temizel, *Slicing Aided Hyper Inference and Fine-tuning for Small Object Detection*, ICIP 2022,
https://arxiv.org/abs/2202.06934. Their package `sahi` (MIT, maintained) was looked at and is not used. Its prediction
runs a model of one task on one tile after another. Its merging does not know where a tile ends: it makes one box of a
scratch and the field of scratches around it. For a few lines of geometry it would bring shapely, fire and click. The
tests ask it for a second opinion where it is installed. Duplicates are suppressed by torchvision, as in the base.
"""

from ayolom.tiling._grid import Tile, tiles_of
from ayolom.tiling._merging import cut_off, merge_boxes

__all__ = ["Tile", "cut_off", "merge_boxes", "tiles_of"]
