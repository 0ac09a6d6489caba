"""A run in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ayolom.compare._epochs import read_epochs
from ayolom.compare._run import Run, claim_folder, is_finished

if TYPE_CHECKING:
    from collections.abc import Callable

TAIL = 15  # lines of the log that are shown when a run fails
PATIENCE = 20  # seconds that a stopped run gets


def execute(run: Run, out: Path, say: Callable[[str], None]) -> bool:
    """Do one run in a process of its own, unless it is done.

    Args:
        run: The run.
        out: Folder of the runs; the run's folder and log lie there.
        say: Receives what the user should know.

    Returns:
        Whether it is done now.

    Raises:
        AyolomError: Its folder was begun with other settings.
    """
    folder = out / run.name
    claim_folder(run, folder)
    if is_finished(folder):
        say(f"{run.name}: done already")
        return True
    log = out / f"{run.name}.log"
    say(f"{run.name}: {run.model}, {run.epochs} epochs, {len(read_epochs(folder))} done; log in {log}")
    code = _run([sys.executable, "-m", "ayolom.compare._child", str(folder.resolve())], log, _environment(run))
    if code:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
        say("\n    ".join([f"{run.name}: failed with exit status {code}; the end of {log}:", *tail]))
    return code == 0


def _environment(run: Run) -> dict[str, str]:
    """Return the environment of the run's process, which finds this very package."""
    package = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    threads = {"OMP_NUM_THREADS": str(run.threads)} if run.threads else {}
    return {**os.environ, **threads, "PYTHONPATH": paths}


def _run(command: list[str], log: Path, environment: dict[str, str]) -> int:
    """Run a process to its end and return its exit status; it ends when this one does."""
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"\n=== {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(command)}\n")
        stream.flush()
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=stream, stderr=subprocess.STDOUT, env=environment
        )
        try:
            return child.wait()
        finally:
            _stop(child)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End a process that still runs."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child.stdin:
        child.stdin.close()
