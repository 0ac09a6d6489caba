"""What the machine at hand needs before the base runs on it; called on first use, never on import."""

from __future__ import annotations

import os
import sys
import types
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec

INSTALLS = "YOLO_AUTOINSTALL"  # read by the base when it is imported
REQUIREMENTS = "ULTRALYTICS_SKIP_REQUIREMENTS_CHECKS"  # read by the base at every check


def forbid_installs() -> None:
    """Keep the base from installing packages unasked, unless the user has said whether it may.

    By default the base runs `pip install` when it misses a package, even for an image that cannot be decoded. Its
    switch `YOLO_AUTOINSTALL` works only before the base is imported; after that, its checks are skipped instead, and a
    missing package shows when it is imported.
    """
    if INSTALLS in os.environ:
        return
    os.environ[INSTALLS] = "False"
    utils = sys.modules.get("ultralytics.utils")
    if getattr(utils, "AUTOINSTALL", False):
        os.environ.setdefault(REQUIREMENTS, "True")


def forbid_reports() -> None:
    """Keep OpenVINO from reporting over the network that it was imported and what it converted.

    It asks nobody first. Without its package `openvino_telemetry` it does nothing of the kind, so that is made to look
    missing in this process, unless it has been imported already.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


@cache
def ensure_torchvision() -> bool:
    """Make `import torchvision` safe where its compiled part was built for another PyTorch.

    The base imports torchvision in its validator and predictor and uses nothing of it but `ops.nms`. Where the real
    package cannot load (a CPU build of PyTorch beside torchvision's CUDA build is the usual case), a module with that
    function alone is put in its place for this process, and a warning says how to mend it. The base's own substitute
    in pure PyTorch is not used: over the thousands of candidates of an untrained network it runs into the base's time
    limit, and then boxes are missing from the score.

    Returns:
        Whether the real torchvision loads.
    """
    try:
        import_module("torchvision")
    except (ImportError, RuntimeError, OSError) as error:
        for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
            del sys.modules[name]
        sys.modules["torchvision"] = _stand_in()
        _warn(error)
        return False
    return True


def _stand_in() -> types.ModuleType:
    """Return a module `torchvision` that offers `ops.nms` and nothing else."""
    from ayolom.suppression import suppress

    module, ops = types.ModuleType("torchvision"), types.ModuleType("torchvision.ops")
    module.__spec__ = ModuleSpec("torchvision", loader=None)
    module.__version__ = "0.0.0+unavailable"  # type: ignore[attr-defined]
    ops.nms = suppress  # type: ignore[attr-defined]
    module.ops = ops  # type: ignore[attr-defined]
    return module


def _warn(error: Exception) -> None:
    """Say once what is wrong and what mends it."""
    import torch
    from ultralytics.utils import LOGGER

    minor = int(torch.__version__.split(".")[1])
    LOGGER.warning(
        f"torchvision does not load beside torch {torch.__version__} ({error}). Suppression of duplicate boxes "
        f"runs on OpenCV instead. To mend it: pip install 'torchvision==0.{minor + 15}.*' from the index of torch."
    )
