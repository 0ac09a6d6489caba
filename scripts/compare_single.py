"""Compare one multi-task model with single-task models of the base, trained alike.

Every model is trained from scratch on the same images at the same size, batch and seed, each in a process of its own.
Stop this script at any moment, by force too: started again with the same arguments it skips finished runs and resumes
the unfinished one from its last epoch. Two budgets:

    exposure   all models train the same epochs, so each labelled image is seen equally often
    steps      the single-task models train more epochs, until they have made as many optimizer steps as the
               multi-task model, whose epochs are longer because its images are the union of theirs

In the output folder: a folder and a log for each run, comparison.json and comparison.md. "mIoU" averages over the
classes that labels or predictions hold, "mIoU present" over those of the labels alone (the base's `metrics/mIoU`).
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = """examples:
  python scripts/compare_single.py --data datasets/trial/trial.yaml --out runs/compare --epochs 50 --imgsz 320
  python scripts/compare_single.py --data datasets/trial/trial.yaml --out runs/compare --budget both --threads 2
  python scripts/compare_single.py --data datasets/trial/trial.yaml --out runs/uw --models multi --extra \\
      optimizer=SGD lr0=0.01 multi.balance=uncertainty
  python scripts/compare_single.py --out runs/compare --report
"""
METRICS = {"detect": ("mAP50", "mAP50-95"), "semantic": ("mIoU", "mIoU present")}
HEADLINE = {"detect": "mAP50-95", "semantic": "mIoU present"}  # what the base's own fitness is
COLUMNS = {  # our names: columns of the base's results.csv; {} is the task's name in a multi-task run
    "mAP50": ("metrics/{}/mAP50", "metrics/mAP50(B)"),
    "mAP50-95": ("metrics/{}/mAP50-95", "metrics/mAP50-95(B)"),
    "mIoU": ("metrics/{}/mIoU", "mIoU"),
    "mIoU present": ("metrics/{}/mIoU_present", "metrics/mIoU"),
}


@dataclass
class Run:
    """One training, as it is written to `run.json` for the process that does it.

    Attributes:
        name: Name of the run's folder.
        kind: "multi", "detect" or "semantic".
        model: Model YAML.
        data: Dataset YAML.
        tasks: Kind of task by task name, what the run is scored on.
        epochs: Epochs to train.
        budget: "exposure" or "steps".
        settings: Arguments of `train` beyond these.
        threads: Threads of the network on a CPU; 0 leaves each framework's own choice.
    """

    name: str
    kind: str
    model: str
    data: str
    tasks: dict[str, str]
    epochs: int
    budget: str
    settings: dict[str, Any] = field(default_factory=dict)
    threads: int = 0


# Planning -------------------------------------------------------------------------------------------------------------
def plan(args: argparse.Namespace) -> list[Run]:
    """Return the runs that the arguments ask for."""
    data = args.data.resolve()
    tasks = {name: entry["kind"] for name, entry in read_yaml(data)["tasks"].items()}
    root = data.parent
    data_of = {
        "multi": data,
        "detect": (args.detect_data or root.with_name(f"{root.name}-damage") / "damage.yaml").resolve(),
        "semantic": (args.semantic_data or root.with_name(f"{root.name}-parts") / "parts.yaml").resolve(),
    }
    models = {"multi": args.multi_model, "detect": args.detect_model, "semantic": args.semantic_model}
    runs = []
    for kind in args.models.split(","):
        if kind not in models:
            raise SystemExit(f"--models: '{kind}' is not one of {', '.join(models)}")
        own = tasks if kind == "multi" else {name: found for name, found in tasks.items() if found == kind}
        common = {"imgsz": args.imgsz, "batch": args.batch, "seed": args.seed, "cache": "ram", "workers": args.workers}
        settings = {**common, **extra_settings(args.extra, kind)}
        run = Run(kind, kind, models[kind], str(data_of[kind]), own, args.epochs, "exposure", settings, args.threads)
        if args.budget != "steps" or kind == "multi":
            runs.append(run)
        if args.budget != "exposure" and kind != "multi":
            longer = batches(data, args.batch) / batches(data_of[kind], args.batch)
            epochs = round(args.epochs * longer)
            runs.append(Run(**{**asdict(run), "name": f"{kind}-steps", "epochs": epochs, "budget": "steps"}))
    return runs


def extra_settings(pairs: list[str], kind: str) -> dict[str, Any]:
    """Return the settings of `--extra` that hold for a kind of run: "key=value", or "kind.key=value" for one alone."""
    found = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator:
            raise SystemExit(f"--extra: '{pair}' is not key=value")
        only, dot, rest = key.partition(".")
        if not dot or only == kind:
            found[rest if dot else key] = yaml.safe_load(value)
    return found


def batches(data: Path, batch: int) -> int:
    """Return the batches of a training epoch, counting the images below the folders of `train:`."""
    from ayolom.data.convert import find_images

    content = read_yaml(data)
    folders = content["train"] if isinstance(content["train"], list) else [content["train"]]
    root = data.parent / content.get("path", "")
    images = [image for folder in folders for image in find_images(root / folder)]
    return math.ceil(len(images) / batch)


def read_yaml(file: Path) -> dict[str, Any]:
    """Read a dataset YAML."""
    if not file.is_file():
        raise SystemExit(f"{file}: no such file; scripts/prepare_trial.py makes the three data sets")
    return yaml.safe_load(file.read_text(encoding="utf-8"))


# One run, in its own process ------------------------------------------------------------------------------------------
def train(folder: Path) -> None:
    """Train, or go on with, the run described in `folder`/run.json and write `folder`/result.json."""
    run = Run(**json.loads((folder / "run.json").read_text(encoding="utf-8")))
    lock = only_one(folder)
    last = folder / "weights" / "last.pt"
    done = len(read_epochs(folder))
    if done < run.epochs or not last.is_file():
        model = open_checkpoint(run, last) if done else None
        settings: dict[str, Any] = {"resume": True}
        if model is None:  # nothing usable: from the start
            forget(folder)
            model = open_model(run.kind)(run.model)
            fixed = {"pretrained": False, "patience": 0, "plots": False, "exist_ok": True}
            place = {"project": str(folder.parent), "name": folder.name}
            settings = {"data": run.data, "epochs": run.epochs, **fixed, **place, **run.settings}
            if run.threads and run.kind == "multi":
                settings["threads"] = run.threads
        watch(model, folder, run.threads)
        model.train(**settings)
    result = {**collect(run, folder), **count_parameters(run, folder), "finished": True}
    write_whole(folder / "result.json", json.dumps(result, indent=1))
    lock.close()


def open_model(kind: str) -> Any:
    """Return the class that trains a kind of model.

    The base's models are trained by the base's own class, which also resumes its own checkpoints without asking
    whether they may be trusted.
    """
    if kind == "multi":
        import ayolom

        return ayolom.YOLO
    import ultralytics

    from ayolom.compat import ensure_torchvision

    ensure_torchvision()
    return ultralytics.YOLO


def open_checkpoint(run: Run, last: Path) -> Any:
    """Return the model of an unfinished run, None when there is none or its checkpoint was cut off."""
    if not last.is_file():
        return None
    try:
        return open_model(run.kind)(str(last))
    except Exception as error:  # noqa: BLE001 - whatever a truncated file raises, the remedy is the same
        print(f"{last} cannot be read ({error}); the run starts again", flush=True)
        return None


def forget(folder: Path) -> None:
    """Remove what a run that never reached a checkpoint left."""
    for name in ("weights", "results.csv", "epochs.jsonl"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def only_one(folder: Path) -> Any:
    """Hold the run's lock; another process that trains the same run ends this one."""
    lock = (folder / "lock").open("w")
    try:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        print("no file locks on this system: do not start the script twice", flush=True)
    except OSError:
        raise SystemExit(f"{folder}: another process trains this run; wait for it or stop it") from None
    return lock


