"""Losses of mask tasks: pure functions of logits and class ids."""

from ayolom.losses._focal import focal_loss
from ayolom.losses._lovasz import lovasz_loss
from ayolom.losses._ohem import ohem_loss
from ayolom.losses._tversky import tversky_loss

__all__ = ("focal_loss", "lovasz_loss", "ohem_loss", "tversky_loss")
