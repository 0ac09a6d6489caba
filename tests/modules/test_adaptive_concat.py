"""The gate: what it lets through, what it learns, and what it leaves in a graph."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import nn

from ayolom.errors import AyolomError
from ayolom.modules import AdaptiveConcat

SHAPE = (2, 4, 5, 6)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def features(neck: int = 4, backbone: int = 3) -> list[torch.Tensor]:
    return [torch.randn(2, neck, 5, 6, requires_grad=True), torch.randn(2, backbone, 5, 6, requires_grad=True)]


def joined_by_hand(module: AdaptiveConcat, x: list[torch.Tensor]) -> torch.Tensor:
    weight = module.conv.weight[:, :, 0, 0]
    return torch.einsum("oc,bchw->bohw", weight, torch.cat(x, 1)) + module.conv.bias[:, None, None]


@pytest.mark.parametrize(
    ("mode", "init", "open_"),
    [
        pytest.param("learned", None, True, id="learned starts open"),
        pytest.param("learned", -1.0, False, id="learned and closed"),
        pytest.param("learned", 0.0, False, id="sigmoid of 0 is not above one half"),
        pytest.param("paper", None, True, id="paper starts open"),
        pytest.param("paper", -5.0, False, id="paper and closed"),
        pytest.param("always", None, True, id="always"),
        pytest.param("never", None, False, id="never"),
    ],
)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_output_is_one_of_two_branches(mode, init, open_, training):
    module = AdaptiveConcat((4, 3), mode, init).train(training)
    x = features()
    y = module(x)
    assert module.is_open is open_
    if open_:
        torch.testing.assert_close(y, joined_by_hand(module, x), atol=1e-6, rtol=1e-5)
    else:
        assert torch.equal(y, x[0])


def test_training_and_evaluation_agree_to_the_last_bit():
    for init in (1.0, -1.0):
        module, x = AdaptiveConcat((4, 3), init=init), features()
        assert torch.equal(module.train()(x), module.eval()(x))


@pytest.mark.parametrize(
    ("mode", "openness", "parameters"),
    [
        pytest.param("learned", 0.7310586, 7 * 4 + 4 + 1, id="sigmoid(1)"),
        pytest.param("paper", 0.9933072, 7 * 4 + 4 + 1, id="sigmoid(5), the size of the published layer"),
        pytest.param("always", 1.0, 7 * 4 + 4, id="no gate"),
        pytest.param("never", 0.0, 0, id="nothing at all"),
    ],
)
def test_openness_and_size(mode, openness, parameters):
    module = AdaptiveConcat((4, 3), mode)
    assert module.openness == pytest.approx(openness, abs=1e-6)
    assert sum(p.numel() for p in module.parameters()) == parameters
    assert module.is_learned is (mode == "learned")


# What reaches the gate ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("init", [1.0, -0.7], ids=["open", "closed"])
def test_straight_through_gradient_worked_by_hand(init):
    """L = sum(r * y): dL/dgate = s (1 - s) sum(r * (joined - x0)); branches get what the hard decision says."""
    module, x, r = AdaptiveConcat((4, 3), init=init), features(), torch.randn(SHAPE)
    (module(x) * r).sum().backward()
    s = 1 / (1 + torch.tensor(-init).exp())
    expected = s * (1 - s) * (r * (joined_by_hand(module, x) - x[0])).sum()
    torch.testing.assert_close(module.gate.grad, expected.detach(), rtol=1e-4, atol=1e-5)
    weight = module.conv.weight.detach()[:, :, 0, 0]
    through_conv = torch.einsum("oc,bohw->bchw", weight, r)
    h = float(init > 0)
    torch.testing.assert_close(x[0].grad, h * through_conv[:, :4] + (1 - h) * r, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(x[1].grad, h * through_conv[:, 4:], rtol=1e-4, atol=1e-5)
    assert bool(module.conv.weight.grad.any()) is (init > 0)


def test_gradient_is_that_of_the_soft_mixture():
    """The gate's gradient equals a finite difference of x0 + s * (joined - x0), the mixture without a threshold."""
    module, x, r = AdaptiveConcat((4, 3), init=0.4).double(), [f.double() for f in features()], torch.randn(SHAPE)
    (module(x) * r).sum().backward()

    def mixed(gate: float) -> float:
        s = torch.sigmoid(torch.tensor(gate, dtype=torch.float64))
        return float(((x[0] + s * (joined_by_hand(module, x) - x[0])) * r).sum().detach())

    step = 1e-5
    start = float(module.gate.detach())
    difference = (mixed(start + step) - mixed(start - step)) / (2 * step)
    assert float(module.gate.grad) == pytest.approx(difference, rel=1e-6)


def test_learned_gate_has_a_finite_gradient_that_is_not_zero():
    module = AdaptiveConcat((4, 3))
    module(features()).square().mean().backward()
    assert torch.isfinite(module.gate.grad)
    assert module.gate.grad != 0


def test_paper_gate_never_receives_a_gradient_nor_moves():
    module = AdaptiveConcat((4, 3), "paper")
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        module(features()).square().mean().backward()
        assert module.gate.grad is None
        optimizer.step()
    assert float(module.gate.detach()) == 5.0


