"""Compare one multi-task model with single-task models of the base, trained alike.

Every model is trained from scratch on the same images at the same size, batch and seed, each in a process of its own.
Stop this script at any moment, by force too: started again with the same arguments it skips finished runs and resumes
the unfinished one from its last epoch. Two budgets:

    exposure   all models train the same epochs, so each labelled image is seen equally often
    steps      the single-task models train more epochs, until they have made as many optimizer steps as the
               multi-task model, whose epochs are longer because its images are the union of theirs

`yolo compare` (docs/compare.md) does this for any list of models and seeds, and makes the single-task data itself.

In the output folder: a folder and a log for each run, comparison.json and comparison.md. "mIoU" averages over the
classes that labels or predictions hold, "mIoU present" over those of the labels alone (the base's `metrics/mIoU`).
"""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from ayolom.compare import _execute, _lock
from ayolom.compare._budget import batches, equal_steps
from ayolom.compare._collect import collect
from ayolom.compare._epochs import highest, mean_iou, read_epochs, task_metrics
from ayolom.compare._report import report_runs as report
from ayolom.compare._run import Run
from ayolom.compare._train import train
from ayolom.errors import AyolomError

__all__ = (
    "Run",
    "asdict",
    "collect",
    "execute",
    "highest",
    "mean_iou",
    "only_one",
    "plan",
    "read_epochs",
    "report",
    "task_metrics",
)

EXAMPLES = """examples:
  python scripts/compare_single.py --data datasets/trial/trial.yaml --out runs/compare --epochs 50 --imgsz 320
  python scripts/compare_single.py --data datasets/trial/trial.yaml --out runs/compare --budget both --threads 2
  python scripts/compare_single.py --data datasets/trial/trial.yaml --out runs/uw --models multi --extra \\
      optimizer=SGD lr0=0.01 multi.balance=uncertainty
  python scripts/compare_single.py --out runs/compare --report
"""


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
            of_an_epoch = [batches(count_images(one), args.batch) for one in (data, data_of[kind])]
            epochs = equal_steps(args.epochs, *of_an_epoch)
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


def count_images(data: Path) -> int:
    """Return the number of images below the folders of `train:`."""
    from ayolom.data.images import list_images

    content = read_yaml(data)
    folders = content["train"] if isinstance(content["train"], list) else [content["train"]]
    root = data.parent / content.get("path", "")
    return len(list_images([root / folder for folder in folders], root))


def read_yaml(file: Path) -> dict[str, Any]:
    """Read a dataset YAML."""
    if not file.is_file():
        raise SystemExit(f"{file}: no such file; scripts/prepare_trial.py makes the three data sets")
    return yaml.safe_load(file.read_text(encoding="utf-8"))


# The script -----------------------------------------------------------------------------------------------------------
def execute(run: Run, out: Path) -> bool:
    """Do one run in a process of its own, unless it is done; return whether it is done now."""
    try:
        return _execute.execute(run, out, lambda line: print(line, flush=True))
    except AyolomError as error:
        raise SystemExit(str(error)) from None


def only_one(folder: Path) -> Any:
    """Hold the run's lock; another process that trains the same run ends this one."""
    try:
        return _lock.only_one(folder)
    except AyolomError as error:
        raise SystemExit(str(error)) from None


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
