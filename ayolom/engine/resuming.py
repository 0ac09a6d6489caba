"""Going on with a training that was cut off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultralytics.cfg import get_cfg
from ultralytics.utils import LOGGER
from ultralytics.utils.checks import check_file
from ultralytics.utils.files import get_latest_run

from ayolom.config import make_settings
from ayolom.engine.checkpoint import read_checkpoint
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    import torch

    from ayolom.config import Settings

MAY_CHANGE = frozenset(  # less memory, another machine, another end
    {"imgsz", "batch", "device", "workers", "cache", "channels_last", "save_dir", "augmentations", "close_mosaic"}
    | {"save_period", "patience", "time", "freeze", "val", "plots"}
)
NOT_COMPARED = frozenset({"model", "data", "mode", "resume", "pretrained", "task"})


def resumed_settings(args: Any, overrides: dict[str, Any]) -> tuple[Any, Settings]:
    """Return the base's settings and ours of the run that is to go on.

    Args:
        args: The base's settings as given now; `resume` is a checkpoint, or True for the latest run's.
        overrides: The base's settings that the user gave now; those that may change are taken over.

    Raises:
        AyolomError: There is no such checkpoint, or it holds no run.
    """
    file = _checkpoint_file(args.resume)
    content = read_checkpoint(file)
    if content.get("optimizer") is None:
        raise AyolomError(f"{file}: training is finished; nothing to resume. Use it as model= of a new training")
    restored = get_cfg(overrides={**content["train_args"], **({"data": args.data} if args.data else {})})
    restored.model = restored.resume = str(file)
    restored.save_dir = restored.save_dir or str(file.parent.parent)
    for name, value in overrides.items():
        if name in MAY_CHANGE:
            setattr(restored, name, value)
        elif name not in NOT_COMPARED and value != getattr(restored, name, None):
            LOGGER.warning(f"resume keeps {name}={getattr(restored, name, None)}; start a new run to change it")
    return restored, make_settings(content["settings"])


def _checkpoint_file(resume: Any) -> Path:
    """Return the checkpoint that `resume` stands for."""
    given = resume if isinstance(resume, (str, Path)) and Path(resume).exists() else get_latest_run()
    if not given:
        raise AyolomError(
            f"resume={resume}: no checkpoint found; give one, such as resume=runs/multitask/train/weights/last.pt"
        )
    return Path(check_file(given))


class EmaState:
    """A state dict in the clothes of a module, as the base's loader asks for it."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        """Hold a state dict."""
        self._state = state

    def float(self) -> EmaState:
        """Return the same state in float32."""
        return EmaState({key: v.float() if v.is_floating_point() else v for key, v in self._state.items()})

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return the state dict."""
        return self._state
