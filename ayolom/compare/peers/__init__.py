"""Networks of torchvision as rows of a comparison, trained and scored as ours are.

Everything but the network is this package's own: images, augmentation, optimizer, schedule, moving average, metrics,
checkpoints. Weights start at random and nothing is fetched.
"""

from __future__ import annotations

from ayolom.compare.peers._catalogue import PEERS, kind_of

__all__ = ("PEERS", "kind_of")