def watch(model: Any, folder: Path, threads: int) -> None:
    """Have every epoch note what results.csv leaves out, and keep the number of threads."""
    clock = {"last": 0.0}

    def set_threads(_: Any) -> None:
        import torch

        if threads and not torch.cuda.is_available():
            torch.set_num_threads(threads)

    def start(_: Any) -> None:
        clock["last"] = time.perf_counter()

    def note(trainer: Any) -> None:
        epoch, now = trainer.epoch + 1, time.perf_counter()
        if epoch > trainer.epochs:  # the final scoring of best.pt reports as one more epoch
            return
        entry = {"epoch": epoch, "seconds": now - clock["last"], "steps": trainer.ema.updates}
        entry |= {"mIoU": mean_iou(getattr(trainer.validator.metrics, "matrix", None))}
        clock["last"] = now
        with (folder / "epochs.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")

    for event in ("on_train_start", "on_train_epoch_start", "on_val_start"):
        model.add_callback(event, set_threads)  # the base sets cores - 1 whenever it selects a device
    model.add_callback("on_train_start", start)
    model.add_callback("on_fit_epoch_end", note)


def mean_iou(matrix: Any) -> float | None:
    """Return the mean IoU over the classes that labels or predictions hold, from a confusion matrix (C, C)."""
    if matrix is None:
        return None
    hits, union = matrix.diagonal(), matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    return float((hits[union > 0] / union[union > 0]).mean()) if bool((union > 0).any()) else None