def train_on(skip_tells: bool, steps: int = 200) -> list[bool]:
    """Return after each step whether the gate is open; it learns to tell a sign that the skip or the neck carries.

    The other of the two inputs is noise. As in a network a normalisation follows: without one an open gate pays even on
    noise, since its convolution can make the neck's feature larger.
    """
    module, reader = AdaptiveConcat((4, 4)), nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))
    rest = [*module.conv.parameters(), *reader.parameters()]
    optimizer = torch.optim.AdamW([{"params": rest, "lr": 0.02}, {"params": [module.gate], "lr": 0.05}], weight_decay=0)
    pattern, decisions = torch.tensor([1.0, -1.0, 1.0, 1.0])[:, None, None], []
    for _ in range(steps):
        label = torch.randint(0, 2, (8, 1, 6, 6)).float()
        told, noise = (2 * label - 1) * pattern + 0.3 * torch.randn(8, 4, 6, 6), torch.randn(8, 4, 6, 6)
        x = [noise, told] if skip_tells else [told, noise]
        loss = nn.functional.binary_cross_entropy_with_logits(reader(module(x)), label)
        loss = loss + 0.05 * torch.sigmoid(module.gate)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decisions.append(module.is_open)
    return decisions


@pytest.mark.parametrize("seed", range(3))
def test_gate_closes_on_noise_and_stays_open_on_the_label(seed):
    """A useful gate sinks to the threshold, since a loss near 0 no longer holds it, and is pushed back from there."""
    torch.manual_seed(seed)
    assert not any(train_on(skip_tells=False)[-50:])
    assert sum(train_on(skip_tells=True)[-50:]) >= 40


# The decision in evaluation -------------------------------------------------------------------------------------------
def test_decision_follows_mode_changes_loaded_states_and_refresh():
    module, x = AdaptiveConcat((4, 3)).eval(), features()
    with torch.no_grad():
        module.gate.fill_(-1.0)
    assert not module.is_open
    module.refresh()
    assert torch.equal(module(x), x[0])
    module.load_state_dict({**module.state_dict(), "gate": torch.tensor(1.0)})
    assert not torch.equal(module(x), x[0])
    with torch.no_grad():
        module.gate.fill_(-1.0)
    assert torch.equal(module.eval()(x), x[0])


def test_without_its_gate_it_joins_whatever_was_decided():
    module, x = AdaptiveConcat((4, 3), init=-1.0).eval(), features()
    module.mode, module.gate = "always", None
    torch.testing.assert_close(module(x), joined_by_hand(module, x), atol=1e-6, rtol=1e-5)


def test_closed_gate_skips_the_convolution():
    module, calls = AdaptiveConcat((4, 3), init=-1.0), []
    module.conv.register_forward_hook(lambda *_: calls.append(1))
    module.eval()(features())
    assert not calls
    module.train()(features())
    assert calls  # the gate needs to know what it would let through


@pytest.mark.parametrize(("init", "convolutions"), [(1.0, 1), (-1.0, 0)], ids=["open", "closed"])
def test_traced_and_exported_graphs_hold_no_condition(init, convolutions):
    module, x = AdaptiveConcat((4, 3), init=init).eval(), [f.detach() for f in features()]
    with warnings.catch_warnings():
        warnings.simplefilter("error", torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        traced = torch.jit.trace(module, (x,))
    names = [node.kind() for node in traced.inlined_graph.nodes()]
    assert sum("conv" in name for name in names) == convolutions
    assert "prim::If" not in names
    assert not any("sigmoid" in name for name in names)
    exported = torch.export.export(module, (x,))
    assert (
        sum("conv" in str(node.target) for node in exported.graph.nodes if node.op == "call_function") == convolutions
    )
    for graph in (traced, exported.module()):
        torch.testing.assert_close(graph(x), module(x))


# Forms that a trainer brings it into ----------------------------------------------------------------------------------
@pytest.mark.parametrize("init", [1.0, -1.0], ids=["open", "closed"])
def test_bf16_autocast_and_channels_last(init):
    module = AdaptiveConcat((4, 3), init=init).to(memory_format=torch.channels_last)
    x = [f.detach().bfloat16().contiguous(memory_format=torch.channels_last) for f in features()]
    with torch.autocast("cpu", torch.bfloat16):
        y = module(x)
        assert torch.equal(y, module.eval()(x))
    assert y.dtype == torch.bfloat16
    assert y.is_contiguous(memory_format=torch.channels_last)
    y.float().square().mean().backward()
    assert torch.isfinite(module.gate.grad)
    assert module.gate.grad != 0


def test_copies_and_half_precision_keep_the_decision():
    module, x = AdaptiveConcat((4, 3), init=-1.0), [f.detach() for f in features()]
    twin = copy.deepcopy(module).eval()
    assert torch.equal(twin(x), x[0])
    assert twin.gate is not module.gate
    half = copy.deepcopy(module).eval().half()
    assert torch.equal(half([f.half() for f in x]), x[0].half())
    assert half.openness == pytest.approx(0.2689, abs=1e-3)


@pytest.mark.parametrize(
    ("channels", "mode", "message"),
    [
        pytest.param((4, 3), "learnt", "mode must be one of .* Did you mean 'learned'", id="unknown mode"),
        pytest.param((4,), "learned", r"takes two inputs.*got 1", id="one input"),
        pytest.param((4, 3, 2), "learned", r"takes two inputs.*got 3", id="three inputs"),
    ],
)
def test_wrong_arguments_are_refused(channels, mode, message):
    with pytest.raises(AyolomError, match=message):
        AdaptiveConcat(channels, mode)
