"""Checkpoints that are data: a state dict, the model's YAML and plain values, written whole or not at all.

Nothing in such a file can run code: it is read with `weights_only=True`, and the network is built anew from its YAML.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ayolom.errors import AyolomError
from ayolom.files import write_atomic

if TYPE_CHECKING:
    from ayolom.nn.model import MultiTaskModel

FORMAT = "ayolom"
VERSION = 1
MARK = b"ayolom-checkpoint"
RUN_STATE = ("model", "optimizer", "scaler", "updates", "stopper", "best_fitness", "best_task_fitness")


def write_checkpoint(file: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint so that a reader finds the old file or the new one, never a part.

    Args:
        file: Where to write.
        content: Tensors and plain values by name.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "mark": MARK.decode(), "format_version": VERSION, **content}, buffer)
    write_atomic(file, buffer.getbuffer())


def is_checkpoint(file: str | Path) -> bool:
    """Return whether a file is a checkpoint of this package, read from its index without loading it."""
    try:
        with zipfile.ZipFile(file) as archive:
            index = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
            return index is not None and MARK in archive.read(index)
    except (OSError, zipfile.BadZipFile, KeyError):
        return False


def read_checkpoint(file: str | Path) -> dict[str, Any]:
    """Read a checkpoint of this package.

    Raises:
        AyolomError: The file is missing, empty, cut short, or of another kind.
    """
    file = Path(file)
    if not file.is_file():
        raise AyolomError(f"{file}: no such checkpoint; check the path")
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, KeyError, ValueError) as error:
        if isinstance(error, pickle.UnpicklingError) and zipfile.is_zipfile(file):
            raise AyolomError(
                f"{file}: holds pickled code or types this package does not load, since loading them can run "
                "anything; pass trust=True only for a file you made yourself"
            ) from error
        raise AyolomError(
            f"{file}: is empty, cut short or damaged ({type(error).__name__}); take an earlier checkpoint, such as "
            "the best.pt or last.pt beside it"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise AyolomError(f"{file}: is not a checkpoint of ayolom")
    if content["format_version"] > VERSION:
        raise AyolomError(f"{file}: was written by a newer ayolom (format {content['format_version']}); update ayolom")
    return content


def build_model(content: dict[str, Any], live: bool = False) -> MultiTaskModel:
    """Build the network of a checkpoint and fill in its weights.

    Args:
        content: What `read_checkpoint` returned.
        live: Whether to take the weights in training instead of their moving average.

    Returns:
        The network in float32 and evaluation mode, with `args` and `settings` of its training.
    """
    from ayolom.balance import make_balance
    from ayolom.config import make_settings
    from ayolom.nn.model import MultiTaskModel

    model = MultiTaskModel(content["yaml"], verbose=False)
    model.args = dict(content["train_args"])
    model.settings = make_settings(content["settings"])
    model.temperatures = dict(content.get("temperatures", {}))
    model.balance = make_balance(model.settings.balance, list(model.tasks), model.settings.task_weights)
    state = content["model"] if live and content.get("model") else content["ema"]
    model.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})
    return model.eval()


def strip_checkpoint(file: Path) -> dict[str, Any]:
    """Rewrite a checkpoint without what only resuming needs, weights in half precision, and return its content."""
    content = {key: value for key, value in read_checkpoint(file).items() if key not in RUN_STATE}
    content["ema"] = {key: v.half() if v.is_floating_point() else v for key, v in content["ema"].items()}
    content["epoch"] = -1
    write_checkpoint(file, content)
    return content


def plain(value: Any) -> Any:
    """Return a value as plain data that `weights_only=True` reads: paths become text, numpy numbers numbers."""
    if isinstance(value, dict):
        return {str(key) if isinstance(key, Path) else key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str, bytes, torch.Tensor)):
        return value
    if hasattr(value, "item"):
        return value.item()
    return str(value)
