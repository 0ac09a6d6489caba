"""The formats that a network of several tasks can be exported to, and what each needs."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from ayolom.errors import AyolomError, nearest


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        title: Name for people.
        modules: What must be importable to write it.
        runtime: What must be importable to run it.
        quantize: Precisions beside FP32 that it is written with.
        install: How to get what it needs.
        local: Whether the result runs without a server.
        end2end: Whether the boxes of an end-to-end head can be exported; without, they come out unsuppressed.
    """

    title: str
    modules: tuple[str, ...]
    runtime: tuple[str, ...]
    quantize: tuple[int, ...]
    install: str = 'pip install "ayolom[export]"'
    end2end: bool = True
    local: bool = True


FORMATS = {
    "onnx": Format("ONNX", ("onnx", "onnxruntime", "onnxslim"), ("onnxruntime",), (8, 16)),
    "openvino": Format("OpenVINO", ("openvino",), ("openvino",), (8, 16)),
    "torchscript": Format("TorchScript", (), (), (16,)),
    "ncnn": Format("NCNN", ("ncnn", "pnnx"), ("ncnn",), (16,), end2end=False),
    "engine": Format(
        "TensorRT",
        ("onnx", "onnxruntime", "onnxslim", "tensorrt"),
        ("tensorrt",),
        (8, 16),
        install='pip install "ayolom[export]" tensorrt',
    ),
    "triton": Format(
        "Triton model repository",
        ("onnx", "onnxruntime", "onnxslim"),
        ("tritonclient",),
        (8, 16),
        install='pip install "ayolom[export]" "tritonclient[all]"',
        local=False,
    ),
    "coreml": Format("Core ML", ("coremltools",), ("coremltools",), (8, 16), install="pip install coremltools"),
}
ALIASES = {"tensorrt": "engine", "trt": "engine", "mlpackage": "coreml", "mlprogram": "coreml", "apple": "coreml"}


def checked_format(name: Any) -> str:
    """Return the key of `FORMATS` that a user's word stands for.

    Raises:
        AyolomError: A network of several tasks is not exported to it.
    """
    word = str(name).lower()
    word = ALIASES.get(word, word)
    if word not in FORMATS:
        raise AyolomError(
            f"format={name}: models of several tasks are not exported to it.{nearest(word, FORMATS)} "
            f"Formats are {', '.join(FORMATS)}"
        )
    return word


def check_request(form: str, args: Any) -> None:
    """Check what is asked of an export before the work begins.

    Args:
        form: Key of `FORMATS`.
        args: The base's settings.

    Raises:
        AyolomError: A package is missing, this machine cannot write the format, or settings do not fit.
    """
    about = FORMATS[form]
    if args.nms is True:
        raise AyolomError(
            "nms=True: suppression is not built into the graph of several tasks; leave nms out (predict and val "
            "suppress outside the graph) or take nms=False, which exports the final boxes of an end-to-end head"
        )
    if args.quantize not in {None, 32, *about.quantize}:
        allowed = ", ".join(map(str, (*about.quantize, 32)))
        raise AyolomError(f"quantize={args.quantize}: format={form} is exported with quantize={allowed}")
    if args.quantize == 8 and form != "coreml" and not args.data:
        raise AyolomError("quantize=8 needs images to calibrate with; give the dataset YAML: data=cardamage.yaml")
    _check_machine(form, args)
    need(about.modules, f"format={form}", about.install)
    if form == "openvino" and args.quantize == 8:
        need(("nncf",), "quantize=8 with format=openvino", "pip install nncf")


def check_runtime(file: str, dnn: bool = False) -> None:
    """Check that what runs an exported file is here, before the base loads it.

    Args:
        file: An exported file of several tasks.
        dnn: Whether OpenCV shall run ONNX.

    Raises:
        AyolomError: Names what is missing and how to get it.
    """
    from ultralytics.nn.autobackend import AutoBackend

    about = FORMATS.get(AutoBackend._model_type(file, dnn) or "")
    if about is not None:
        need(about.runtime, f"{file}: {about.title}", about.install)


def _check_machine(form: str, args: Any) -> None:
    """Raise where the machine itself cannot write a format."""
    import torch

    if form == "engine" and not torch.cuda.is_available():
        raise AyolomError(
            "format=engine: TensorRT builds an engine on the GPU that will run it, and there is none here; export "
            "format=onnx and build the engine there, or run this command there"
        )
    if form == "coreml" and platform.system() == "Windows":
        raise AyolomError("format=coreml: is written on macOS or Linux; export format=onnx here")
    if (
        form == "coreml"
        and find_spec("coremltools")
        and _numbers("coremltools") < (9, 1)
        and _numbers("numpy") >= (2, 4)
    ):
        raise AyolomError('format=coreml: coremltools 9.0 fails with numpy 2.4 and newer: pip install "numpy<2.4"')
    if form == "torchscript" and args.quantize == 16 and not torch.cuda.is_available():
        raise AyolomError("quantize=16 with format=torchscript needs a GPU; leave it out, or take format=onnx")


def _numbers(package: str) -> tuple[int, ...]:
    """Return the first two numbers of an installed package's version."""
    return tuple(int(part) for part in re.findall(r"\d+", version(package))[:2])


def need(modules: tuple[str, ...], what: str, install: str) -> None:
    """Raise when a module cannot be imported.

    Args:
        modules: Names of modules.
        what: What needs them.
        install: The command that brings them.

    Raises:
        AyolomError: Names what is missing and how to get it; nothing is installed unasked.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise AyolomError(f"{what} needs {', '.join(missing)}, which is not installed: {install}")
