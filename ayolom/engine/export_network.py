"""The network as it is exported: one tensor for each task, in order, and nothing that only training needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from ayolom.nn.model import MultiTaskModel
    from ayolom.tasks import Task


class ExportNetwork(nn.Module):
    """A multi-task network behind the face that the base's exporter works on.

    Attributes:
        network: The network; the exporter's copy of it is fused.
        form: Format of the export, such as "onnx".
        gates: The gates as they stood before they were settled (see `MultiTaskModel.gate_table`).
        stride: (N,) float tensor, the strides of all heads in order, at least one of them 32 or more.
    """

    task = "multitask"

    def __init__(self, network: MultiTaskModel, form: str, only: frozenset[str] | None = None) -> None:
        """Take a network.

        Args:
            network: The network, fused or not.
            form: Format of the export.
            only: Names of the tasks to export, None for all.
        """
        super().__init__()
        self.network, self.form, self.only = network, form, only
        self.gates = [{**row, "openness": round(float(row["openness"]), 4)} for row in network.gate_table()]
        self.names, self.yaml, self.args = dict(network.names), network.yaml, network.args
        self.pt_path = getattr(network, "pt_path", None)
        strides = {float(stride) for name in self.answered() for stride in self.head(name).stride}  # type: ignore[union-attr]
        self.stride = torch.tensor(sorted(strides | {float(network.stride.max())}))

    @property
    def model(self) -> nn.Sequential:
        """All layers."""
        return self.network.model

    @property
    def end2end(self) -> bool:
        """Whether boxes come out final."""
        return self.network.end2end

    @end2end.setter
    def end2end(self, value: bool) -> None:
        self.network.end2end = value

    def answered(self) -> dict[str, Task]:
        """Return the exported tasks by name, in the order of the outputs."""
        return {name: task for name, task in self.network.tasks.items() if self.only is None or name in self.only}

    def head(self, name: str) -> nn.Module:
        """Return the head of a task."""
        return self.network.model[self.network.heads[name]]

    def fuse(self, imgsz: Any = 640) -> ExportNetwork:
        """Bring the network into its form for inference, in place."""
        self.network.fuse(imgsz=imgsz)
        self.network.active = self.only
        return self

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return each task's `export_output` for images (B, C, H, W) in [0, 1], in the order of `answered`."""
        raw = self.network(x)
        shape = (x.shape[2], x.shape[3])
        return tuple(task.export_output(raw[name], shape, self.form) for name, task in self.answered().items())
