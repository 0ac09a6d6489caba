"""A model repository for Triton Inference Server, and what such a server tells of a model.

The layout is that of https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_repository.html
"""

from __future__ import annotations

import json
import re
import shutil
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ayolom.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

TYPES = {1: "TYPE_FP32", 2: "TYPE_UINT8", 6: "TYPE_INT32", 7: "TYPE_INT64", 10: "TYPE_FP16"}  # by ONNX element type


def write_repository(file: Path, graph: Any, metadata: dict[str, Any]) -> Path:
    """Put an ONNX file into a fresh model repository beside it.

    Args:
        file: The ONNX file, which is moved.
        graph: Its `onnx.GraphProto`.
        metadata: What the base's client shall read of it.

    Returns:
        The repository, a folder `<stem>_triton` with one model in version 1.
    """
    name = re.sub(r"[^\w.-]", "_", file.stem, flags=re.ASCII)
    repository = file.with_name(f"{file.stem}_triton")
    version = repository / name / "1"
    version.mkdir(parents=True)
    shutil.move(file, version / "model.onnx")
    write_atomic(repository / name / "config.pbtxt", config(name, graph, metadata))
    return repository


def config(name: str, graph: Any, metadata: dict[str, Any]) -> str:
    """Return the text of `config.pbtxt`; axes that follow the input are -1.

    Metadata are a Python literal in plain ASCII, the form that the base's client reads.
    """
    lines = [f"name: {json.dumps(name)}", 'backend: "onnxruntime"', "max_batch_size: 0"]
    for word, values in (("input", graph.input), ("output", graph.output)):
        for value in values:
            tensor = value.type.tensor_type
            sizes = ", ".join(str(axis.dim_value or -1) for axis in tensor.shape.dim)
            name_and_type = f"name: {json.dumps(value.name)} data_type: {TYPES[tensor.elem_type]}"
            lines.append(f"{word} [ {{ {name_and_type} dims: [ {sizes} ] }} ]")
    lines.append(f'parameters {{ key: "metadata" value {{ string_value: {json.dumps(ascii(metadata))} }} }}')
    return "\n".join(lines) + "\n"


def served_metadata(url: str) -> dict[str, Any]:
    """Return the metadata of a model behind an address, {} where no server answers or its client is not installed."""
    if find_spec("tritonclient") is None:
        return {}
    from ultralytics.utils.triton import TritonRemoteModel

    refused = import_module("tritonclient.utils").InferenceServerException
    try:
        return TritonRemoteModel(url).metadata or {}
    except (refused, OSError, RuntimeError, ValueError, KeyError, ImportError):
        return {}
