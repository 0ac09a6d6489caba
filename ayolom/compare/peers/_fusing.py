"""Normalisation folded into the convolution before it, as the base's `fuse` does with its own blocks."""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_normalisation(module: nn.Module) -> None:
    """Fold each batch normalisation that directly follows a convolution, in place.

    torchvision's blocks register their layers in the order in which they run, so that the next child is the next layer.

    Args:
        module: A network in evaluation mode.
    """
    for (name, layer), (after, norm) in pairwise(list(module.named_children())):
        if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(layer, norm))
            setattr(module, after, nn.Identity())
    for child in module.children():
        fold_normalisation(child)
