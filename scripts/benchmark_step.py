"""Measure steps of training: a single mask task and two tasks, ours against the base's, turn by turn in one process.

Each variant trains from scratch with its framework's own defaults on a CPU, from the same seed, on the same images:

    base-masks, base-boxes   the base's yolo26n-sem.yaml and yolo26n.yaml
    ours-masks               the `parts` block of aYOLOM26n.yaml alone
    ours-both                aYOLOM26n.yaml, boxes and masks
    ...-ram                  the same with cache=ram

They take turns step by step, so that whatever else the machine does hits all alike; random numbers and threads are put
back at each turn, so that each runs as if it were alone. A step is all of it: reading and augmenting a batch, forward,
loss, backward, optimizer. The first steps, and those that begin an epoch, are not counted. Where every image is
labelled for both tasks, an epoch has as many steps for each, so the ratio of steps is that of epochs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from benchmark_timing import clocks, spread
from benchmark_timing import table as markdown

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = """examples:
  python scripts/benchmark_step.py --data cardamage.yaml --steps 40
  python scripts/benchmark_step.py --data cardamage.yaml --variants base-masks,ours-masks --json runs/step.json
"""
VARIANTS = {
    "base-masks": ("base-masks", {}),
    "base-masks-ram": ("base-masks", {"cache": "ram"}),
    "base-boxes": ("base-boxes", {}),
    "base-boxes-ram": ("base-boxes", {"cache": "ram"}),
    "ours-masks": ("ours-masks", {}),
    "ours-masks-ram": ("ours-masks", {"cache": "ram"}),
    "ours-both": ("ours-both", {}),
    "ours-both-ram": ("ours-both", {"cache": "ram"}),
}
BARS = {"ours-masks": (("base-masks",), 0.40), "ours-both": (("base-masks", "base-boxes"), 0.70)}
TAIL = 5  # steps whose losses are averaged for the last value


class Finished(Exception):  # noqa: N818 - ends a training from inside, no error
    """Enough steps were made."""


@dataclass
class Record:
    """What one variant has done.

    Attributes:
        seconds: Of each step that counts.
        cpu: Seconds of all cores together of each step that counts; on a busy machine they vary less.
        losses: Named losses of every step.
        settings: What it trained with beyond the common.
        threads: Of its network.
        error: What ended it early.
    """

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    losses: list[dict[str, float]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    threads: int = 0
    error: BaseException | None = None


class Turns:
    """Lets one thread at a time run, in a fixed order."""

    def __init__(self, names: list[str]) -> None:
        """Start with the first."""
        self.waiting, self.turn = list(names), names[0]
        self.changed = threading.Condition()

    def wait(self, name: str) -> None:
        """Return when it is this one's turn."""
        with self.changed:
            self.changed.wait_for(lambda: self.turn == name)

    def pass_on(self, name: str, leave: bool = False) -> None:
        """Give the turn to the next; `leave` takes no further part."""
        with self.changed:
            place = self.waiting.index(name)
            self.turn = self.waiting[(place + 1) % len(self.waiting)]
            if leave:
                self.waiting.remove(name)
            self.changed.notify_all()


class Stopwatch:
    """A callback that times the steps of one training and gives the turn away after each."""

    def __init__(self, name: str, record: Record, turns: Turns, steps: int, warmup: int) -> None:
        """Remember whom to time and how long."""
        self.name, self.record, self.turns, self.steps, self.warmup = name, record, turns, steps, warmup
        self.start: tuple[float, float] | None = None
        self.epoch = 0

    def __call__(self, trainer: Any) -> None:
        """Note the step that has just ended.

        Raises:
            Finished: It was the last.
        """
        import torch

        now, cpu = clocks()
        losses = {key.split("/")[-1]: float(value) for key, value in trainer.loss_items.items()}
        self.record.losses.append(losses)
        counts = len(self.record.losses) > self.warmup and self.epoch == trainer.epoch
        if self.start is not None and counts:
            self.record.seconds.append(now - self.start[0])
            self.record.cpu.append(cpu - self.start[1])
        self.epoch, self.record.threads = trainer.epoch, torch.get_num_threads()
        if len(self.record.losses) >= self.steps + self.warmup:
            raise Finished
        put_back = machine_state()
        self.turns.pass_on(self.name)
        self.turns.wait(self.name)
        put_back()
        self.start = clocks()


