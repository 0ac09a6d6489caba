"""What an exported file says of itself: its tasks, the order and form of its outputs, and the versions that made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultralytics import __version__ as base_version
from ultralytics.engine.model import Model
from ultralytics.nn.backends.base import BaseBackend

from ayolom import __version__
from ayolom.engine._triton import served_metadata
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.engine.export_network import ExportNetwork

KEY = "ayolom"  # of our entry among the base's metadata
VERSION = 1
FOLDERS = ("labels", "masks", "polygons")  # of the machine that trained; no concern of who runs the file


def describe(network: ExportNetwork, imgsz: Sequence[int]) -> dict[str, Any]:
    """Return the description of a network that is about to be exported, as plain data.

    Args:
        network: The fused network with one output for each task.
        imgsz: (H, W) of the input that it is exported at.

    Returns:
        "tasks" in the order of the outputs, each with its `TaskSpec`, "axes", "content", "strides" and, where its
        confidences are calibrated, the "temperature" that is in the weights; "gates" as they
        stood after training; "end2end"; "stride" and "imgsz" in pixels; "format_version", "ayolom" and "ultralytics".
    """
    tasks = []
    for name, task in network.answered().items():
        head = network.head(name)
        spec = {key: value for key, value in task.spec.to_dict().items() if key not in FOLDERS}
        strides = [float(stride) for stride in head.stride]  # type: ignore[union-attr]
        temperatures = network.network.temperatures
        calibration = {"temperature": temperatures[name]} if name in temperatures else {}
        tasks.append({**spec, "strides": strides, **task.export_layout(head, network.form), **calibration})
    return {
        "format_version": VERSION,
        "ayolom": __version__,
        "ultralytics": base_version,
        "tasks": tasks,
        "gates": network.gates,
        "end2end": network.end2end,
        "stride": int(network.stride.max()),
        "imgsz": [int(side) for side in imgsz],
    }


def written(description: dict[str, Any]) -> str:
    """Return a description as JSON in plain ASCII, which every container of metadata keeps as it is."""
    return json.dumps(description)


def read_description(file: str | Path) -> dict[str, Any] | None:
    """Return the description inside an exported file, without loading the network; None where there is none of ours.

    Args:
        file: An exported file or folder of any format, or the address of one that Triton serves.

    Raises:
        AyolomError: A newer ayolom wrote it, or what it says is damaged.
    """
    if Model.is_triton_model(str(file)):
        return description_in(served_metadata(str(file)), str(file))
    path = Path(file)
    if path.suffix.lower() in {".pt", ".yaml", ".yml"} or not path.exists():
        return None
    return description_in(BaseBackend.read_metadata(path), str(file))


def description_in(metadata: Mapping[str, Any] | None, source: str) -> dict[str, Any] | None:
    """Return our description among the metadata of an exported file, None where there is none.

    Args:
        metadata: What the base reads from the file, or what a server tells.
        source: What to call the file in messages.

    Raises:
        AyolomError: A newer ayolom wrote it, or it is damaged.
    """
    text = (metadata or {}).get(KEY)
    if text is None:
        return None
    try:
        description = json.loads(text)
        version, tasks = int(description["format_version"]), description["tasks"]
    except (TypeError, ValueError, KeyError) as error:
        raise AyolomError(f"{source}: its description of the tasks is damaged; export it again") from error
    if version > VERSION:
        raise AyolomError(f"{source}: was exported by a newer ayolom (format {version}); update ayolom")
    if not isinstance(tasks, list) or not tasks:
        raise AyolomError(f"{source}: its description names no task; export it again")
    return dict(description)
