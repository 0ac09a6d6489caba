"""The commands `ayolom` and `yolo`: models of several tasks here, everything else by the base, unchanged."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ayolom import __version__
from ayolom.errors import AyolomError, nearest

MODES = ("train", "val", "predict", "track", "export", "tune", "benchmark")
HELP = """
ayolom: one YOLO network for several tasks, such as damage (boxes) and parts (a class for every pixel).

    yolo MODE model=... [setting=value ...]      the same as: ayolom MODE ...

  Train on the set that is drawn on first use, then score and use what came out:
    yolo train model=aYOLOM26n.yaml data=cardamage.yaml epochs=30 imgsz=320
    yolo val model=runs/multitask/train/weights/best.pt data=cardamage.yaml
    yolo predict model=runs/multitask/train/weights/best.pt source=car.jpg        (folder, "*.jpg", walk.mp4, 0)

  Some tasks only, or other thresholds for one task:
    yolo predict model=best.pt source=walk.mp4 only_tasks=[parts] show_speed=True
    yolo predict model=best.pt source=cars/ "conf={damage: 0.4}"

  Go on with a training that was cut off; start from other weights; keep parts of the network as they are:
    yolo train resume=runs/multitask/train/weights/last.pt
    yolo train model=aYOLOM26n.yaml data=mine.yaml pretrained=yolo26n.pt freeze=backbone

  Models: aYOLOM26{n,s,m,l,x}.yaml (lighter, recommended), aYOLOM{n,s,m,l,x}.yaml (as published), aYOLOM{n,s}-bdd.yaml
  Settings: `yolo cfg` lists the base's, `ayolom cfg` ours. `ayolom checks` says whose `yolo` command is in place.
  AYOLOM_TRACEBACK=1 shows where an error arose.
"""


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit status: 0 done, 1 an error the user can mend, 130 interrupted.

    Args:
        argv: Program name and arguments; `sys.argv` when None.
    """
    program, *words = sys.argv if argv is None else argv
    try:
        return _run(Path(program).stem, words)
    except KeyboardInterrupt:
        print("interrupted; a training goes on with: yolo train resume=<run>/weights/last.pt", file=sys.stderr)
        return 130
    except (AyolomError, OSError, SyntaxError, TypeError, ValueError, RuntimeError) as error:
        if os.environ.get("AYOLOM_TRACEBACK"):
            raise
        if not isinstance(error, (AyolomError, OSError, SyntaxError)):
            print("set AYOLOM_TRACEBACK=1 to see where this arose", file=sys.stderr)
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(program: str, words: list[str]) -> int:
    """Do what the words say."""
    first = words[0].lstrip("-").lower() if words else "help"
    if first in {"help", "h"} or "--help" in words:
        _base()
        print(HELP)
        return 0
    if program == "ayolom" and first in _SPECIAL:
        return _SPECIAL[first](_parse(words[1:]))
    arguments = _parse(words)
    if not _is_ours(arguments):
        _base()
        return 0
    _run_multitask(arguments)
    return 0


def _base() -> None:
    """Hand the command line to the base as it was typed."""
    from ultralytics.cfg import entrypoint

    from ayolom.compat import ensure_torchvision

    ensure_torchvision()
    entrypoint()


def _checks(arguments: dict[str, Any]) -> int:
    """Report on the base and on the `yolo` command; write ours back where `mend` asks for it."""
    from ultralytics.utils.checks import collect_system_info

    from ayolom.checks import run_checks

    collect_system_info()
    return run_checks(mend=bool(arguments.get("mend") or arguments.get("fix")))


def _version(_: dict[str, Any]) -> int:
    """Print our version and the base's."""
    from ultralytics import __version__ as base

    print(f"ayolom {__version__} on ultralytics {base}")
    return 0


def _settings(_: dict[str, Any]) -> int:
    """Print our settings with their defaults."""
    from ayolom.config import cfg_dir

    print((cfg_dir() / "default.yaml").read_text(encoding="utf-8"))
    return 0


_SPECIAL = {"checks": _checks, "version": _version, "cfg": _settings}


def _parse(words: list[str]) -> dict[str, Any]:
    """Return the command line as settings by name; bare words are the mode, a task, or a switch set to True."""
    from ultralytics.cfg import merge_equals_args, parse_key_value_pair

    arguments: dict[str, Any] = {}
    for word in _join_braces(merge_equals_args(words)):
        word = word.lstrip("-").rstrip(",")
        if "=" in word:
            name, value = parse_key_value_pair(word)
            arguments[name] = value
        elif word in MODES:
            arguments["mode"] = word
        else:
            arguments[word] = True
    return arguments


def _join_braces(words: list[str]) -> list[str]:
    """Put together what a shell has split inside braces, such as `conf={damage:` and `0.3}`."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].count("{") > joined[-1].count("}"):
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


def _is_ours(arguments: dict[str, Any]) -> bool:
    """Return whether a command is for a model of several tasks."""
    from ayolom.engine.checkpoint import is_checkpoint
    from ayolom.model import TASK, is_multitask_yaml

    if arguments.get("task") == TASK or arguments.get(TASK):
        return True
    files = [str(arguments[name]) for name in ("model", "resume") if isinstance(arguments.get(name), str)]
    for file in files:
        if file.endswith((".yaml", ".yml")) and is_multitask_yaml(file):
            return True
        if file.endswith(".pt") and is_checkpoint(file):
            return True
    return not files and _has_tasks(arguments.get("data"))


def _has_tasks(data: Any) -> bool:
    """Return whether a dataset YAML, named without a model, describes several tasks."""
    from ayolom.config import find_data_yaml
    from ayolom.data.schema import is_multitask

    try:
        return isinstance(data, str) and is_multitask(find_data_yaml(data))
    except AyolomError:
        return False


def _run_multitask(arguments: dict[str, Any]) -> None:
    """Run one mode of a model of several tasks."""
    from ultralytics.utils import ASSETS, DEFAULT_CFG_DICT, LOGGER

    from ayolom.config import setting_names
    from ayolom.model import TASK, YOLO

    mode = arguments.pop("mode", None)
    if mode not in MODES:
        raise AyolomError(f"mode={mode}: say what to do, one of {', '.join(MODES)}.{nearest(str(mode), MODES)}")
    arguments.pop("task", None)
    arguments.pop(TASK, None)
    known = {*DEFAULT_CFG_DICT, *setting_names(), "cfg", "augmentations", "save_dir"}
    for name in arguments:
        if name not in known:
            raise AyolomError(f"{name}: no such setting.{nearest(name, known)}")
    resume = arguments.get("resume")
    model = arguments.pop("model", None) or (resume if isinstance(resume, str) else "aYOLOM26n.yaml")
    yolo = YOLO(model, trust=bool(arguments.get("trust")))
    if mode in {"predict", "track"}:
        source = arguments.pop("source", None)
        if source is None:
            source = ASSETS
            LOGGER.warning(f"source= is missing; using the pictures of the base in {source}")
        for _ in getattr(yolo, mode)(source=source, stream=True, **{"save": True, **arguments}):
            pass
        return
    getattr(yolo, mode)(**arguments)


if __name__ == "__main__":
    sys.exit(main())
