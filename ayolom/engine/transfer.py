"""Weights to start from: our own checkpoints, and the base's through its safe loading."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from torch import nn
from ultralytics.nn.tasks import torch_safe_load
from ultralytics.utils import SETTINGS, checks
from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES

from ayolom.engine.checkpoint import build_model, is_checkpoint, read_checkpoint
from ayolom.errors import AyolomError

# What reading bytes that are no checkpoint ends in, depending on the first of them.
DAMAGED = (
    *(TypeError, ValueError, KeyError, IndexError, AttributeError, AssertionError, RuntimeError, EOFError, OSError),
    pickle.UnpicklingError,
)


def read_weights(file: str | Path, trust: bool = False) -> Any:
    """Return a network to transfer weights from.

    Args:
        file: A checkpoint of ours or of the base.
        trust: Whether to load a file that holds other code than the base's.

    Raises:
        AyolomError: The file is missing, damaged, or holds code and is not trusted.
    """
    if is_checkpoint(file):
        return build_model(read_checkpoint(file))
    content = safe_content(file, trust)
    model = content.get("ema") or content.get("model")
    if model is None:
        raise AyolomError(f"{file}: holds no network; give a .pt file that a YOLO was saved to")
    return model


def check_network(file: str | Path, trust: bool = False) -> None:
    """Check a file before the base loads it by its own, trusting, ways.

    Args:
        file: A checkpoint of the base.
        trust: Whether it may hold other code than the base's.

    Raises:
        AyolomError: The file is missing, damaged, holds no network, or holds code and is not trusted.
    """
    content = safe_content(file, trust)
    if not isinstance(content.get("ema") or content.get("model"), nn.Module):
        raise AyolomError(f"{file}: holds no network; give a .pt file that a YOLO was saved to")


def safe_content(file: str | Path, trust: bool = False) -> dict[str, Any]:
    """Return the content of one of the base's checkpoints, read through its list of known classes.

    Args:
        file: The checkpoint; must exist, nothing is downloaded.
        trust: Whether to load what the list does not know.

    Raises:
        AyolomError: The file is missing, damaged, or holds code and is not trusted.
    """
    if not Path(file).is_file():
        raise AyolomError(f"{file}: no such file; weights are not downloaded, put the file there first")
    try:
        return torch_safe_load(str(file), safe_only=not trust)[0]
    except ImportError as error:
        raise AyolomError(f"{file}: needs a module that is not here ({error}); install it or add its path") from error
    except DAMAGED as error:
        if "outside the supported" in str(error):
            raise AyolomError(
                f"{file}: holds code or types beyond the base's own, and loading it could run anything; "
                "pass trust=True only for a file you made yourself"
            ) from error
        raise AyolomError(f"{file}: is empty, cut short or damaged; download or export it again") from error


def is_missing(file: str | Path) -> bool:
    """Return whether a checkpoint is neither on the disk nor one that the base fetches by its name or address."""
    name = checks.check_yolov5u_filename(str(file).strip(), verbose=False)
    if name.lower().startswith(checks.REMOTE_FILE_PREFIXES) or Path(name).name in GITHUB_ASSETS_NAMES:
        return False
    return not any(place.is_file() for place in (Path(name), Path(SETTINGS["weights_dir"]) / name))
