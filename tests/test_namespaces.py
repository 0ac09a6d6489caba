"""Importing and using ayolom leaves the base's modules and the process as they were (each case in a fresh process)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SNAPSHOT = """
import json, locale, logging, os, random, signal, sys, warnings
import cv2, numpy, torch
import ultralytics, ultralytics.utils.loss, ultralytics.data.augment, ultralytics.data.build
import ultralytics.models.yolo, ultralytics.nn.tasks, ultralytics.engine.exporter, ultralytics.utils.plotting

def namespaces():
    # Names and identities of all that the base's modules hold, and of all that their classes hold.
    state = {}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] != "ultralytics" or module is None:
            continue
        for key, value in list(vars(module).items()):
            if getattr(value, "__name__", None) == f"{name}.{key}":
                continue  # a module of the base imported later appears in its package; nobody wrote it there
            state[f"{name}.{key}"] = id(value)
            if isinstance(value, type) and value.__module__ == name:
                state.update({f"{name}.{key}.{k}": id(v) for k, v in vars(value).items()})
            if isinstance(value, (dict, list, set, frozenset)) and not key.startswith("__"):
                state[f"{name}.{key} holds"] = sorted(map(str, value))
    return state

def process():
    return {
        "torch threads": torch.get_num_threads(),
        "torch interop threads": torch.get_num_interop_threads(),
        "torch default dtype": str(torch.get_default_dtype()),
        "torch default device": str(torch.get_default_device()),
        "torch gradients": torch.is_grad_enabled(),
        "torch deterministic": torch.are_deterministic_algorithms_enabled(),
        "torch generator": torch.initial_seed(),
        "torch matmul": torch.get_float32_matmul_precision(),
        "torch printing": str(vars(torch._tensor_str.PRINT_OPTS)),
        "torch safe globals": sorted(map(str, torch.serialization.get_safe_globals())),
        "torch load": id(torch.load), "torch save": id(torch.save),
        "cv2 threads": cv2.getNumThreads(), "cv2 functions": [id(cv2.imread), id(cv2.imwrite), id(cv2.imshow)],
        "numpy printing": str(numpy.get_printoptions()), "numpy errors": str(numpy.geterr()),
        "numpy generator": str(numpy.random.get_state()[1][:4]), "random": hash(random.getstate()),
        "environment": sorted(os.environ.items()), "folder": os.getcwd(), "path": list(sys.path),
        "warnings": str(warnings.filters), "formatwarning": id(warnings.formatwarning),
        "excepthook": id(sys.excepthook), "signals": [str(signal.getsignal(s)) for s in signal.valid_signals()],
        "locale": str(locale.getlocale()),
        "logging": {name: (logger.level, logger.propagate, [str(h) for h in logger.handlers], len(logger.filters))
                    for name, logger in [("", logging.getLogger()), *logging.Logger.manager.loggerDict.items()]
                    if isinstance(logger, logging.Logger)
                    and (logger.handlers or name == "" or name.startswith("ultralytics"))},
    }

def differences(before, after):
    modules = {key.rpartition(".")[0] for key in before}
    known = {key for key in after if key in before or key.rpartition(".")[0] in modules}
    return sorted(key for key in known | set(before) if before.get(key) != after.get(key))
"""

COMPARE = """
names, state = namespaces(), process()
{action}
print(json.dumps({{"namespaces": differences(names, namespaces()), "process": differences(state, process())}}))
"""

IMPORT = """
import ayolom
from ayolom import YOLO, AyolomError
import ayolom.cli, ayolom.checks, ayolom.config, ayolom.model
"""

EVERY_MODULE = """
import importlib, pkgutil, ayolom
for found in pkgutil.walk_packages(ayolom.__path__, "ayolom."):
    importlib.import_module(found.name)
"""

# The base's own model sets what the base sets (an environment variable of CUDA); ours must add nothing to that.
BASE_MODEL = "ultralytics.YOLO('yolo26n.yaml')"

BUILD = """
from ayolom import YOLO
model = YOLO("aYOLOM26n.yaml")
model.model.eval()
with torch.no_grad():
    model.model(torch.zeros(1, 3, 64, 64))
"""


def fresh(code: str, root: Path) -> str:
    """Run code in a process of its own and return its last line."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("action", [pytest.param(IMPORT, id="import"), pytest.param(EVERY_MODULE, id="every-module")])
def test_import_changes_nothing_outside_the_package(action: str, root: Path) -> None:
    changed = json.loads(fresh(SNAPSHOT + COMPARE.format(action=action), root))
    assert changed == {"namespaces": [], "process": []}


def test_building_and_running_a_model_writes_nothing_into_the_base(root: Path) -> None:
    changed = json.loads(fresh(SNAPSHOT + BASE_MODEL + COMPARE.format(action=BUILD), root))
    assert changed["namespaces"] == []
    assert set(changed["process"]) <= {"random", "numpy generator"}


def test_snapshot_notices_a_patch(root: Path) -> None:
    """The witness itself: what the two tests above rule out is seen when it is done."""
    patch = "import ultralytics.nn.tasks as t; t.C2f = t.Conv; t.DetectionModel.loss = None; torch.set_num_threads(3)"
    changed = json.loads(fresh(SNAPSHOT + COMPARE.format(action=patch), root))
    assert changed["namespaces"] == ["ultralytics.nn.tasks.C2f", "ultralytics.nn.tasks.DetectionModel.loss"]
    assert changed["process"] == ["torch threads"]


def test_import_is_light(root: Path) -> None:
    """`import ayolom` alone loads neither PyTorch nor OpenCV nor the base; the first use of `YOLO` does."""
    code = "import sys; before = set(sys.modules); import ayolom; print(len(set(sys.modules) - before), {heavy})"
    heavy = "[name for name in ('torch', 'cv2', 'numpy', 'ultralytics', 'matplotlib') if name in sys.modules]"
    count, names = fresh(code.replace("{heavy}", heavy), root).split(" ", 1)
    assert names == "[]"
    assert int(count) < 40


@pytest.mark.parametrize("module", ["config", "checks", "errors", "cli"])
def test_modules_of_the_command_line_load_without_pytorch(module: str, root: Path) -> None:
    code = f"import sys, ayolom.{module}; print([n for n in ('torch', 'cv2', 'ultralytics') if n in sys.modules])"
    assert fresh(code, root) == "[]"
