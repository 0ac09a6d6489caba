"""Two ways of giving models the same: every labelled image seen equally often, or equally many optimizer steps."""

from __future__ import annotations


def batches(images: int, batch: int) -> int:
    """Return the batches of an epoch, the last one smaller where need be."""
    return -(-images // batch)


def equal_steps(epochs: int, shared: int, own: int) -> int:
    """Return the epochs after which a model has had as many batches as the multi-task model.

    Args:
        epochs: Epochs of the multi-task model.
        shared: Batches of its epoch.
        own: Batches of an epoch of this model.

    >>> equal_steps(50, batches(600, 16), batches(400, 16))
    76
    """
    return -(-epochs * shared // own)
