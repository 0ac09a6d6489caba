"""Names for the outputs of an ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Sequence


def name_outputs(graph: Any, names: Sequence[str]) -> None:
    """Rename the outputs of a graph in place, in their order; values inside the graph that bear such a name give way.

    Args:
        graph: An `onnx.GraphProto` without subgraphs.
        names: A name for each output.

    Raises:
        AyolomError: A name is that of the graph's input.
    """
    for entry in graph.input:
        if entry.name in names:
            raise AyolomError(f"task '{entry.name}': is the name of the exported graph's input; rename the task")
    change = {output.name: name for output, name in zip(graph.output, names, strict=True)}
    taken = {name for node in graph.node for name in (*node.output, *node.input)} | {v.name for v in graph.initializer}
    change.update({name: f"{name}__inner" for name in names if name in taken and name not in change})
    for node in graph.node:
        node.input[:] = [change.get(name, name) for name in node.input]
        node.output[:] = [change.get(name, name) for name in node.output]
    for value in (*graph.output, *graph.value_info, *graph.initializer):
        value.name = change.get(value.name, value.name)


def name_axes(graph: Any, axes: Sequence[Sequence[Any]]) -> None:
    """Say of the outputs of a dynamic graph which axes follow the input, in place.

    Args:
        graph: An `onnx.GraphProto`.
        axes: For each output its axes, a number for a fixed size or a name.
    """
    for output, sizes in zip(graph.output, axes, strict=True):
        tensor = output.type.tensor_type
        tensor.ClearField("shape")
        for size in sizes:
            axis = tensor.shape.dim.add()
            if isinstance(size, int):
                axis.dim_value = size
            else:
                axis.dim_param = size
