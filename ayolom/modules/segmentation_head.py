"""The head that turns a feature map into a score for every class at every pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from ultralytics.nn.modules import Conv, DWConv

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTPUT_STRIDES = (1, 2, 4, 8)
PAPER_WIDTH = 32


class SegmentationHead(nn.Module):
    """A-YOLOM's mask head for any number of classes and any output stride.

    Published (IEEE TVT 2024, https://doi.org/10.1109/TVT.2024.3394350, fig. 4), from stride 2 to stride 1: Conv 3x3 to
    32, transposed convolution 2x2 to 16, Conv 3x3 to 8, 1x1 to the classes. Generalised:

    - stride 2s to s: the same, with widths (w, w / 2, w / 4) in place of (32, 16, 8); `head_width` gives w, 32 for up
      to 10 classes;
    - a larger ratio: one more pair of transposed convolution and Conv 3x3 for each doubling, each twice as wide as the
      next, so that the last pair is always the published one;
    - no enlargement: Conv 3x3 and 1x1 at the width of the input, the layers and keys of the base's `SemanticSegment`;
    - separable: the first Conv 3x3 in two, one within each channel and 1x1 across them, as in the class branch of the
      base's `Detect` (MobileNets, https://arxiv.org/abs/1704.04861): an eighth of its operations.

    In the published code a batch normalisation and a SiLU follow the last layer. SiLU is never below -0.28, so that
    after its sigmoid no class gets a probability under 0.43; here the last layer is the bare convolution, with a bias.

    Attributes:
        nc: Number of classes; 1 means one logit, that class against background.
        stride: (inputs,) pixels of the image per cell of each input; zeros until `set_strides`.
        output_stride: Pixels of the image per cell of the output.
        classifier: The layers above.
        aux_head: Classifier on the second input for training alone, or None.
        export: Set by the base's exporter.
        format: Set by the base's exporter.
    """

    export = False
    format: str | None = None

    def __init__(
        self,
        nc: int,
        channels: Sequence[int],
        stride_in: int,
        stride: int,
        auxiliary: bool = False,
        separable: bool = False,
        hidden: int | None = None,
    ) -> None:
        """Make the layers.

        Args:
            nc: Number of classes, at least 1.
            channels: Channels of each input; the first is segmented, the second is for the auxiliary classifier.
            stride_in: Pixels of the image per cell of the first input.
            stride: Pixels of the image per cell of the output: 1, 2, 4 or 8, at most `stride_in`.
            auxiliary: Whether to classify the second input too, in training.
            separable: Whether the first convolution is made of one within the channels and one across them.
            hidden: Width w, a multiple of 4; None takes `head_width(nc)`. Without enlargement it is not used.

        Raises:
            AyolomError: An argument does not fit.
        """
        super().__init__()
        _check(nc, channels, stride_in, stride, auxiliary, hidden)
        self.nc = nc
        self.nl = len(channels)
        self.stride_in = stride_in
        self.output_stride = stride
        self.stride = torch.zeros(self.nl)
        stages = (stride_in // stride).bit_length() - 1
        width = (hidden or head_width(nc)) << (stages - 1) if stages else channels[0]
        body = _first(channels[0], width, separable)
        if stages:
            enlarging, width = _enlarging(width, stages)
            body += enlarging
        self.classifier = nn.Sequential(*body, nn.Conv2d(width, nc, 1))
        self.aux_head = (
            nn.Sequential(Conv(channels[1], channels[0], 3), nn.Conv2d(channels[0], nc, 1)) if auxiliary else None
        )

    def set_strides(self, strides: Sequence[float]) -> None:
        """Tell the head the stride of each input, measured on the built network.

        Raises:
            AyolomError: The first input has not the stride that the head was made for.
        """
        if strides[0] != self.stride_in:
            raise AyolomError(
                f"SegmentationHead: made for an input of stride {self.stride_in}, but the row it reads has stride "
                f"{strides[0]:g}; make that the first argument of the head's row"
            )
        self.stride = torch.tensor([float(s) for s in strides])

    def forward(self, x: Sequence[torch.Tensor]) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Return logits of every class.

        Args:
            x: Features (B, channels[i], H / stride of input i, W / stride of input i) of an image (H, W).

        Returns:
            (B, nc, H / output_stride, W / output_stride), not normalised. In training with an auxiliary classifier a
            tuple with its logits (B, nc, H / stride of input 1, W / stride of input 1) in second place.
        """
        logits = self.classifier(x[0])
        if self.training and self.aux_head is not None:
            return logits, self.aux_head(x[1])
        return logits

    def strip(self) -> None:
        """Remove what only training needs."""
        self.aux_head = None


def head_width(nc: int) -> int:
    """Return w of `SegmentationHead`: w / 4, the width before the last layer, is 8 for every 10 classes begun.

    Up to 10 classes that is the published 32. ENet segments 11 to 20 classes from 16 features at full size
    (https://arxiv.org/abs/1606.02147), the same measure; wider is dear, because these layers run at output size.
    """
    return PAPER_WIDTH * -(-nc // 10)


def _first(channels: int, width: int, separable: bool) -> list[nn.Module]:
    """Return the 3x3 convolution at the size of the input."""
    return [DWConv(channels, channels, 3), Conv(channels, width, 1)] if separable else [Conv(channels, width, 3)]


def _enlarging(width: int, stages: int) -> tuple[list[nn.Module], int]:
    """Return the layers that double the size `stages` times, and the channels they end with."""
    layers: list[nn.Module] = []
    for stage in range(stages):
        half = width // 2
        width = half // 2 if stage == stages - 1 else half
        layers += [nn.ConvTranspose2d(half * 2, half, 2, 2), Conv(half, width, 3)]
    return layers, width


def _check(nc: int, channels: Sequence[int], stride_in: int, stride: int, auxiliary: bool, hidden: int | None) -> None:
    """Refuse arguments of the head that do not fit together.

    Raises:
        AyolomError: See `SegmentationHead.__init__`.
    """
    if nc < 1:
        raise AyolomError(
            f"SegmentationHead: needs at least one class (got {nc}); name the classes in the dataset YAML"
        )
    if not isinstance(stride, int) or stride not in OUTPUT_STRIDES:
        raise AyolomError(
            f"SegmentationHead: output stride must be one of {', '.join(map(str, OUTPUT_STRIDES))} (got {stride}); "
            "change the second argument of the head's row"
        )
    ratio = stride_in / stride
    if ratio not in (2**k for k in range(6)):
        raise AyolomError(
            f"SegmentationHead: input stride must be the output stride {stride} times 1, 2, 4, ... (got {stride_in}); "
            "change the first or the second argument of the head's row"
        )
    if not channels or (auxiliary and len(channels) < 2):
        raise AyolomError(
            f"SegmentationHead: needs {1 + auxiliary} input(s){' with an auxiliary classifier' if auxiliary else ''} "
            f"(got {len(channels)}); list them in the first column of the head's row"
        )
    if hidden is not None and (hidden < 4 or hidden % 4):
        raise AyolomError(f"SegmentationHead: hidden must be a positive multiple of 4 (got {hidden})")
