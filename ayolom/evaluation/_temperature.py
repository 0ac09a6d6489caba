"""The temperature that makes confidences mean what they say (Guo et al., ICML 2017, https://arxiv.org/abs/1706.04599)."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812

PIXELS = 100_000  # of all images together that a temperature is fitted to
RANGE = (0.05, 20.0)


def negative_log_likelihood(logits: torch.Tensor, labels: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Return the mean negative log-likelihood of the labels, a scalar.

    Args:
        logits: (N, C) float; of one column the sigmoid is meant, of more the softmax.
        labels: (N,) int64 classes; 0 or 1 where there is one column.
        temperature: What logits are divided by, a scalar over 0.
    """
    scaled = logits / temperature
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(scaled[:, 0], labels.to(scaled.dtype))
    return F.cross_entropy(scaled, labels)


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float | None:
    """Return the temperature of least negative log-likelihood, in `RANGE`.

    In 1 / T the likelihood has one minimum, so a search by halves finds it.

    Args:
        logits: (N, C) float (see `negative_log_likelihood`).
        labels: (N,) int64.

    Returns:
        The temperature; None of nothing, and where it would leave `RANGE`: what is never wrong, or never right, has no
        best one.
    """
    if not len(labels):
        return None
    logits = logits.double()
    low, high = (torch.tensor(edge, dtype=torch.float64).log() for edge in RANGE)
    for _ in range(24):  # 6 / 2^24: far below what can be told apart
        middle = (low + high) / 2
        if _slope(logits, labels, middle) > 0:
            high = middle
        else:
            low = middle
    found = float(((low + high) / 2).exp())
    return round(found, 6) if RANGE[0] * 1.01 < found < RANGE[1] * 0.99 else None


def _slope(logits: torch.Tensor, labels: torch.Tensor, log_temperature: torch.Tensor) -> float:
    """Return the slope of the negative log-likelihood along log T."""
    with torch.inference_mode(False), torch.enable_grad():
        at = log_temperature.clone().requires_grad_()
        negative_log_likelihood(logits.clone(), labels.clone(), at.exp()).backward()
    return float(at.grad)  # type: ignore[arg-type]


def scaled_confidence(logits: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """Return (N,) float in (0, 1], the probability of the best class of logits (N, C); of one column, its side's."""
    logits = logits.float() / temperature
    if logits.shape[1] == 1:
        return logits[:, 0].abs().sigmoid()
    return (logits.amax(1) - logits.logsumexp(1)).exp()


class PixelSample:
    """A fair sample of pixels of all images: each pixel that was shown is as likely to be held as any other.

    Every pixel draws a random number, and those with the smallest are held; memory does not grow.

    Attributes:
        logits: (N, C) float32, N at most `size`.
        labels: (N,) int64.
    """

    def __init__(self, size: int = PIXELS, seed: int = 0) -> None:
        """Start without pixels.

        Args:
            size: Most pixels to hold.
            seed: Of the random numbers.
        """
        self.size = size
        self._draw = torch.Generator().manual_seed(seed)
        self._drawn = torch.zeros(0)
        self.logits, self.labels = torch.zeros(0, 1), torch.zeros(0, dtype=torch.int64)

    def add(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Show pixels: logits (N, C) and labels (N,)."""
        self._take(logits.float().cpu(), labels.long().cpu(), torch.rand(len(labels), generator=self._draw))

    def __iadd__(self, other: PixelSample) -> PixelSample:
        """Show the pixels that another sample holds."""
        self._take(other.logits, other.labels, other._drawn)
        return self

    def _take(self, logits: torch.Tensor, labels: torch.Tensor, drawn: torch.Tensor) -> None:
        """Hold the pixels with the smallest numbers, of those held and of new ones."""
        if not len(self._drawn):
            self.logits = logits[:0]
        near = drawn < self._drawn.max() if len(self._drawn) == self.size else torch.ones_like(drawn, dtype=torch.bool)
        drawn = torch.cat((self._drawn, drawn[near]))
        logits, labels = torch.cat((self.logits, logits[near])), torch.cat((self.labels, labels[near]))
        if len(drawn) > self.size:
            keep = drawn.topk(self.size, largest=False, sorted=False).indices
            drawn, logits, labels = drawn[keep], logits[keep], labels[keep]
        self._drawn, self.logits, self.labels = drawn, logits, labels
