"""The commands `ayolom` and `yolo`: models of several tasks here, everything else by the base, unchanged."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Any

from ayolom import __version__, commands
from ayolom.compat import forbid_installs
from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from ayolom.model import YOLO

# What a user can mend, or what says enough by itself; anything else is a mistake of ours and shows where it arose.
EXPECTED = (OSError, SyntaxError, TypeError, ValueError, RuntimeError, AssertionError, ImportError, CalledProcessError)
INTERRUPTED = 130  # the shells' exit status for Ctrl-C
HELP_WORDS = {"help", "--help", "-h"}
TUNE_WORDS = ("iterations", "space", "use_ray", "grace_period", "gpu_per_trial")
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

  Small damage on large pictures, searched in overlapping tiles as well:
    yolo predict model=best.pt source=large.jpg tile=640

  Go on with a training that was cut off; start from other weights; keep parts of the network as they are:
    yolo train resume=runs/multitask/train/weights/last.pt
    yolo train model=aYOLOM26n.yaml data=mine.yaml pretrained=yolo26n.pt freeze=backbone

  Your own data, from what you have to a data set of several tasks (`yolo data --help`):
    yolo data import source=annotations.json task=damage out=datasets/mine
    yolo data check data=datasets/mine/data.yaml

  Models: aYOLOM26{n,s,m,l,x}.yaml (lighter, recommended), aYOLOM26{n,s,m,l,x}-p2.yaml (small damage),
  aYOLOM{n,s,m,l,x}.yaml (as published), aYOLOM{n,s}-bdd.yaml (three tasks)
  Settings: `yolo cfg` lists the base's, `ayolom cfg` ours. `ayolom checks` says whose `yolo` command is in place.
  AYOLOM_TRACEBACK=1 shows where an error arose. YOLO_AUTOINSTALL=True lets the base install packages that it misses.
"""


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit status: 0 done, 1 an error the user can mend, 130 interrupted.

    Args:
        argv: Program name and arguments; `sys.argv` when None.
    """
    argv = list(sys.argv if argv is None else argv)
    # Read when PyTorch is loaded. Threads that wait for each other spin, by default for a millisecond or so: beside
    # other work they take the time from the very threads that they wait for. Not to spin costs as much on a free
    # machine; a short spin is as fast there, and gives way sooner.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    forbid_installs()
    try:
        return _run(argv)
    except KeyboardInterrupt as interrupt:
        print(f"interrupted{''.join(map(str, interrupt.args))}", file=sys.stderr)
        return INTERRUPTED
    except EXPECTED as error:
        if os.environ.get("AYOLOM_TRACEBACK"):
            raise
        if not isinstance(error, (AyolomError, OSError, SyntaxError)):
            print("set AYOLOM_TRACEBACK=1 to see where this arose", file=sys.stderr)
        print(f"error: {error or type(error).__name__}", file=sys.stderr)
        return 1


def _run(argv: list[str]) -> int:
    """Do what a command line, program name first, says."""
    words = argv[1:]
    first = words[0].lstrip("-").lower() if words else "help"
    if first in commands.GROUPS[""]:
        return _run_command("", [first, *words[1:]])
    if first in commands.GROUPS:
        return _run_command(first, words[1:])
    if first in {"help", "h"} or "--help" in words:
        _base(argv)
        print(HELP)
        return 0
    if Path(argv[0]).stem == "ayolom" and first in _SPECIAL:
        return _SPECIAL[first](_parse(words[1:]))
    arguments = _parse(words)
    if _is_ours(arguments):
        _run_multitask(arguments)
    else:
        _check_files(arguments)
        _base([argv[0], *_without_trust(words)])
    return 0


def _run_command(group: str, words: list[str]) -> int:
    """Run one command of a group, such as `data check`, or print its help."""
    name, *rest = words or ["--help"]
    if name in HELP_WORDS:
        print(commands.overview(group))
        return 0
    if HELP_WORDS.intersection(rest):
        print(commands.load(group, name).usage())
        return 0
    return commands.run(group, name, _parse(rest))


def _base(argv: list[str]) -> None:
    """Hand a command line to the base, which reads `sys.argv`.

    The base saves pictures only for a program whose name ends with "yolo", so it is told that name.
    """
    from ultralytics.cfg import entrypoint

    from ayolom.compat import ensure_torchvision

    ensure_torchvision()
    program = argv[0] if argv[0].endswith("yolo") else "yolo"
    kept = sys.argv[:]
    sys.argv[:] = [program, *argv[1:]]
    try:
        entrypoint()
    finally:
        sys.argv[:] = kept


def _check_files(arguments: dict[str, Any]) -> None:
    """Raise for weights that are not there, damaged, or hold code and are not trusted, before the base loads them."""
    from ayolom.engine.transfer import check_network, is_missing

    for name in ("model", "pretrained", "resume"):
        file = arguments.get(name)
        if not isinstance(file, str) or not file.endswith(".pt"):
            continue
        if is_missing(file):
            raise AyolomError(f"{name}={file}: no such checkpoint; check the path")
        if Path(file).is_file():
            check_network(file, trust=arguments.get("trust") is True)


def _without_trust(words: list[str]) -> list[str]:
    """Return the words without `trust=`, which the base does not know; untouched where it is not given."""
    from ultralytics.cfg import merge_equals_args

    given = [word for word in merge_equals_args(words) if re.fullmatch(r"-*trust(=.*)?", word)]
    return [word for word in merge_equals_args(words) if word not in given] if given else words


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
            if isinstance(value, str) and value.startswith("{"):
                value = re.sub(r"(?<=[\w'\"]):(?=\S)", ": ", value)  # {damage:0.3} would be a word, not a mapping
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
        if joined and _is_open(joined[-1]):
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    if joined and _is_open(joined[-1]):
        raise AyolomError(f"{joined[-1]}: the brace is not closed; write it in quotes: 'conf={{damage: 0.3}}'")
    return joined


def _is_open(word: str) -> bool:
    """Return whether a brace in a word waits to be closed."""
    return word.count("{") > word.count("}")


def _is_ours(arguments: dict[str, Any]) -> bool:
    """Return whether a command is for a model of several tasks."""
    from ultralytics.utils.files import get_latest_run

    from ayolom.engine.artefact import read_description
    from ayolom.engine.checkpoint import is_checkpoint
    from ayolom.model import TASK, is_multitask_yaml

    if arguments.get("task") == TASK or arguments.get(TASK):
        return True
    files = [str(arguments[name]) for name in ("model", "resume") if isinstance(arguments.get(name), str)]
    if not files and arguments.get("resume") is True:
        files = [str(get_latest_run())]
    for file in files:
        if file.endswith((".yaml", ".yml")) and is_multitask_yaml(file):
            return True
        if file.endswith(".pt") and is_checkpoint(file):
            return True
        if read_description(file) is not None:
            return True
    return _has_tasks(arguments.get("data"))


def _has_tasks(data: Any) -> bool:
    """Return whether a dataset YAML describes several tasks; `YOLO` says so where the model is of one."""
    from ayolom.config import find_data_yaml
    from ayolom.data.schema import is_multitask

    try:
        return isinstance(data, str) and is_multitask(find_data_yaml(data))
    except AyolomError:
        return False


def _run_multitask(arguments: dict[str, Any]) -> None:
    """Run one mode of a model of several tasks."""
    from ayolom.model import TASK, YOLO, refuse_tasks

    mode = arguments.pop("mode", None)
    arguments.pop("task", None)
    arguments.pop(TASK, None)
    _check_words(mode, arguments)
    resume = arguments.get("resume")
    model = arguments.pop("model", None) or (resume if isinstance(resume, str) else "aYOLOM26n.yaml")
    if _is_of_one_task(str(model)):
        refuse_tasks(arguments.get("data"), model)
    yolo = YOLO(model, trust=arguments.get("trust") is True)
    if mode in {"predict", "track"}:
        _predict(yolo, mode, **{"save": True, **arguments})
        return
    try:
        getattr(yolo, mode)(**arguments)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_how_to_go_on(yolo)) from None


def _check_words(mode: Any, arguments: dict[str, Any]) -> None:
    """Raise where the mode is none, or a word is no setting."""
    from ultralytics.utils import DEFAULT_CFG_DICT

    from ayolom.config import BASE_EXTRAS, nearest_setting, setting_names

    known = {*DEFAULT_CFG_DICT, *setting_names(), *BASE_EXTRAS, "cfg", *(TUNE_WORDS if mode == "tune" else ())}
    for name in arguments:
        if name not in known:
            what = "setting" if mode else "mode or setting"
            raise AyolomError(f"{name}: no such {what}.{nearest_setting(name, known if mode else {*MODES, *known})}")
    if mode not in MODES:
        what = f"mode={mode}: no such mode.{nearest(str(mode), MODES)}" if mode else "the mode is missing."
        raise AyolomError(f"{what} Say what to do, one of {', '.join(MODES)}: yolo train model=... data=...")


def _predict(yolo: YOLO, mode: str, source: Any = None, **arguments: Any) -> None:
    """Predict or track, one result at a time; without a source on the pictures of the base."""
    from ultralytics.utils import ASSETS, LOGGER

    if source is None:
        source = ASSETS
        LOGGER.warning(f"source= is missing; using the pictures of the base in {source}")
    for _ in getattr(yolo, mode)(source=source, stream=True, **arguments) or ():
        pass  # none are left where the program is called yolo: there the base goes through them itself


def _is_of_one_task(model: str) -> bool:
    """Return whether a file is a checkpoint of the base, here or one that it would fetch."""
    from ayolom.engine.checkpoint import is_checkpoint
    from ayolom.engine.transfer import is_missing

    return model.endswith(".pt") and not is_checkpoint(model) and not is_missing(model)


def _how_to_go_on(yolo: YOLO) -> str:
    """Return what to do after an interrupted training, "" when nothing was trained."""
    last = getattr(yolo.trainer, "last", None)
    if last is None:
        return ""
    if not last.is_file():
        return " before the first epoch was over; nothing is kept"
    return f"; go on with: yolo train resume={last}"


if __name__ == "__main__":
    sys.exit(main())