def count_parameters(run: Run, folder: Path) -> dict[str, int]:
    """Return the parameters as trained, and as used after `fuse()`."""
    file = folder / "weights" / "best.pt"
    network = open_model(run.kind)(str(file if file.is_file() else folder / "weights" / "last.pt")).model
    fused = deepcopy(network).fuse()
    count = lambda module: sum(parameter.numel() for parameter in module.parameters())  # noqa: E731
    return {"parameters": count(network), "parameters_fused": count(fused)}


# Results --------------------------------------------------------------------------------------------------------------
def read_epochs(folder: Path) -> dict[int, dict[str, float]]:
    """Return what is known of each finished epoch, by its number; an epoch done twice counts as done last."""
    epochs: dict[int, dict[str, float]] = {}
    table, notes = folder / "results.csv", folder / "epochs.jsonl"
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                values = {key.strip(): number(value) for key, value in row.items() if key}
                if not math.isnan(values["epoch"]) and None not in row and None not in row.values():
                    epochs[int(values["epoch"])] = values
    for line in notes.read_text(encoding="utf-8").splitlines() if notes.is_file() else []:
        try:
            entry = json.loads(line)
        except ValueError:  # cut off while writing
            continue
        epochs.get(entry["epoch"], {}).update({key: value for key, value in entry.items() if value is not None})
    return dict(sorted(epochs.items()))


def number(text: str | None) -> float:
    """Return a cell of a table as a number, NaN when it is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def collect(run: Run, folder: Path) -> dict[str, Any]:
    """Return the run's metrics at its best and its last epoch, and what it cost."""
    epochs = read_epochs(folder)
    result: dict[str, Any] = {**asdict(run), "done": len(epochs), "finished": False, "results": {}}
    if not epochs:
        return result
    scores = {name: {e: task_metrics(row, name, kind) for e, row in epochs.items()} for name, kind in run.tasks.items()}
    headline = {name: {e: values[HEADLINE[run.tasks[name]]] for e, values in s.items()} for name, s in scores.items()}
    joint = {e: statistics.fmean(by_epoch[e] for by_epoch in headline.values()) for e in epochs}
    for name in run.tasks:
        chosen = {"best": highest(headline[name]), "final": max(epochs)}
        if len(run.tasks) > 1:
            chosen["best of all tasks"] = highest(joint)
        result["results"][name] = {at: {"epoch": e, **scores[name][e]} for at, e in chosen.items()}
    seconds = [row["seconds"] for row in epochs.values() if "seconds" in row]
    result["seconds_per_epoch"] = statistics.median(seconds) if seconds else math.nan
    result["steps"] = epochs[max(epochs)].get("steps", math.nan)
    return result


def task_metrics(row: dict[str, float], task: str, kind: str) -> dict[str, float]:
    """Return a task's metrics in one row of results, whichever framework wrote it."""
    ours = METRICS[kind]
    names = {metric: [column.format(task) for column in COLUMNS[metric]] for metric in ours}
    return {metric: next((row[name] for name in names[metric] if name in row), math.nan) for metric in ours}


def highest(values: dict[int, float]) -> int:
    """Return the epoch of the highest value, the first of equals; NaN counts as lowest."""
    return max(values, key=lambda epoch: (-math.inf if math.isnan(values[epoch]) else values[epoch], -epoch))


def report(out: Path) -> str:
    """Write comparison.json and comparison.md from all runs in a folder and return the table."""
    results = []
    for file in sorted(out.glob("*/run.json")):
        done = file.with_name("result.json")
        run = Run(**json.loads(file.read_text(encoding="utf-8")))
        results.append(json.loads(done.read_text(encoding="utf-8")) if done.is_file() else collect(run, file.parent))
    order = {"multi": 0, "detect": 1, "semantic": 2}
    results.sort(key=lambda result: (order[result["kind"]], result["budget"]))
    write_whole(out / "comparison.json", json.dumps(results, indent=1))
    table = markdown(results)
    write_whole(out / "comparison.md", table)
    return table


