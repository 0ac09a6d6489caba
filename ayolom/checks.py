"""Whose `yolo` command is in place, and which versions an installation runs with.

The base installs a command `yolo` too, and the one written last wins: ours after `pip install ayolom`, the base's after
a later reinstall of the base, either of the two after a parallel installer.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Literal

from ayolom import __version__
from ayolom.errors import AyolomError

OURS, BASE = "ayolom", "ultralytics"
Owner = Literal["ayolom", "ultralytics", "other", "missing"]
_IMPORT = re.compile(rb"(?:from|import)\s+(ayolom|ultralytics)\b")
_OPENCV = tuple(f"opencv-{contrib}python{headless}" for contrib in ("", "contrib-") for headless in ("", "-headless"))


@dataclass(frozen=True)
class Command:
    """A console command of this environment.

    Attributes:
        path: Its file; where it would lie when it is missing.
        owner: The package that it calls.
    """

    path: Path
    owner: Owner


def which_yolo() -> Command:
    """Return the `yolo` of this environment and the package that it calls, read from the command's own file."""
    path = _command_file("yolo")
    if not path.is_file():
        return Command(path, "missing")
    found = _IMPORT.search(path.read_bytes())
    if found is None:
        return Command(path, "other")
    return Command(path, "ayolom" if found.group(1) == OURS.encode() else "ultralytics")


def mend_yolo() -> Command:
    """Write our `yolo` over whatever is in its place: a copy of the command `ayolom`, which calls the same function.

    Returns:
        The command as it then is.

    Raises:
        AyolomError: The command `ayolom` is not installed here, or the folder cannot be written.
    """
    ours, yolo = _command_file(OURS), _command_file("yolo")
    if not ours.is_file():
        raise AyolomError(f"{ours}: the command is missing; install the package first: pip install ayolom")
    try:
        _copy_atomic(ours, yolo)
    except OSError as error:
        raise AyolomError(f"{yolo}: cannot be written ({error}); run this as the owner of that folder") from error
    return which_yolo()


def report_lines() -> list[str]:
    """Return what is installed, one line each, and a line of advice for each thing that is not as it should be."""
    lines = [
        f"ayolom        {__version__} in {Path(__file__).resolve().parent}",
        f"Python        {sys.version.split()[0]} in {sys.prefix}",
        *(f"{name:13} {_version(name)}" for name in (BASE, "torch", "torchvision", "numpy", "albumentations")),
        f"OpenCV        {_opencv()}",
        *_yolo_lines(which_yolo()),
    ]
    return [*lines, *_advice()]


def run_checks(mend: bool = False) -> int:
    """Log the report of `ayolom checks`; with `mend` put our `yolo` in place first.

    Returns:
        Exit status: 0 when `yolo` is ours, else 1.
    """
    from ultralytics.utils import LOGGER

    if mend and which_yolo().owner != "ayolom":
        mend_yolo()
    for line in report_lines():
        LOGGER.info(line)
    return 0 if which_yolo().owner == "ayolom" else 1


def _command_file(name: str) -> Path:
    """Return the file of a console command: where the package's own record says, else the environment's folder."""
    names = {name, f"{name}.exe"}
    try:
        recorded = distribution(OURS).files or []
    except PackageNotFoundError:
        recorded = []
    for file in recorded:
        if file.name in names and file.parent.name in {"bin", "Scripts"}:
            return Path(os.path.normpath(str(file.locate())))
    suffix = ".exe" if os.name == "nt" else ""
    return Path(sysconfig.get_path("scripts")) / f"{name}{suffix}"


def _copy_atomic(source: Path, target: Path) -> None:
    """Copy a file with its permissions so that a reader sees the old or the new one, never half of it."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    os.close(handle)
    try:
        shutil.copy2(source, temporary)
        os.replace(temporary, target)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _version(name: str) -> str:
    """Return the version of an installed distribution, or "not installed"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _opencv() -> str:
    """Return the installed OpenCV distributions with their versions; they all write the same folder `cv2`."""
    present = [f"{name} {_version(name)}" for name in _OPENCV if _version(name) != "not installed"]
    return " and ".join(present) or "not installed"


def _yolo_lines(command: Command) -> list[str]:
    """Return whose `yolo` is in place, and which one the shell finds when that is another file."""
    text = {
        "ayolom": "is ayolom's",
        "ultralytics": "is the base's: it knows no multi-task model. `ayolom checks mend=True` puts ayolom's in place",
        "other": "calls neither ayolom nor ultralytics. `ayolom checks mend=True` puts ayolom's in place",
        "missing": "is missing. `ayolom checks mend=True` puts ayolom's in place",
    }[command.owner]
    lines = [f"yolo          {command.path} {text}"]
    first = shutil.which("yolo")
    if first and command.owner != "missing" and not os.path.samefile(first, command.path):
        lines.append(f"              but the shell finds {first} first; activate this environment or change PATH")
    return lines


def _advice() -> list[str]:
    """Return one line for each known trap that this installation has stepped into."""
    lines = []
    if (wanted := _pinned_base()) and _version(BASE) not in {wanted, "not installed"}:
        lines.append(f"Advice: ayolom is made for ultralytics {wanted}: pip install ultralytics=={wanted}")
    if _version("albumentationsx") != "not installed":
        lines.append(
            "Advice: albumentationsx writes the same folder as albumentations and the base cannot use its newer "
            "versions: pip uninstall -y albumentationsx; pip install --force-reinstall --no-deps 'albumentations<2.1'"
        )
    if len({part.rsplit(" ", 1)[-1] for part in _opencv().split(" and ")}) > 1:
        lines.append("Advice: the OpenCV packages share one folder and differ in version; install the same of each")
    return lines


def _pinned_base() -> str | None:
    """Return the version of the base that the installed package asks for, or None when it is not installed."""
    try:
        requires = distribution(OURS).requires or []
    except PackageNotFoundError:
        return None
    pins = (re.match(rf"{BASE}==([\w.]+)$", requirement) for requirement in requires)
    return next((pin.group(1) for pin in pins if pin), None)
