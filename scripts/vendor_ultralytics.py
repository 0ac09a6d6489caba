#!/usr/bin/env python3
"""Lay the pinned base as `ultralytics/` beside `ayolom/`, for those who want the shape of a fork.

    python scripts/vendor_ultralytics.py              # unpack it; nothing happens when it is there already
    python scripts/vendor_ultralytics.py --remove     # take it away again

The wheel is fetched with pip, checked against the hash below, and unpacked. Two marked blocks are added at the end of
two of its files: after that, for code that runs in this checkout, `from ultralytics import YOLO` gives ayolom's `YOLO`
and the base's own command line knows models of several tasks. The folder is ignored by git; nothing of the base is
ever committed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSION = "8.4.190"
SHA256 = "bd309728efa168af64d39040136828edd2dbcb4aeceb4510bdff4f3ca0ea01b8"
ROOT = Path(__file__).resolve().parents[1]
MARK = ".vendored-by-ayolom.json"

HOOKS = {
    "__init__.py": '''

# Added by scripts/vendor_ultralytics.py of ayolom: the name YOLO is ayolom's, which builds on this package and hands
# models of one task to it unchanged. Imported on first use, because ayolom imports this package.
_getattr_of_the_base = __getattr__


def __getattr__(name: str):
    """Return ayolom's YOLO for that name, and the base's own names otherwise."""
    if name == "YOLO":
        return importlib.import_module("ayolom").YOLO
    return _getattr_of_the_base(name)
''',
    "cfg/__init__.py": '''

# Added by scripts/vendor_ultralytics.py of ayolom: the command line goes through ayolom's first, which comes back here
# for everything that is not a model of several tasks.
_entrypoint_of_the_base = entrypoint
_in_ayolom = []


def entrypoint(debug: str = "") -> None:
    """Run ayolom's command line, or the base's when ayolom has handed it on."""
    if debug or _in_ayolom:
        return _entrypoint_of_the_base(debug)
    _in_ayolom.append(True)
    from ayolom.cli import main

    raise SystemExit(main())
''',
}


class VendorError(Exception):
    """Something the user can mend; the message says how."""


def main(arguments: list[str] | None = None) -> int:
    """Unpack or remove the base; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--remove", action="store_true", help="remove what this script has unpacked")
    parser.add_argument("--force", action="store_true", help="replace or remove the folder even if it is not as left")
    parser.add_argument("--wheel", type=Path, help=f"ultralytics-{VERSION}-py3-none-any.whl, instead of fetching it")
    options = parser.parse_args(arguments)
    try:
        if options.remove:
            print(remove(ROOT, force=options.force))
        else:
            print(vendor(ROOT, wheel=options.wheel, force=options.force))
    except VendorError as error:
        print(f"Stopped: {error}", file=sys.stderr)
        return 1
    return 0


def vendor(root: Path, wheel: Path | None = None, force: bool = False) -> str:
    """Unpack the base below `root`, all of it or nothing.

    Args:
        root: Folder that gets `ultralytics/`.
        wheel: The wheel; fetched with pip when None.
        force: Whether a folder that this script did not leave so may be replaced.

    Returns:
        What was done, in a sentence.

    Raises:
        VendorError: There is another `ultralytics/`, the wheel cannot be had, or it is not the pinned one.
    """
    target = root / "ultralytics"
    state = inspect(target)
    if state == "vendored" and not force:
        return f"{target}: ultralytics {VERSION} is there already"
    if state not in {"absent", "vendored", "outdated"} and not force:
        raise VendorError(f"{target}: {state}; it is left as it is. --force replaces it")
    with tempfile.TemporaryDirectory(dir=root, prefix=".ultralytics-") as folder:
        new = unpack(check(wheel or fetch(Path(folder))), Path(folder) / "new")
        old = Path(folder) / "old"
        if state != "absent":
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if state != "absent":
                old.rename(target)
            raise
    return f"{target}: ultralytics {VERSION}, checked and unpacked. `--remove` takes it away again"


def remove(root: Path, force: bool = False) -> str:
    """Remove what `vendor` has unpacked.

    Raises:
        VendorError: The folder is not as `vendor` left it.
    """
    target = root / "ultralytics"
    state = inspect(target)
    if state == "absent":
        return f"{target}: is not there"
    if state not in {"vendored", "outdated"} and not force:
        raise VendorError(f"{target}: {state}; it is left as it is. --force removes it")
    with tempfile.TemporaryDirectory(dir=root, prefix=".ultralytics-") as folder:
        target.rename(Path(folder) / "old")
    return f"{target}: removed"


def inspect(target: Path) -> str:
    """Return "absent", "vendored", "outdated" (ours, of another version), or what is wrong with the folder."""
    if not target.exists() and not target.is_symlink():
        return "absent"
    if target.is_symlink() or not (target / MARK).is_file():
        return "was not made by this script"
    try:
        mark = json.loads((target / MARK).read_text(encoding="utf-8"))
    except ValueError:
        return "has a damaged mark"
    if mark.get("tree") != digest(target):
        return "was changed after it was unpacked"
    return "vendored" if mark.get("made_by") == made_by() else "outdated"


def made_by() -> str:
    """Return what decides whether a folder is up to date: the wheel and the added blocks."""
    return hashlib.sha256(json.dumps([VERSION, SHA256, HOOKS]).encode()).hexdigest()


def digest(folder: Path) -> str:
    """Return one hash over all files of the folder but the mark and compiled Python."""
    total = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != MARK and "__pycache__" not in file.parts:
            total.update(file.relative_to(folder).as_posix().encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def fetch(folder: Path) -> Path:
    """Download the pinned wheel with pip.

    Raises:
        VendorError: pip could not.
    """
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, f"ultralytics=={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("ultralytics-*.whl"))
    if done.returncode or len(wheels) != 1:
        raise VendorError(
            f"pip could not download ultralytics {VERSION}:\n{done.stderr.strip()}\n"
            "Without a network, copy the wheel here and give it: --wheel FILE"
        )
    return wheels[0]


def check(wheel: Path) -> Path:
    """Return the wheel if it is the pinned one.

    Raises:
        VendorError: It is missing or its hash differs.
    """
    if not wheel.is_file():
        raise VendorError(f"{wheel}: no such file")
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        raise VendorError(f"{wheel}: is not the pinned wheel (sha256 {found}, wanted {SHA256}); nothing was unpacked")
    return wheel


def unpack(wheel: Path, folder: Path) -> Path:
    """Unpack the package and its licence, add the two blocks and the mark, and return the package's folder."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("ultralytics/")]
        archive.extractall(folder, names)
        package = folder / "ultralytics"
        for name in archive.namelist():
            if ".dist-info/" in name and Path(name).name.startswith("LICENSE"):
                (package / "LICENSE").write_bytes(archive.read(name))
    for name, block in HOOKS.items():
        file = package / name
        file.write_text(file.read_text(encoding="utf-8") + block, encoding="utf-8")
    mark = {"version": VERSION, "made_by": made_by(), "tree": digest(package)}
    (package / MARK).write_text(json.dumps(mark, indent=1), encoding="utf-8")
    return package


if __name__ == "__main__":
    sys.exit(main())
