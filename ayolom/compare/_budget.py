"""Two ways of giving models the same: every labelled image seen equally often, or equally many optimizer steps."""

from __future__ import annotations


def batches(images: int, batch: int) -> int:
    """Return the batches of an epoch, the last one smaller where need be."""
    return -(-images // batch)


def equal_steps(epochs: int, union: int, own: int, batch: int) -> int:
    """Return the epochs after which a model has had as many batches as the multi-task model.

    Args:
        epochs: Epochs of the multi-task model.
        union: Images of its training epoch.
        own: Images of this model's.
        batch: Images in a batch.

    >>> equal_steps(50, 600, 400, 16)
    76
    """
    return -(-epochs * batches(union, batch) // batches(own, batch))
