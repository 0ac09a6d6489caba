"""Layers of our own: the gated concatenation and the mask head."""

from ayolom.modules.adaptive_concat import AdaptiveConcat
from ayolom.modules.segmentation_head import SegmentationHead

__all__ = ("AdaptiveConcat", "SegmentationHead")
