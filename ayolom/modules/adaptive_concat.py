"""A concatenation that learns whether it is worth its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import nn

from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

GateMode = Literal["learned", "paper", "always", "never"]

# sigmoid(1) = 0.73: open, and near enough to the threshold for the gate to be moved within a training of usual length.
# The published code starts at 5, sigmoid 0.993, where the sigmoid passes 3 % of that gradient.
LEARNED_START = 1.0
PAPER_START = 5.0


class AdaptiveConcat(nn.Module):
    """Joins a neck feature with a backbone feature, or passes the neck feature on alone, as a gate decides.

    With `x0` from the neck and `x1` from the backbone the output is `conv1x1(cat(x0, x1))` while the gate is open,
    `sigmoid(gate) > 0.5`, else `x0` (A-YOLOM, IEEE TVT 2024, https://doi.org/10.1109/TVT.2024.3394350). In the
    published code the comparison steers a Python branch, so that no gradient reaches the gate and it keeps its first
    value for ever. Here the decision stays hard, but backward passes straight through it (Bengio et al. 2013,
    https://arxiv.org/abs/1308.3432): with `s = sigmoid(gate)`, `h = 1[s > 0.5]` and `g = h + s - stop_gradient(s)`

        y = x0 + g * (conv1x1(cat(x0, x1)) - x0),    dy/dg = conv1x1(cat(x0, x1)) - x0,    dg/dgate = s * (1 - s),

    while `x0` and the convolution receive the gradient of the branch that was taken. A closed gate can thus open again.

    In evaluation the decision is a plain Python bool, taken when the mode is set (`train()`, `eval()`) or a state is
    loaded: traced and exported graphs hold no condition, a closed gate costs nothing, and no value is fetched from the
    accelerator. Call `refresh()` after writing into the gate of a module that is already in evaluation mode.

    Attributes:
        mode: "learned" as above; "paper" as in the published code; "always" joins and has no gate; "never" passes `x0`
            and has neither gate nor convolution.
        gate: Scalar parameter, or None without a gate. It belongs in an optimizer group without weight decay, which
            would pull it towards the threshold.
        conv: 1x1 convolution with bias and without normalisation, as published; None if the mode is "never".
    """

    def __init__(self, channels: Sequence[int], mode: GateMode = "learned", init: float | None = None) -> None:
        """Make the convolution and the gate.

        Args:
            channels: Channels (C0, C1) of the neck feature and of the backbone feature.
            mode: What decides, see above.
            init: First value of the gate before the sigmoid; None takes 1.0 if learned, 5.0 if as in the paper.

        Raises:
            AyolomError: The mode is unknown or there are not two inputs.
        """
        super().__init__()
        if mode not in get_args(GateMode):
            raise AyolomError(
                f"AdaptiveConcat: mode must be one of {', '.join(get_args(GateMode))} (got {mode!r})."
                f"{nearest(mode, get_args(GateMode))}"
            )
        if len(channels) != 2:
            raise AyolomError(
                f"AdaptiveConcat takes two inputs, the neck's and the backbone's (got {len(channels)}); "
                "list both in the row's first column"
            )
        self.mode = mode
        first = {"learned": LEARNED_START, "paper": PAPER_START}.get(mode)
        if first is not None and init is not None:
            first = float(init)
        self.gate = None if first is None else nn.Parameter(torch.tensor(first))
        self.conv = None if mode == "never" else nn.Conv2d(sum(channels), channels[0], 1)
        self._decision = self.is_open

    @property
    def is_learned(self) -> bool:
        """Whether training moves the gate; only such gates have a cost."""
        return self.mode == "learned"

    @property
    def openness(self) -> float:
        """sigmoid(gate) in [0, 1]; open above 0.5. Without a gate 1.0 or 0.0."""
        return float(self.conv is not None) if self.gate is None else float(torch.sigmoid(self.gate.detach().float()))

    @property
    def is_open(self) -> bool:
        """Whether both inputs are joined, by the gate's present value."""
        return self.openness > 0.5

    def refresh(self) -> None:
        """Take the decision anew from the gate's present value."""
        self._decision = self.is_open

    def train(self, mode: bool = True) -> AdaptiveConcat:
        """Set training or evaluation mode and take the decision that holds from now on."""
        super().train(mode)
        self.refresh()
        return self

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        """Load the gate and take its decision."""
        super()._load_from_state_dict(*args, **kwargs)
        self.refresh()

    def forward(self, x: Sequence[torch.Tensor]) -> torch.Tensor:
        """Join the two features or pass the first on.

        Args:
            x: (B, C0, H, W) from the neck and (B, C1, H, W) from the backbone, floating point.

        Returns:
            (B, C0, H, W).
        """
        neck, backbone = x
        learning = self.training and self.is_learned
        shut = self.gate is not None and not learning and not self._decision
        if self.conv is None or shut:
            return neck
        joined = self.conv(torch.cat((neck, backbone), 1))
        return _straight_through(self.gate, neck, joined) if self.gate is not None and learning else joined

    def extra_repr(self) -> str:
        """Return mode and openness for `print(model)`."""
        return f"mode={self.mode}, openness={self.openness:.3f}"


def _straight_through(gate: torch.Tensor, neck: torch.Tensor, joined: torch.Tensor) -> torch.Tensor:
    """Return the branch that the gate chooses (B, C0, H, W), with a gradient to the gate as if it mixed the two."""
    openness = torch.sigmoid(gate)
    chosen = torch.where(openness > 0.5, joined, neck)
    # Zero in value, so that training sees what evaluation sees to the last bit, in bf16 too.
    return chosen + (openness - openness.detach()) * (joined - neck).detach()
