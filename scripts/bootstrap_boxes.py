"""Tell how much of a difference between two detectors may be the choice of validation images.

Both are validated on the same images. Then images are drawn with replacement, as many as there are, and both are scored
on each draw (paired bootstrap, Efron 1979). The interval that holds 90 % of the gains, and the share of draws in which
the first is better, say what this set of images can tell. Seeds of training are another matter.

A checkpoint of several tasks is given a dataset YAML with tasks, one of the base a YAML of the base, such as
`yolo compare` makes in its folder `data/`. Checkpoints of the base are pickled code: give your own only.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

KEYS = ("tp", "conf", "pred_cls", "target_cls")  # the base's lists of each image: tp is (N, 10) bool by IoU threshold
EXAMPLE = """example:
  python scripts/bootstrap_boxes.py --first shared/weights/last.pt --first-data trial.yaml --imgsz 224 \\
      --second yolo26n/weights/last.pt --second-data data/damage/data.yaml
"""

Found = dict[str, tuple[np.ndarray, ...]]


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for which in ("first", "second"):
        parser.add_argument(f"--{which}", type=Path, required=True, metavar="WEIGHTS")
        parser.add_argument(f"--{which}-data", type=Path, required=True, metavar="YAML")
    parser.add_argument("--imgsz", type=int, default=640)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--end-to-end", action="store_true", help="score boxes without suppression (nms=False)")
    args = parser.parse_args()
    settings = {"imgsz": args.imgsz, **({"nms": False} if args.end_to_end else {})}
    first = find(args.first, args.first_data, settings)
    second = find(args.second, args.second_data, settings)
    names = same_images(first, second)
    ours, others = score(first, names), score(second, names)
    gains = draw_gains(first, second, args.draws, args.seed)
    low, high = np.quantile(gains, (0.05, 0.95))
    print(f"{len(names)} images: mAP50-95 {ours:.4f} against {others:.4f}, {ours / others - 1:+.1%}")
    print(f"{args.draws} draws: 90 % of the gains in {low:+.0%} to {high:+.0%}; better in {np.mean(gains > 0):.0%}")


def find(weights: Path, data: Path, settings: dict[str, Any]) -> Found:
    """Validate a checkpoint and return the base's lists by `KEYS` for each image, by its file name.

    Args:
        weights: Checkpoint with one task of boxes.
        data: Dataset YAML.
        settings: Settings of `yolo val`.
    """
    from ultralytics.utils.metrics import DetMetrics

    from ayolom import YOLO

    found: Found = {}

    def note(validator: Any) -> None:
        """Take what is there so far; the base drops it when all is scored."""
        metrics = [part.metrics for part in getattr(validator, "parts", {"": validator}).values()]
        boxes = next(one for one in metrics if isinstance(one, DetMetrics))
        rows = zip(*(boxes.stats[key] for key in KEYS), strict=True)
        found.update(zip(boxes.box.image_metrics, rows, strict=True))

    model = YOLO(str(weights))
    model.add_callback("on_val_batch_end", note)
    with TemporaryDirectory() as folder:
        model.val(data=str(data), workers=0, plots=False, verbose=False, project=folder, **settings)
    return found


def same_images(first: Found, second: Found) -> list[str]:
    """Return the names of the images, or end where two detectors saw other images or labels."""
    labels, others = ({name: sorted(rows[3].tolist()) for name, rows in one.items()} for one in (first, second))
    if labels != others:
        raise SystemExit("the two data sets hold other validation images or labels; nothing to compare")
    return sorted(labels)


def draw_gains(first: Found, second: Found, draws: int, seed: int) -> np.ndarray:
    """Return (draws,) relative gains in mAP50-95 of the first over the second on images drawn with replacement."""
    names, rng = np.array(sorted(first)), np.random.default_rng(seed)
    drawn = [rng.choice(names, len(names)) for _ in range(draws)]
    return np.array([score(first, some) / score(second, some) - 1 for some in drawn])


def score(found: Found, names: Any) -> float:
    """Return mAP50-95 over some images, each as often as it is named."""
    from ultralytics.utils.metrics import ap_per_class

    rows = (np.concatenate(lists) for lists in zip(*(found[name] for name in names), strict=True))
    return float(ap_per_class(*rows)[5].mean())


if __name__ == "__main__":
    main()
