"""The real torchvision, or as much of it as loads beside the installed PyTorch."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from types import ModuleType

SUPPRESSION = ("nms", "qnms")  # operations that `import torchvision` names before it is known whether they are there
_declared: list[Any] = []  # a declaration lasts as long as its library


@cache
def torchvision() -> ModuleType:
    """Return torchvision with its networks.

    Where its compiled part was built for another PyTorch, the rest is Python and runs all the same: suppression of
    boxes is then OpenCV's, as everywhere in this package, and torchvision's own version of RoI align in PyTorch runs.
    Results mean the same, times do not, and a warning says so.

    Raises:
        AyolomError: torchvision is not installed, or does not load even so.
    """
    if getattr(sys.modules.get("torchvision"), "__file__", None) is None:
        _forget()  # the stand-in of ensure_torchvision, which has no networks
    try:
        return import_module("torchvision")
    except ModuleNotFoundError as error:
        raise AyolomError(f"torchvision is not installed ({error}); {_remedy()}") from None
    except (ImportError, RuntimeError, OSError) as error:
        return _without_compiled_part(error)


def is_compiled() -> bool:
    """Return whether torchvision's compiled operations are there."""
    return bool(torchvision().extension._has_ops())


def loaded_version() -> str | None:
    """Return the version that this process has loaded, and whether its compiled part is missing; None without any."""
    module = sys.modules.get("torchvision")
    if module is None or getattr(module, "__file__", None) is None:  # none, or the stand-in of ensure_torchvision
        return None
    return f"{module.__version__}{'' if module.extension._has_ops() else ' without its compiled part'}"


def _without_compiled_part(first: Exception) -> ModuleType:
    """Return torchvision with suppression from elsewhere."""
    import torch
    from ultralytics.utils import LOGGER

    from ayolom.suppression import suppress

    _forget()
    try:
        library = torch.library.Library("torchvision", "FRAGMENT")
        _declared.append(library)
        for name in SUPPRESSION:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        module = import_module("torchvision")
        module.ops.nms = module.ops.boxes.nms = suppress
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise AyolomError(
            f"torchvision does not load beside torch {torch.__version__} ({first}; {error}), and its networks need it; "
            f"{_remedy()}"
        ) from None
    LOGGER.warning(
        f"the compiled part of torchvision {module.__version__} does not load beside torch {torch.__version__}: its "
        "networks suppress boxes by OpenCV and align regions in plain PyTorch, which takes longer. To mend it: "
        f"{_remedy()}"
    )
    return module


def _forget() -> None:
    """Forget what an import has left."""
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]


def _remedy() -> str:
    """Return the command that installs what fits."""
    import torch

    minor = int(torch.__version__.split(".")[1])
    return f"pip install 'torchvision==0.{minor + 15}.*' from the index that torch {torch.__version__} came from"