def markdown(results: list[dict[str, Any]]) -> str:
    """Return the results as a Markdown table: a row for each run, task and choice of epoch."""
    metrics = [name for names in METRICS.values() for name in names]
    head = ["run", "model", "budget", "task", "epoch", *metrics, "steps", "s/epoch", "parameters", "fused"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for result in results:
        done = "" if result["finished"] else f" ({result['done']}/{result['epochs']} epochs)"
        cost = [cell(result.get("steps"), "d"), cell(result.get("seconds_per_epoch"), ".1f")]
        cost += [cell(result.get(key), ",d") for key in ("parameters", "parameters_fused")]
        for task, chosen in result["results"].items():
            for at, values in chosen.items():
                scores = [cell(values.get(name), ".4f") for name in metrics]
                where = f"{at}: {values['epoch']}/{result['epochs']}"
                row = [result["name"] + done, result["model"], result["budget"], task, where, *scores, *cost]
                lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def cell(value: float | None, form: str) -> str:
    """Return a number for the table, a dash when it is not known."""
    if value is None or math.isnan(value):
        return "-"
    return format(int(value) if form.endswith("d") else value, form)


def write_whole(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = file.with_name(f"{file.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, file)


# The script -----------------------------------------------------------------------------------------------------------
def execute(run: Run, out: Path) -> bool:
    """Do one run in a process of its own, unless it is done; return whether it is done now."""
    folder, wanted = out / run.name, json.dumps(asdict(run), indent=1)
    folder.mkdir(parents=True, exist_ok=True)
    described = folder / "run.json"
    if described.is_file() and described.read_text(encoding="utf-8") != wanted:
        raise SystemExit(f"{folder}: was started with other settings (see run.json); name another --out or remove it")
    write_whole(described, wanted)
    if (folder / "result.json").is_file():
        print(f"{run.name}: done already", flush=True)
        return True
    log = out / f"{run.name}.log"
    print(f"{run.name}: {run.model}, {run.epochs} epochs, {len(read_epochs(folder))} done; log in {log}", flush=True)
    threads = {"OMP_NUM_THREADS": str(run.threads)} if run.threads else {}
    command = [sys.executable, str(Path(__file__).resolve()), "--run", str(folder.resolve())]
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"\n=== {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(command)}\n")
        stream.flush()
        child = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env={**os.environ, **threads})
        try:
            code = child.wait()
        finally:
            child.terminate()
    if code:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        print(f"{run.name}: failed with exit status {code}; the end of {log}:", *tail, sep="\n    ", flush=True)
    return code == 0


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES, formatter_class=form)
    add = parser.add_argument
    add("--data", type=Path, help="multi-task dataset YAML, such as datasets/trial/trial.yaml")
    add("--detect-data", type=Path, help="the detection images alone; default <data's folder>-damage/damage.yaml")
    add("--semantic-data", type=Path, help="the mask images alone; default <data's folder>-parts/parts.yaml")
    add("--out", type=Path, default=Path("runs/compare"), help="folder of runs, logs and tables")
    add("--models", default="multi,detect,semantic", help="which to train, with commas")
    add("--multi-model", default="aYOLOM26n.yaml", help="YAML of the multi-task model")
    add("--detect-model", default="yolo26n.yaml", help="YAML of the base's detection model")
    add("--semantic-model", default="yolo26n-sem.yaml", help="YAML of the base's semantic model")
    add("--budget", choices=("exposure", "steps", "both"), default="exposure", help="what is held equal")
    add("--epochs", type=int, default=50, help="epochs of the multi-task model")
    add("--imgsz", type=int, default=320, help="image size in pixels")
    add("--batch", type=int, default=16, help="images in a batch")
    add("--seed", type=int, default=0, help="seed of all runs")
    add("--threads", type=int, default=0, help="threads of every run's network on a CPU; 0: each framework's own")
    add("--workers", type=int, default=0, help="data loading processes")
    add("--extra", nargs="*", default=[], metavar="KEY=VALUE", help="settings of every run, or KIND.KEY=VALUE of one")
    add("--report", action="store_true", help="only write the tables of what is there")
    add("--run", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Train what is missing and print the table."""
    args = parse_arguments()
    if args.run:
        train(args.run)
        return 0
    if not args.report and not args.data:
        raise SystemExit("--data: name the multi-task dataset YAML; scripts/prepare_trial.py makes one")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the run's process is ended too
    good = True
    for run in [] if args.report else plan(args):
        good &= execute(run, args.out)
        report(args.out)
    print("\n" + report(args.out))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