def machine_state() -> Callable[[], None]:
    """Return a function that restores the random numbers and threads as they are now."""
    import numpy as np
    import torch

    numbers, arrays, tensors = random.getstate(), np.random.get_state(), torch.get_rng_state()
    threads = torch.get_num_threads()

    def put_back() -> None:
        random.setstate(numbers)
        np.random.set_state(arrays)
        torch.set_rng_state(tensors)
        torch.set_num_threads(threads)

    return put_back


# Data and models ------------------------------------------------------------------------------------------------------
def describe(data: str, folder: Path) -> dict[str, tuple[str, str]]:
    """Write the data sets of each training, with links to the images, and the models that have no YAML yet.

    Args:
        data: A dataset YAML with one task of boxes and one of masks.
        folder: Where to write.

    Returns:
        Model and data file by training.
    """
    from ayolom.compare._counts import count_images
    from ayolom.compare._data import derive, multi_task_yaml, single_task_yaml
    from ayolom.config import find_data_yaml
    from ayolom.data.schema import load_schema
    from ayolom.nn.spec import load_spec

    schema = load_schema(find_data_yaml(data))
    kinds = {spec.kind: name for name, spec in schema.tasks.items()}
    if len(schema.tasks) != 2 or set(kinds) != {"detect", "semantic"}:
        raise SystemExit(
            f"--data: {data} must have one task of boxes and one of masks (it has {', '.join(schema.tasks)})"
        )
    boxes, masks = kinds["detect"], kinds["semantic"]
    derive(schema, count_images(schema), folder)
    both = yaml.safe_load(multi_task_yaml(folder).read_text(encoding="utf-8"))
    spec = {key: value for key, value in load_spec("aYOLOM26n.yaml").items() if key != "yaml_file"}
    blocks = {boxes: spec["tasks"]["damage"], masks: spec["tasks"]["parts"]}
    contents = {
        "masks.yaml": {**both, "tasks": {masks: both["tasks"][masks]}},
        "masks26n.yaml": {**spec, "tasks": {masks: blocks[masks]}},
        "both26n.yaml": {**spec, "tasks": blocks},
    }
    for name, value in contents.items():
        (folder / name).write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return {
        "base-boxes": ("yolo26n.yaml", str(single_task_yaml(folder, boxes))),
        "base-masks": ("yolo26n-sem.yaml", str(single_task_yaml(folder, masks))),
        "ours-masks": (str(folder / "masks26n.yaml"), str(folder / "masks.yaml")),
        "ours-both": (str(folder / "both26n.yaml"), str(multi_task_yaml(folder))),
    }


def train(name: str, record: Record, watch: Stopwatch, files: tuple[str, str], common: dict[str, Any]) -> None:
    """Train one variant when its turn comes; whatever ends it, the others go on."""
    training, own = VARIANTS[name]
    watch.turns.wait(name)
    try:
        if training.startswith("ours"):
            from ayolom import YOLO
        else:
            from ultralytics import YOLO
        model = YOLO(files[0])
        model.add_callback("on_train_batch_end", watch)
        record.settings = own
        model.train(data=files[1], name=name, **common, **own)
        raise RuntimeError("the training ended before the steps were made; raise --epochs")
    except Finished:
        pass
    except BaseException as error:  # noqa: BLE001 - told in the main thread
        record.error = error
    finally:
        watch.turns.pass_on(name, leave=True)


# Report ---------------------------------------------------------------------------------------------------------------
def summary(records: dict[str, Record]) -> dict[str, Any]:
    """Return medians, spread and last losses by variant."""
    result: dict[str, Any] = {}
    for name, record in records.items():
        seconds = spread(record.seconds)
        tail = record.losses[-TAIL:]
        result[name] = {
            **{key: seconds[key] for key in ("median", "quartiles", "range")},
            "cpu": statistics.median(record.cpu),
            "steps": len(record.seconds),
            "threads": record.threads,
            "settings": record.settings,
            "first loss": record.losses[0],
            "last loss": {key: statistics.fmean(step[key] for step in tail) for key in tail[0]},
            "seconds": record.seconds,
            "losses": record.losses,
        }
    return result


