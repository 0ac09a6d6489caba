"""Which networks of torchvision take part, and with what arguments they are built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ayolom.errors import AyolomError, nearest

# As the base validates: boxes from this confidence on, so many for an image. torchvision's own are meant for showing
# boxes (0.05 for most, 0.2 for FCOS), and would cut the curve of precision over recall short.
CONFIDENCE, MOST_BOXES = 0.001, 300


@dataclass(frozen=True)
class Entry:
    """A network.

    Attributes:
        module: Module of `torchvision.models` that builds it.
        kind: Kind of the task that it learns.
        arguments: What its builder is given besides classes and weights.
        fixed_size: Whether it resizes every image to a size of its own.
    """

    module: str
    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)
    fixed_size: bool = False


_ONE_STAGE = {"score_thresh": CONFIDENCE, "detections_per_img": MOST_BOXES}
_TWO_STAGE = {f"box_{name}": value for name, value in _ONE_STAGE.items()}

PEERS = {
    "ssd300_vgg16": Entry("detection", "detect", _ONE_STAGE, fixed_size=True),
    "fasterrcnn_mobilenet_v3_large_fpn": Entry("detection", "detect", _TWO_STAGE),
    "fasterrcnn_resnet50_fpn": Entry("detection", "detect", _TWO_STAGE),
    "fasterrcnn_resnet50_fpn_v2": Entry("detection", "detect", _TWO_STAGE),
    "retinanet_resnet50_fpn": Entry("detection", "detect", _ONE_STAGE),
    "retinanet_resnet50_fpn_v2": Entry("detection", "detect", _ONE_STAGE),
    "fcos_resnet50_fpn": Entry("detection", "detect", _ONE_STAGE),
    "deeplabv3_mobilenet_v3_large": Entry("segmentation", "semantic", {"aux_loss": True}),
    "deeplabv3_resnet50": Entry("segmentation", "semantic", {"aux_loss": True}),
}


def kind_of(name: str) -> str:
    """Return the kind of the task that a network learns.

    Raises:
        AyolomError: There is no network of that name.
    """
    if name not in PEERS:
        raise AyolomError(f"{name}: no such network of torchvision.{nearest(name, PEERS)} There are {', '.join(PEERS)}")
    return PEERS[name].kind
