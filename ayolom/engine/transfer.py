"""Weights to start from: our own checkpoints, and the base's through its safe loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ultralytics.nn.tasks import torch_safe_load

from ayolom.engine.checkpoint import build_model, is_checkpoint, read_checkpoint
from ayolom.errors import AyolomError


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
        raise AyolomError(f"{file}: holds no network")
    return model


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
    except TypeError as error:
        if "outside the supported" in str(error):
            raise AyolomError(
                f"{file}: holds code or types beyond the base's own, and loading it could run anything; "
                "pass trust=True only for a file you made yourself"
            ) from error
        raise AyolomError(f"{file}: is empty, cut short or damaged; download or export it again") from error
