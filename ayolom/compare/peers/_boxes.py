"""torchvision's detectors: our batches as their targets, their findings as our validator reads them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812
from ultralytics.utils.ops import xywh2xyxy

from ayolom.compare.peers._network import PeerNetwork, arguments, builder
from ayolom.compare.peers._torchvision import is_compiled
from ayolom.nn.criterion import labelled_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

GREY = 114 / 255  # what the letterbox fills with
Boxes = dict[str, torch.Tensor]


def to_targets(batch: dict[str, torch.Tensor], images: int, shape: tuple[int, int]) -> list[Boxes]:
    """Return a selected batch as torchvision's detectors want it.

    Args:
        batch: "bboxes" (N, 4) xywh in [0, 1], "cls" (N, 1) ids from 0, "batch_idx" (N,) the image of each box.
        images: Number of images.
        shape: (H, W) of the images in pixels.

    Returns:
        For each image "boxes" (n, 4) float32 xyxy in pixels and "labels" (n,) int64 from 1, as 0 is their background.
        Boxes without extent are left out; the detectors refuse them.
    """
    height, width = shape
    boxes = xywh2xyxy(batch["bboxes"].float()) * batch["bboxes"].new_tensor([width, height, width, height]).float()
    labels = batch["cls"].view(-1).long() + 1
    extended = (boxes[:, 2:] > boxes[:, :2]).all(1)
    rows = [extended & (batch["batch_idx"].view(-1) == image) for image in range(images)]
    return [{"boxes": boxes[row], "labels": labels[row]} for row in rows]


def to_rows(found: Sequence[Boxes]) -> torch.Tensor:
    """Return a detector's findings as final boxes.

    Args:
        found: For each image "boxes" (n, 4) xyxy, "scores" (n,), best first, "labels" (n,) from 1; rows of label 0,
            the background, are left out.

    Returns:
        (B, most, 6) float32: xyxy, score, class from 0. Images with fewer boxes are filled up with zeros.
    """
    rows = [
        torch.cat((one["boxes"], one["scores"][:, None], one["labels"][:, None] - 1), 1).float()[one["labels"] > 0]
        for one in found
    ]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def squared(images: torch.Tensor) -> torch.Tensor:
    """Return images (B, 3, H, W) as squares, filled up with grey on the right and below: boxes keep their place."""
    height, width = images.shape[-2:]
    side = max(height, width)
    return F.pad(images, (0, side - width, 0, side - height), value=GREY)


def keep_size(image: torch.Tensor, target: Any = None) -> tuple[torch.Tensor, Any]:
    """Return an image and its target as they are: ours have the size of the comparison already."""
    return image, target


class BoxNetwork(PeerNetwork):
    """A detector with its own loss and suppression."""

    end2end = True  # gives final boxes

    def build(self, name: str, classes: int) -> nn.Module:
        """Return the detector for so many classes and background."""
        network = builder(name)(num_classes=classes + 1, **arguments(name))
        if not self.peer.fixed_size:
            network.transform.resize = keep_size
        return network

    def loss(self, batch: dict[str, Any], preds: Any = None) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the sum of the detector's losses times the images, and each of them.

        Nothing is returned for `preds`: in evaluation torchvision's detectors give boxes and no loss.
        """
        if preds is not None:
            return batch["img"].new_zeros(()), {}
        tasks = list(self.data_tasks or self.tasks.values())
        chosen = self.task.select(batch, labelled_images(batch, self.task.name), tasks)
        images = chosen["img"]
        with self._eager():
            losses = self.network(list(images), to_targets(chosen, len(images), tuple(images.shape[-2:])))
        total = torch.stack(list(losses.values())).sum() * len(images)
        return total, {f"{self.task.name}/{name}": value.detach() for name, value in losses.items()}

    def answer(self, images: torch.Tensor) -> torch.Tensor:
        """Return final boxes (B, most, 6), pixels of the images; in float32, in which boxes are decoded exactly."""
        images = squared(images.float()) if self.peer.fixed_size else images.float()
        with self._eager(), torch.autocast(images.device.type, enabled=False):
            return to_rows(self.network(list(images)))

    def init_criterion(self) -> NoSchedule:
        """Return what stands for the loss, which is the network's own."""
        return NoSchedule()

    @staticmethod
    def _eager() -> AbstractContextManager[Any]:
        """Return the context that keeps torchvision's plain RoI align from being compiled, which needs a compiler."""
        return nullcontext() if is_compiled() else torch.compiler.set_stance("force_eager")


class NoSchedule:
    """A loss that is the same in every epoch."""

    def resume(self, epochs: int) -> None:
        """Do nothing."""
