"""How the logits of a mask head are compared with a mask: at which stride, and by which loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812
from ultralytics.utils.loss import SemanticSegmentationLoss

from ayolom.losses import focal_loss, lovasz_loss, ohem_loss, tversky_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

Answer = tuple[torch.Tensor, dict[str, torch.Tensor]]
BASE_NAMES = ("ce_loss", "dice_loss", "aux_loss")


def mask_criterion(view: Any, settings: Any, class_weights: torch.Tensor | None) -> StridedLoss:
    """Return the loss that `mask_loss`, `ohem`, `lovasz` and `loss_stride` ask for.

    Args:
        view: What the base's criterion reads of a model: `model`, `args`, `parameters`, `class_weights`.
        settings: `config.Settings`.
        class_weights: (nc,) float tensor, or None for equal weights.
    """
    criterion: Any
    if settings.mask_loss == "focal_tversky":
        criterion = FocalTverskyLoss(settings, class_weights)
    elif settings.mask_loss == "ce_dice" and settings.ohem == 1:
        criterion = SemanticSegmentationLoss(view)
    else:
        criterion = HardPixelLoss(view, settings.ohem, dice=settings.mask_loss == "ce_dice")
    if settings.lovasz:
        criterion = WithLovasz(criterion, settings.lovasz, class_weights)
    return StridedLoss(criterion, settings.loss_stride)


class StridedLoss:
    """Compares logits and mask at every n-th pixel of the image.

    The base enlarges logits to the size of the image first. With 20 classes at stride 8 that makes 64 times the numbers
    out of the same information, and on a CPU the loss then costs more than the network. Here the logits are enlarged to
    `stride` at most, and of the mask a pixel in the middle of each of those cells is taken: a sample of the same mean.
    """

    def __init__(self, criterion: Any, stride: int) -> None:
        """Wrap a criterion.

        Args:
            criterion: (logits or (main, auxiliary), batch) -> (loss times images, items).
            stride: Pixels between the samples; heads finer than that are compared at their own stride.
        """
        self.criterion = criterion
        self.stride = stride
        self.loss_names = getattr(criterion, "loss_names", BASE_NAMES)

    def __call__(self, preds: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss times the number of images, and its parts.

        Args:
            preds: Logits (B, nc, h, w), or a tuple (main, auxiliary).
            batch: With "semantic_mask" (B, H, W) of class ids, 255 to ignore.
        """
        main, *others = preds if isinstance(preds, (tuple, list)) else (preds,)
        mask = batch["semantic_mask"]
        step = min(self.stride, max(1, round(mask.shape[-1] / main.shape[-1])))
        mask = _middle_pixels(mask, step)
        main = resized(main, mask.shape[-2:])
        return self.criterion((main, *others) if others else main, {"semantic_mask": mask})


