"""One run, trained from the start or from its last epoch."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from ayolom.compare import _cost
from ayolom.compare._collect import collect
from ayolom.compare._epochs import NOTES, TABLE, mean_iou, read_epochs
from ayolom.compare._lock import only_one
from ayolom.compare._run import MULTI, OUR_TRAINER, RESULT_FILE, TORCHVISION, Run, read_run
from ayolom.errors import AyolomError
from ayolom.files import write_atomic

KEPT = "kept.pt"
# From scratch, to the last epoch, and without pictures: what every run of a comparison has in common.
FIXED = {"pretrained": False, "patience": 0, "plots": False, "exist_ok": True}


def train(folder: Path) -> None:
    """Train, or go on with, the run described in `folder`/run.json and write `folder`/result.json.

    Raises:
        AyolomError: The folder describes no run, or another process trains it.
    """
    run = read_run(folder)
    if run is None:
        raise AyolomError(f"{folder}: describes no run; start it through yolo compare")
    lock = only_one(folder)
    done = len(read_epochs(folder))
    if done < run.epochs or not (folder / "weights" / "last.pt").is_file():
        model = open_unfinished(run, folder) if done else None
        settings: dict[str, Any] = {"resume": True}
        if model is None:  # nothing usable: from the start
            forget(folder)
            model, settings = open_model(run.kind, run.model)(run.model), from_start(run, folder)
        watch(model, folder, run.threads)
        model.train(**settings)
    result = {**collect(run, folder), **_cost.measure(run, folder), "machine": _cost.machine(), "finished": True}
    write_atomic(folder / RESULT_FILE, json.dumps(result, indent=1))
    (folder / "weights" / KEPT).unlink(missing_ok=True)
    lock.close()


def from_start(run: Run, folder: Path) -> dict[str, Any]:
    """Return the arguments of `train` for a run that begins."""
    import torch

    from ayolom.engine.runtime import gpu_amp

    settings = {
        "data": run.data,
        "epochs": run.epochs,
        **FIXED,
        "project": str(folder.parent.resolve()),
        "name": folder.name,
        **run.settings,
    }
    if run.threads and run.kind in OUR_TRAINER:
        settings["threads"] = run.threads
    if torch.cuda.is_available():  # one precision for all; the base's own test of it asks the network for a model
        settings["amp"] = gpu_amp(settings.get("amp", True), torch.device("cuda"))
    return settings


def open_model(kind: str, name: str = "") -> Any:
    """Return the class that trains a kind of model.

    The base's models are trained by the base's own class, which also resumes its own checkpoints without asking
    whether they may be trusted.

    Args:
        kind: Kind of run.
        name: Model YAML, where one is to be built: as on the base's command line, "rtdetr" in its name asks for a
            class of its own. Checkpoints tell by themselves.
    """
    if kind == MULTI:
        import ayolom

        return ayolom.YOLO
    if kind == TORCHVISION:
        from ayolom.compare.peers._model import Peer

        return Peer
    import ultralytics

    from ayolom.compat import ensure_torchvision, forbid_installs

    forbid_installs()
    ensure_torchvision()
    return ultralytics.RTDETR if "rtdetr" in Path(name).stem.lower() else ultralytics.YOLO


def open_unfinished(run: Run, folder: Path) -> Any:
    """Return the model of an unfinished run, None when there is none or its checkpoint was cut off.

    The base writes its checkpoints in place; where a kill has cut the last one short, the copy of the epoch before
    takes its place.
    """
    last, kept = folder / "weights" / "last.pt", folder / "weights" / KEPT
    for file in (last, kept):
        if not file.is_file():
            continue
        try:
            if file == kept:
                _place(kept, last)
            return open_model(run.kind)(str(last))
        except Exception as error:  # noqa: BLE001 - whatever a truncated file raises, the remedy is the same
            _say(f"{file} cannot be read ({error})")
    _say(f"{folder}: no checkpoint to go on from; the run starts again")
    return None


def forget(folder: Path) -> None:
    """Remove what a run that never reached a checkpoint left."""
    for name in ("weights", TABLE, NOTES):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def watch(model: Any, folder: Path, threads: int) -> None:
    """Have every epoch note what results.csv leaves out, keep the number of threads, and keep a whole checkpoint."""

    def set_threads(_: Any) -> None:
        import torch

        if threads and not torch.cuda.is_available():
            torch.set_num_threads(threads)

    def keep(trainer: Any) -> None:
        _place(trainer.last, trainer.wdir / KEPT)

    for event in ("on_train_start", "on_train_epoch_start", "on_val_start"):
        model.add_callback(event, set_threads)  # the base sets cores - 1 whenever it selects a device
    notes = Notes(folder / NOTES)
    model.add_callback("on_train_start", notes.start)
    model.add_callback("on_val_start", notes.scored)
    model.add_callback("on_fit_epoch_end", notes.write)
    model.add_callback("on_model_save", keep)


class Notes:
    """A line for each epoch: its seconds, optimizer steps so far, and whether it was validated."""

    def __init__(self, file: Path) -> None:
        """Write to `file`, behind what it holds."""
        self.file = file
        self.last = 0.0
        self.validated = False  # in the epoch under way; with `val: false` only the last one is

    def start(self, _: Any) -> None:
        """Begin the first epoch."""
        self.last = time.perf_counter()

    def scored(self, _: Any) -> None:
        """Know that the epoch under way is validated."""
        self.validated = True

    def write(self, trainer: Any) -> None:
        """Write the line of an epoch that has ended."""
        epoch, now = trainer.epoch + 1, time.perf_counter()
        if epoch > trainer.epochs:  # the final scoring of best.pt reports as one more epoch
            return
        entry = {"epoch": epoch, "seconds": now - self.last, "steps": trainer.ema.updates, "scored": self.validated}
        if self.validated:
            entry["mIoU"] = mean_iou(getattr(trainer.validator.metrics, "matrix", None))
        self.last, self.validated = now, False
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")


def _place(source: Path, target: Path) -> None:
    """Copy a file, whole or not at all."""
    part = target.with_name(f"{target.name}.part")
    shutil.copyfile(source, part)
    os.replace(part, target)


def _say(line: str) -> None:
    """Write a line to the run's log."""
    from ultralytics.utils import LOGGER

    LOGGER.info(line)
