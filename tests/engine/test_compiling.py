"""Networks that are compiled before they predict."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from ayolom.engine import compiling
from ayolom.engine.compiling import compile_frozen, compiled

CPU = torch.device("cpu")


class Network(nn.Module):
    """Two convolutions, and a note of how it was compiled."""

    heads: dict[str, int] = {}

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 4, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """What each network was compiled with."""
    notes: list[dict] = []
    monkeypatch.setattr(Network, "compile", lambda _, **options: notes.append(options))
    return notes


def backend(network: Any) -> nn.Module:
    module = nn.Module()
    module.model = network
    return module


def test_a_network_on_a_cpu_is_compiled_with_frozen_weights(noted: list[dict], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "attempt_compile", lambda *_, **__: nn.Identity())
    whole = backend(Network())
    assert compiled(whole, CPU, mode=True) is whole
    assert noted == [{"options": {"freezing": True}}]


@pytest.mark.parametrize("mode", [False, True], ids=["not asked for", "no compiler"])
def test_it_stays_as_it_is(mode: bool, noted: list[dict], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "attempt_compile", lambda module, **_: module)
    whole = backend(Network())
    assert compiled(whole, CPU, mode=mode) is whole
    assert noted == []


@pytest.mark.parametrize(
    ("network", "device"),
    [(SimpleNamespace(), CPU), (Network(), torch.device("cuda"))],
    ids=["exported file", "GPU"],
)
def test_the_rest_is_left_to_the_base(
    network: Any, device: torch.device, noted: list[dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(compiling, "attempt_compile", lambda module, **words: seen.append((module, words)) or module)
    whole = backend(network)
    compiled(whole, device, mode="max-autotune-no-cudagraphs")
    assert seen == [(whole, {"device": device, "mode": "max-autotune-no-cudagraphs"})]
    assert noted == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="PyTorch compiles for a CPU with g++")
def test_a_frozen_network_gives_the_same() -> None:
    network = Network().eval()
    pictures = [torch.rand(1, 3, 16, 24), torch.rand(1, 3, 24, 16)]
    with torch.inference_mode():
        wanted = [network(x) for x in pictures]
        compile_frozen(network)
        for x, want in zip(pictures, wanted, strict=True):
            torch.testing.assert_close(network(x), want, rtol=1e-4, atol=1e-5)