def table(result: dict[str, Any]) -> str:
    """Return the summary as a Markdown table."""
    items = list(dict.fromkeys(key for row in result.values() for key in row["last loss"]))
    head = ["variant", "median s", "quartiles", "range", "CPU s", "steps", "threads", *items, "sum"]
    rows = []
    for name, row in result.items():
        loss = row["last loss"]
        cells = [name, f"{row['median']:.3f}"]
        cells += [" to ".join(f"{value:.3f}" for value in row[key]) for key in ("quartiles", "range")]
        cells += [f"{row['cpu']:.3f}"]
        cells += [str(row[key]) for key in ("steps", "threads")]
        cells += [f"{loss[item]:.4f}" if item in loss else "-" for item in items]
        rows.append([*cells, f"{sum(loss.values()):.4f}"])
    return markdown(head, rows)


def verdicts(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the ratios of medians, on the wall and of all cores, with their bars."""
    rows = []
    for name in result:
        others, bar = BARS.get(VARIANTS[name][0], ((), 0.0))
        if others and set(others) <= set(result):
            ratio, cpu = (result[name][key] / sum(result[one][key] for one in others) for key in ("median", "cpu"))
            rows.append({"ours": name, "theirs": " + ".join(others), "wall": ratio, "cpu": cpu, "bar": bar})
    return rows


def ratio_table(rows: list[dict[str, Any]]) -> str:
    """Return the ratios as a Markdown table."""
    head = ["ours", "against", "wall", "CPU", "at most", ""]
    cells = []
    for row in rows:
        numbers = [f"{row[key]:.2f}" for key in ("wall", "cpu", "bar")]
        cells.append([row["ours"], row["theirs"], *numbers, "kept" if row["wall"] <= row["bar"] else "missed"])
    return markdown(head, cells) if cells else "nothing to compare: ours and base's variants are needed"


# The script -----------------------------------------------------------------------------------------------------------
def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES, formatter_class=form)
    add = parser.add_argument
    add("--data", default="cardamage.yaml", help="dataset YAML with one task of boxes and one of masks")
    add(
        "--variants",
        default="base-masks,base-boxes,ours-masks,ours-both",
        help=f"which, with commas, of {', '.join(VARIANTS)}",
    )
    add("--steps", type=int, default=30, help="steps of each to count")
    add("--warmup", type=int, default=5, help="first steps of each, not counted")
    add("--imgsz", type=int, default=320, help="image size in pixels")
    add("--batch", type=int, default=16, help="images in a batch")
    add("--epochs", type=int, default=50, help="epochs that the schedules are laid out for")
    add("--seed", type=int, default=0, help="seed of all")
    add("--json", type=Path, help="file for all numbers")
    return parser.parse_args()


def run(args: argparse.Namespace, folder: Path) -> dict[str, Record]:
    """Train the variants by turns and return what they did."""
    names = args.variants.split(",")
    for name in names:
        if name not in VARIANTS:
            raise SystemExit(f"--variants: '{name}' is not one of {', '.join(VARIANTS)}")
    from ayolom.compat import ensure_torchvision

    ensure_torchvision()
    files = describe(args.data, folder / "data")
    common = {"imgsz": args.imgsz, "batch": args.batch, "epochs": args.epochs, "seed": args.seed, "device": "cpu"}
    common |= {"project": str(folder), "pretrained": False, "plots": False, "val": False, "save": False}
    records, turns = {name: Record() for name in names}, Turns(names)
    workers = []
    for name, record in records.items():
        watch = Stopwatch(name, record, turns, args.steps, args.warmup)
        given = (name, record, watch, files[VARIANTS[name][0]], {**common, "verbose": False})
        workers.append(threading.Thread(target=train, args=given, name=name, daemon=True))
        workers[-1].start()
    for worker in workers:
        worker.join()
    for name, record in records.items():
        if record.error is not None:
            raise SystemExit(f"{name}: {type(record.error).__name__}: {record.error}")
    return records


def main() -> None:
    """Measure, print the table, write the numbers."""
    args = parse_arguments()
    os.environ.setdefault("YOLO_AUTOINSTALL", "False")
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does; read when torch is imported
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with tempfile.TemporaryDirectory(prefix="benchmark-step-") as folder:
        records = run(args, Path(folder))
    result = summary(records)
    machine = {"cores": os.cpu_count(), "load before": load}
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(
            json.dumps(
                {"machine": machine, "arguments": vars(args), "variants": result, "ratios": verdicts(result)},
                default=str,
            )
        )
    print(table(result) + "\n\n" + ratio_table(verdicts(result)))


if __name__ == "__main__":
    main()
