"""Drawings on images: regions, boxes with labels, legends, captions; and the fonts for them.

All functions take and return BGR uint8 images of shape (H, W, 3). They draw in place where the memory of the image
allows (contiguous and writable), else on a copy: use what they return.
"""

from ayolom.draw._boxes import draw_boxes
from ayolom.draw._colors import box_color, palette, region_color
from ayolom.draw._legend import Corner, draw_caption, draw_legend
from ayolom.draw._plots import matplotlib_fonts, prepare_fonts
from ayolom.draw._regions import draw_regions
from ayolom.draw.fonts import find_font

__all__ = [
    "Corner",
    "box_color",
    "draw_boxes",
    "draw_caption",
    "draw_legend",
    "draw_regions",
    "find_font",
    "matplotlib_fonts",
    "palette",
    "prepare_fonts",
    "region_color",
]
