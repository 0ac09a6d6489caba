"""What stands in for the network where a file was exported: its tasks, and which output belongs to which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError
from ayolom.tasks import TaskSpec, make_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from ayolom.tasks import Task

SORTED = frozenset({"engine", "triton"})  # the base returns these outputs in the order of their names
FIELDS = ("name", "kind", "names", "flip_pairs", "ignore", "classes", "single_cls")


class Exported:
    """The tasks of an exported file, with as much of `MultiTaskModel` as prediction and validation ask for.

    Attributes:
        tasks: Task objects by name.
        heads: Empty; there are no layers to look at.
        names: Class names of the first task with boxes, else of the first task.
        stride: Pixels that the sides of images are multiples of.
        imgsz: Side of the square that it was exported at, or (H, W), in pixels.
        end2end: Whether boxes come out final.
        active: Names of the tasks to answer, None for all; the others are computed all the same.
    """

    def __init__(self, description: dict[str, Any]) -> None:
        """Read a description (see `artefact.describe`)."""
        specs = [
            TaskSpec.from_dict({key: task.get(key) for key in FIELDS if key in task}) for task in description["tasks"]
        ]
        self.tasks: dict[str, Task] = {spec.name: make_task(spec) for spec in specs}
        self.axes = {task["name"]: task["axes"] for task in description["tasks"]}
        self.heads: dict[str, int] = {}
        first = next((task for task in self.tasks.values() if task.box_classes), next(iter(self.tasks.values())))
        self.names = dict(first.spec.names)
        self.stride = int(description["stride"])
        height, width = (int(side) for side in description["imgsz"])
        self.imgsz: int | list[int] = height if height == width else [height, width]
        self.end2end = bool(description["end2end"])
        self.active: frozenset[str] | None = None

    def set_head_attr(self, **_: Any) -> None:
        """Do nothing: what heads are told is part of the file."""

    def answers(self, backend: Any, outputs: Any) -> dict[str, torch.Tensor]:
        """Return each task's output by name.

        Args:
            backend: The base's `AutoBackend` that the outputs come from.
            outputs: A tensor or a list of tensors, in the order that the base gives them.

        Raises:
            AyolomError: The file has other outputs than its description says.
        """
        values = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        names = _order(backend, list(self.tasks))
        if names is None:
            names = self._by_shape(values)
        if sorted(names) != sorted(self.tasks) or len(values) != len(names):
            raise AyolomError(
                f"the exported file has the outputs {', '.join(names)} and describes the tasks "
                f"{', '.join(self.tasks)}; export it again"
            )
        found = dict(zip(names, values, strict=True))
        return {name: found[name] for name in self.tasks if self.active is None or name in self.active}

    def _by_shape(self, values: Sequence[torch.Tensor]) -> list[str]:
        """Return the task of each tensor, told by its shape alone.

        Raises:
            AyolomError: Two tasks have outputs of one form.
        """
        names = []
        for value in values:
            fit = [name for name, axes in self.axes.items() if _fits(value, axes)]
            fixed = {name: sum(isinstance(size, int) for size in self.axes[name]) for name in fit}
            fit = [name for name in fit if fixed[name] == max(fixed.values())]
            if len(fit) != 1:
                raise AyolomError(
                    f"an output of shape {tuple(value.shape)} fits {', '.join(fit) or 'no task'}; this runtime does "
                    "not tell the names of outputs, so take another format, such as onnx"
                )
            names += fit
        return names


def _order(backend: Any, tasks: list[str]) -> list[str] | None:
    """Return the task of each output in the order of the base's backend; None where it does not tell.

    The names come from the runtime where it keeps them. TorchScript keeps the order of the tasks, which the metadata
    tells, and NCNN's outputs `out0`, `out1`, ... are sorted as text.
    """
    form = backend.format
    if form in SORTED:
        return sorted(tasks)
    if form == "onnx":
        return list(backend.output_names)
    if form == "openvino":
        return [output.get_any_name() for output in backend.ov_compiled_model.outputs]
    if form == "dnn":
        return list(backend.net.getUnconnectedOutLayersNames())
    if form == "ncnn":
        return [tasks[int(name.removeprefix("out"))] for name in sorted(backend.net.output_names())]
    return tasks if form == "torchscript" else None


def _fits(value: torch.Tensor, axes: Sequence[Any]) -> bool:
    """Return whether a tensor has the axes; a name fits any size."""
    return value.ndim == len(axes) and all(
        not isinstance(size, int) or size == have for size, have in zip(axes, value.shape, strict=True)
    )