class FocalTverskyLoss:
    """A-YOLOM's mask loss: focal (24.0) + Tversky (8.0, alpha 0.7), doi 10.1109/TVT.2024.3394350."""

    loss_names = ("focal_loss", "tversky_loss", "aux_loss")

    def __init__(self, settings: Any, class_weights: torch.Tensor | None) -> None:
        """Take the weights from the settings.

        Args:
            settings: `config.Settings`.
            class_weights: (nc,) float tensor, or None for equal weights.
        """
        self.settings = settings
        self.class_weights = class_weights

    def __call__(self, preds: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss times the number of images, as the base's criteria do, and its parts.

        Args:
            preds: Logits (B, nc, h, w), or a tuple (main, auxiliary).
            batch: With "semantic_mask" (B, H, W) of class ids, 255 to ignore.
        """
        main, auxiliary = preds if isinstance(preds, (tuple, list)) else (preds, None)
        target = batch["semantic_mask"].to(main.device)
        focal, tversky = self._terms(main, target)
        total = focal + tversky
        extra = total.new_zeros(())
        if auxiliary is not None:
            extra = self.settings.auxiliary * sum(self._terms(auxiliary, target))
            total = total + extra
        items = (focal.detach(), tversky.detach(), extra.detach())
        return total * len(main), dict(zip(self.loss_names, items, strict=True))

    def _terms(self, logits: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the two weighted terms, logits brought to the size of the target."""
        set_ = self.settings
        logits = resized(logits, target.shape[-2:])
        focal = focal_loss(logits, target, gamma=set_.focal_gamma, class_weights=self.class_weights)
        tversky = tversky_loss(
            logits, target, alpha=set_.tversky_alpha, beta=1 - set_.tversky_alpha, class_weights=self.class_weights
        )
        return set_.focal * focal, set_.tversky * tversky


class HardPixelLoss(SemanticSegmentationLoss):
    """The base's loss with the cross-entropy of the hardest pixels, and with Dice or without; see `ohem_loss`."""

    def __init__(self, view: Any, share: float, dice: bool) -> None:
        """Take what the base's criterion takes.

        Args:
            view: See `mask_criterion`.
            share: Share of the pixels that the cross-entropy keeps, in (0, 1].
            dice: Whether to add the Dice loss.
        """
        super().__init__(view)
        self.share, self.dice = share, dice
        self.loss_names = tuple(name for name in BASE_NAMES if dice or name != "dice_loss")

    def _ce_loss(self, preds: torch.Tensor, masks: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy; a class's weight is not read where there is one, as in the base."""
        return ohem_loss(preds, masks, self.share, class_weights=None if self.nc == 1 else self.ce.weight)

    def _dice_loss(self, preds: torch.Tensor, masks: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Return the base's Dice loss, or 0."""
        return super()._dice_loss(preds, masks, valid) if self.dice else preds.new_zeros(())

    def forward(self, preds: Any, batch: dict[str, Any]) -> Answer:
        """Return the loss times the number of images, and its parts."""
        total, items = super().forward(preds, batch)
        return total, {name: items[name] for name in self.loss_names}


class WithLovasz:
    """A criterion of masks with the Lovasz-Softmax loss of the main logits added; see `lovasz_loss`."""

    def __init__(self, criterion: Any, weight: float, class_weights: torch.Tensor | None) -> None:
        """Wrap a criterion.

        Args:
            criterion: (logits or (main, auxiliary), batch) -> (loss times images, items).
            weight: Weight of the added loss.
            class_weights: (nc,) float tensor, or None for equal weights.
        """
        self.criterion, self.weight, self.class_weights = criterion, weight, class_weights
        self.loss_names = (*getattr(criterion, "loss_names", BASE_NAMES), "lovasz_loss")

    def __call__(self, preds: Any, batch: dict[str, Any]) -> Answer:
        """Return the loss times the number of images, and its parts.

        Args:
            preds: Logits (B, nc, h, w), or a tuple (main, auxiliary).
            batch: With "semantic_mask" (B, H, W) of class ids, 255 to ignore.
        """
        total, items = self.criterion(preds, batch)
        main = preds[0] if isinstance(preds, (tuple, list)) else preds
        mask = batch["semantic_mask"].to(main.device)
        added = self.weight * lovasz_loss(resized(main, mask.shape[-2:]), mask, class_weights=self.class_weights)
        return total + added * len(main), {**items, "lovasz_loss": added.detach()}


def _middle_pixels(mask: torch.Tensor, step: int) -> torch.Tensor:
    """Return (B, h, w), a pixel in the middle of each cell of step x step pixels of (B, H, W).

    The middle of an even number of pixels lies between two. Taking always the second would teach every border half a
    pixel away from where it is, so neighbouring cells take turns.
    """
    if step == 1:
        return mask
    height, width = mask.shape[-2] // step, mask.shape[-1] // step
    rows = torch.arange(height, device=mask.device)[:, None]
    columns = torch.arange(width, device=mask.device)
    middle = torch.tensor(((step - 1) // 2, step // 2), device=mask.device)
    return mask[:, rows * step + middle[columns % 2], columns * step + middle[rows % 2]]


def resized(maps: torch.Tensor, shape: Sequence[int], mode: str = "bilinear") -> torch.Tensor:
    """Return (B, C, h, w) maps at the given (H, W)."""
    if tuple(maps.shape[-2:]) == tuple(shape):
        return maps
    return F.interpolate(maps, size=tuple(shape), mode=mode, align_corners=False if mode == "bilinear" else None)
