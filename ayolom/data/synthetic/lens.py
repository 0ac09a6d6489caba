"""What a camera does to a picture: blur, colour cast, dark corners, noise."""

from __future__ import annotations

import cv2
import numpy as np


def through_lens(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture (H, W, 3) uint8 BGR as an ordinary camera would have kept it."""
    height, width = picture.shape[:2]
    seen = picture
    if rng.random() < 0.5:
        seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.35, 1.0))
    if rng.random() < 0.12:  # the hand moved
        reach = int(rng.integers(3, 6))
        seen = cv2.blur(seen, (reach, 1) if rng.random() < 0.7 else (1, reach))
    gain = (rng.uniform(0.82, 1.12) * rng.uniform(0.96, 1.04, 3)).astype(np.float32)
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    corners = 1 - rng.uniform(0, 0.28) * (x[None] ** 2 + y[:, None] ** 2) / 2
    out = seen * (corners[..., None] * gain)
    grain = rng.standard_normal((height // 2 + 1, width, 3), dtype=np.float32) * rng.uniform(0.8, 5.0)
    out[0::2] += grain[: out[0::2].shape[0]]
    out[1::2] -= grain[: out[1::2].shape[0], ::-1]
    return np.clip(out, 0, 255).astype(np.uint8)
