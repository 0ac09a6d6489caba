"""The temperature: found again where it is known, equal to SciPy's minimum; the sample of pixels it is fitted to."""

from __future__ import annotations

import pytest
import torch

from ayolom.evaluation import PixelSample, fit_temperature, scaled_confidence


def drawn(temperature: float, columns: int, count: int = 20_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits, and labels drawn with the probabilities that they give at a temperature."""
    generator = torch.Generator().manual_seed(columns)
    logits = torch.randn(count, columns, generator=generator) * 3
    if columns == 1:
        return logits, torch.bernoulli((logits[:, 0] / temperature).sigmoid(), generator=generator).long()
    return logits, torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)[:, 0]


@pytest.mark.parametrize("columns", [1, 5], ids=["scores", "classes"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_labels_were_drawn_at_is_found(temperature, columns) -> None:
    assert fit_temperature(*drawn(temperature, columns)) == pytest.approx(temperature, rel=0.05)


def test_it_is_the_minimum_that_scipy_finds() -> None:
    optimize, special = pytest.importorskip("scipy.optimize"), pytest.importorskip("scipy.special")
    logits, labels = drawn(1.7, 4, 2000)
    own = logits.double().numpy()

    def loss(temperature: float) -> float:
        return -special.log_softmax(own / temperature, axis=1)[range(len(own)), labels.numpy()].mean()

    best = optimize.minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-7}).x
    assert fit_temperature(logits, labels) == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        pytest.param([[4.0], [-4.0]], [1, 0], id="never wrong"),
        pytest.param([[4.0], [-4.0]], [0, 1], id="never right"),
        pytest.param([[-4.0], [-3.0]], [0, 0], id="no box is right"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_where_no_temperature_is_best_there_is_none(logits, labels) -> None:
    assert fit_temperature(torch.tensor(logits).reshape(-1, 1), torch.tensor(labels, dtype=torch.int64)) is None


def test_it_fits_inside_the_inference_mode_of_validation() -> None:
    with torch.inference_mode():
        logits, labels = drawn(2.0, 3, 3000)
        assert fit_temperature(logits, labels) == pytest.approx(2.0, rel=0.15)


def test_confidence_is_that_of_the_best_class_or_of_the_side_taken() -> None:
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(scaled_confidence(logits, 2.0), (logits / 2).softmax(1).amax(1))
    sides = scaled_confidence(torch.tensor([[2.0], [-2.0], [0.0]])).tolist()
    assert sides == pytest.approx([0.880797, 0.880797, 0.5], abs=1e-6)  # 1 / (1 + exp(-2)), and 1 / 2


def test_the_sample_is_bounded_fair_and_keeps_pixels_whole() -> None:
    sample = PixelSample(size=1000)
    for start in range(0, 20_000, 500):
        value = torch.arange(start, start + 500)
        sample.add(torch.stack((value, -value), 1).float(), value)
        assert len(sample.labels) <= 1000
    assert len(sample.labels) == len(set(sample.labels.tolist())) == 1000
    assert torch.equal(sample.logits, torch.stack((sample.labels, -sample.labels), 1).float())
    share = torch.histc(sample.labels.float(), 4, 0, 20_000) / 1000
    assert share.tolist() == pytest.approx([0.25] * 4, abs=0.05)  # of each quarter of the images as many


def test_samples_of_two_processes_make_one_that_is_fair() -> None:
    one, other = PixelSample(size=2000, seed=1), PixelSample(size=2000, seed=2)
    one.add(torch.zeros(9000, 2), torch.zeros(9000))
    other.add(torch.zeros(3000, 2), torch.ones(3000))
    one += other
    assert len(one.labels) == 2000
    assert float(one.labels.double().mean()) == pytest.approx(0.25, abs=0.03)
