"""What the harness holds of a peer, in the form in which it holds the base's models."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ultralytics.utils import callbacks

from ayolom.compare.peers._trainer import PeerTrainer, open_network
from ayolom.compat import forbid_installs

if TYPE_CHECKING:
    from collections.abc import Callable

    from ayolom.compare.peers._network import PeerNetwork


class Peer:
    """A network of torchvision: one to be trained, by its name, or a trained one, by its checkpoint."""

    def __init__(self, model: str) -> None:
        """Take the network.

        Args:
            model: One of `PEERS`, or a checkpoint of `PeerTrainer`.

        Raises:
            AyolomError: The checkpoint cannot be read.
        """
        forbid_installs()
        self.name, self.callbacks = model, callbacks.get_default_callbacks()
        if model.endswith(".pt"):
            _ = self.model  # a checkpoint that was cut off is told before the training begins

    @cached_property
    def model(self) -> PeerNetwork:
        """The trained network."""
        return open_network(self.name)

    def add_callback(self, event: str, callback: Callable[[Any], None]) -> None:
        """Have a function called with the trainer at an event of the base's."""
        self.callbacks[event].append(callback)

    def train(self, resume: bool = False, **settings: Any) -> None:
        """Train from the start, or go on with the checkpoint's run.

        On a GPU torchvision aligns regions by an implementation of its own where only deterministic operations may run,
        which takes many times the memory; so unless the settings ask for them they need not be.
        """
        given = {"deterministic": False, **settings, "model": self.name, "mode": "train"}
        overrides = {"model": self.name, "resume": self.name, "mode": "train"} if resume else given
        PeerTrainer(overrides=overrides, _callbacks=self.callbacks).train()
