"""Export of all tasks into one file with an output of its name for each."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from ultralytics.data.build import build_dataloader
from ultralytics.engine.exporter import Exporter
from ultralytics.utils import LOGGER, YAML, colorstr

from ayolom.compat import forbid_reports
from ayolom.engine._onnx_names import name_axes, name_outputs
from ayolom.engine._triton import write_repository
from ayolom.engine.artefact import KEY, describe, written
from ayolom.engine.by_task import chosen_tasks
from ayolom.engine.export_formats import FORMATS, check_request, checked_format
from ayolom.engine.export_network import ExportNetwork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch.utils.data import DataLoader

    from ayolom.nn.model import MultiTaskModel


class MultiTaskExporter(Exporter):
    """The base's exporter for a network of several tasks.

    What it makes is built in a folder of its own and moved into place when it is whole.

    Attributes:
        description: What the file will say of itself (see `artefact.describe`).
        for_triton: Whether ONNX is written into a model repository.
        file: The checkpoint, whose name and folder the export takes.
    """

    description: dict[str, Any]
    for_triton: bool = False
    file: Path

    def __call__(self, model: MultiTaskModel, only: list[str] | None = None) -> str:
        """Export a network.

        Args:
            model: The network, which is left as it is.
            only: Names of the tasks to export; None exports all.

        Returns:
            The file or folder.

        Raises:
            AyolomError: The format, a setting or a missing package stands in the way.
        """
        form = checked_format(self.args.format)
        check_request(form, self.args)
        self.for_triton = form == "triton"
        form = self.args.format = "onnx" if self.for_triton else form
        forbid_reports()
        chosen = chosen_tasks(only, list(model.tasks))
        if self.args.nms is False and not FORMATS[form].end2end:
            LOGGER.warning(f"format={form} has no top-k; boxes are exported before suppression")
            self.args.nms = None
        return str(super().__call__(ExportNetwork(model, form, chosen)))

    # Formats ----------------------------------------------------------------------------------------------------------
    def export_torchscript(self, *_: Any) -> str:
        """Write TorchScript; the order of the outputs is in the metadata."""
        return self._staged(super().export_torchscript)

    def export_onnx(self, *_: Any) -> str:
        """Write ONNX with the tasks' names on the outputs."""
        return self._staged(self._repository if self.for_triton else self._named_onnx)

    def export_openvino(self, *_: Any) -> str:
        """Write OpenVINO's two files with the tasks' names on the outputs."""
        return self._staged(self._named_openvino)

    def export_ncnn(self, *_: Any) -> str:
        """Write NCNN's two files; output `out0` is the first task's, and so on."""
        return self._staged(super().export_ncnn)

    def export_engine(self, *_: Any) -> str:
        """Build a TensorRT engine from the named ONNX graph."""
        return self._staged(super().export_engine)

    def export_coreml(self, *_: Any) -> str:
        """Write a Core ML package with the tasks' names on the outputs."""
        return self._staged(self._named_coreml)

    def _named_onnx(self) -> str:
        """Export to ONNX as the base does, then name outputs and axes."""
        onnx = import_module("onnx")
        file = str(super().export_onnx())
        content = onnx.load(file)
        tasks = self.description["tasks"]
        name_outputs(content.graph, [task["name"] for task in tasks])
        if self.args.dynamic:
            name_axes(content.graph, [task["axes"] for task in tasks])
        onnx.save(content, file)
        return file

    def _repository(self) -> str:
        """Export to ONNX and put the file into a model repository for Triton."""
        file = Path(self._named_onnx())
        graph = import_module("onnx").load(file, load_external_data=False).graph
        return str(write_repository(file, graph, self.metadata))

    def _named_openvino(self) -> str:
        """Convert as the base does, name the outputs, and save."""
        from ultralytics.utils.export.openvino import torch2openvino

        prefix, quantize = colorstr("OpenVINO:"), self.args.quantize
        calibration = None
        if quantize == 8:
            calibration = import_module("nncf").Dataset(
                self.get_int8_calibration_dataloader(prefix), self._transform_fn
            )
        converted = torch2openvino(
            model=self.model,
            im=self.im,
            dynamic=self.args.dynamic,
            quantize=quantize,
            calibration_dataset=calibration,
            int8_detect=any(task.box_classes for task in self.model.answered().values()),
            prefix=prefix,
        )
        for output, task in zip(converted.outputs, self.description["tasks"], strict=True):
            output.get_tensor().set_names({task["name"]})
        folder = self.file.with_name(f"{self.file.stem}_{'int8_' if quantize == 8 else ''}openvino_model")
        folder.mkdir()
        import_module("openvino").save_model(
            converted, folder / f"{self.file.stem}.xml", compress_to_fp16=quantize == 16
        )
        YAML.save(folder / "metadata.yaml", self.metadata)
        return str(folder)

    def _named_coreml(self) -> str:
        """Export to Core ML as the base does, then name the outputs."""
        coremltools = import_module("coremltools")
        package = Path(super().export_coreml())
        model = coremltools.models.MLModel(str(package), skip_model_load=True)
        spec = model.get_spec()
        for output, task in zip(list(spec.description.output), self.description["tasks"], strict=True):
            coremltools.utils.rename_feature(spec, output.name, task["name"])
        weights = model.weights_dir
        named = coremltools.models.MLModel(spec, weights_dir=weights, skip_model_load=True)
        target = package.with_name(f"named_{package.name}")
        named.save(str(target))
        shutil.rmtree(package)
        target.replace(package)
        return str(package)

    # What all formats share -------------------------------------------------------------------------------------------
    def _staged(self, export: Callable[[], Any]) -> str:
        """Return where the result of an export lies, moved there from a folder of its own when it is whole."""
        self.description = describe(self.model, self.imgsz)
        self._tell_metadata()
        target = self.file.parent
        with _stage(self.file) as staged:
            self.file = staged
            try:
                made = Path(export())
            finally:
                self.file = target / staged.name
            place = target / made.name
            _replace(made, place)
        return str(place)

    def _tell_metadata(self) -> None:
        """Add our description to the base's metadata, and say nothing of the machine that trained."""
        names = ", ".join(task["name"] for task in self.description["tasks"])
        self.metadata.update(
            {"description": f"ayolom model of {names}", "author": "ayolom", KEY: written(self.description)}
        )
        self.metadata["end2end"] = self.description["end2end"]
        self.metadata["args"] = {key: value for key, value in self.metadata["args"].items() if key != "data"}

    def get_int8_calibration_dataloader(self, prefix: str = "") -> DataLoader:
        """Return the images of a split as the base's calibration reads them, through our own data set."""
        from ayolom.data.build import build_dataset
        from ayolom.data.schema import load_schema
        from ayolom.tasks import make_task

        split = self.args.split or "val"
        LOGGER.info(f"{prefix} calibrating INT8 with the {split} images of {self.args.data}")
        schema = load_schema(self.args.data)
        args = deepcopy(self.args)
        args.imgsz, args.rect = list(self.imgsz), False
        tasks = [make_task(spec) for spec in schema.tasks.values()]
        dataset = build_dataset(
            schema, tasks, split, args=args, batch=self.args.batch, stride=int(self.model.stride.max()), augment=False
        )
        batch = min(self.args.batch, len(dataset))
        return build_dataloader(dataset, batch=batch, workers=0, drop_last=True)


@contextmanager
def _stage(file: Path) -> Iterator[Path]:
    """Yield a file of the same name in a fresh folder beside it, which is removed afterwards."""
    file.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=".export-", dir=file.parent))
    try:
        yield folder / file.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(made: Path, place: Path) -> None:
    """Move a file or folder into place; what an earlier export left there makes room."""
    if place.is_dir() and not place.is_symlink():
        old = Path(mkdtemp(prefix=".export-", dir=place.parent))
        os.replace(place, old / place.name)
        os.replace(made, place)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(made, place)
