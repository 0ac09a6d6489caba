"""torchvision's networks for masks, with the loss of every other mask head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ayolom.compare.peers._network import PeerNetwork, arguments, builder
from ayolom.nn.criterion import MultiTaskLoss, labelled_images

if TYPE_CHECKING:
    from ayolom.tasks.base import TaskSpec

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which torchvision normalises images by


class MaskNetwork(PeerNetwork):
    """A network that gives logits of each pixel; its auxiliary branch learns along, as torchvision trains it."""

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, name: str, spec: TaskSpec) -> None:
        """Build the network with random weights; see `PeerNetwork`."""
        super().__init__(name, spec)
        for key, values in (("mean", MEAN), ("spread", SPREAD)):
            self.register_buffer(key, torch.tensor(values).view(3, 1, 1), persistent=False)

    def build(self, name: str, classes: int) -> nn.Module:
        """Return the network for so many classes."""
        return builder(name)(num_classes=classes, **arguments(name))

    def loss(self, batch: dict[str, Any], preds: Any = None) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss that the settings of masks ask for, and its parts."""
        if self.criterion is None:
            self.criterion = self.init_criterion()
        if preds is not None:
            return self.criterion(preds, batch)
        held = labelled_images(batch, self.task.name)
        answered = {self.task.name: self.answer(batch["img"][held.to(batch["img"].device)])} if held.any() else {}
        return self.criterion(answered, batch, {self.task.name: held})

    def answer(self, images: torch.Tensor) -> Any:
        """Return logits (B, nc, H, W), in training with those of the auxiliary branch."""
        for norm in self._of_one_number():
            norm.train(self.training and len(images) > 1)
        out = self.network((images - self.mean) / self.spread)
        return (out["out"], out["aux"]) if self.training else out["out"]

    def init_criterion(self) -> MultiTaskLoss:
        """Return the loss for the present settings."""
        return MultiTaskLoss(self)  # type: ignore[arg-type]

    def fuse(self) -> PeerNetwork:
        """Bring the network into its form for inference, without the auxiliary branch."""
        self.network.aux_classifier = None
        return super().fuse()

    def _of_one_number(self) -> list[nn.Module]:
        """Return the normalisation after pooling, which has one number of each image and channel.

        Of a batch of one image it would have nothing to take a mean of, so there it takes its running statistics.
        """
        pooled = self.network.classifier[0].convs[-1]
        return [layer for layer in pooled if isinstance(layer, nn.BatchNorm2d)]
