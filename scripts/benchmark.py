"""Compare one network of several tasks with the networks that it replaces: forward passes, video, runtimes, memory.

Everything that is compared runs in one process and takes turns, so that whatever else the machine does hits all alike.
A ratio is taken in each turn; its median and quartiles are printed, for time on the wall and for time of all cores.
Networks are built from their YAMLs with random weights; nothing is downloaded. See docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark_timing import CLOCKS, Series, machine, ratios, spread, table, take_turns

EXAMPLES = """examples:
  python scripts/benchmark.py --json runs/benchmark.json
  python scripts/benchmark.py --rows forward,best-cpu --rounds 50 --threads 2
  python scripts/benchmark.py --rows video --weights best.pt --frames 72
  python scripts/benchmark.py --rows none --blocks
  python scripts/benchmark.py --rows memory-predict,memory-val
"""
Functions = dict[str, Callable[[], object]]


@dataclass
class Comparison:
    """One row of the table.

    Attributes:
        title: What is compared.
        ours: Names of the times that count for us, added.
        theirs: Names of the times to compare with, added.
        bar: The ratio that shall not be passed.
        series: Times by name.
    """

    title: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    bar: float
    series: dict[str, Series] = field(default_factory=dict)


# Forward passes -------------------------------------------------------------------------------------------------------
def forwards(networks: dict[str, Any], args: argparse.Namespace, threads: dict[str, int] | None = None) -> Functions:
    """Return a forward pass for each network, with the threads given by name."""
    import torch

    images = torch.rand(1, 3, args.imgsz, args.imgsz)

    def make(network: Any, number: int) -> Callable[[], object]:
        def forward() -> object:
            torch.set_num_threads(number)
            with torch.inference_mode():
                return network(images)

        return forward

    return {name: make(network, (threads or {}).get(name, args.threads)) for name, network in networks.items()}


def compare_forwards(
    title: str, bar: float, networks: dict[str, Any], args: argparse.Namespace, threads: dict[str, int] | None = None
) -> list[Comparison]:
    """Measure networks in turn: the first, ours, against the others added."""
    series = take_turns(forwards(networks, args, threads), args.rounds, args.warmup)
    first, *others = networks
    return [Comparison(title, (first,), tuple(others), bar, series)]


def row_forward(args: argparse.Namespace) -> list[Comparison]:
    """Two tasks against two networks."""
    import benchmark_networks as nets

    made = {"aYOLOM26n": nets.ours(), "yolo26n": nets.base_boxes(), "yolo26n-sem": nets.base_masks()}
    networks = {name: nets.in_memory(network, args.channels_last) for name, network in made.items()}
    return compare_forwards("forward, damage + parts, against two networks", 0.62, networks, args)


def row_two_masks(args: argparse.Namespace) -> list[Comparison]:
    """Boxes and two masks against three networks."""
    import benchmark_networks as nets

    tasks = {"damage": ("damage", nets.BOXES), "parts": ("parts", nets.PARTS), "paint": ("parts", nets.PARTS)}
    made = {"aYOLOM26n + mask": nets.ours(tasks), "yolo26n": nets.base_boxes()}
    made |= {"yolo26n-sem": nets.base_masks(), "yolo26n-sem (2)": nets.base_masks()}
    networks = {name: nets.in_memory(network, args.channels_last) for name, network in made.items()}
    return compare_forwards("forward, boxes + two masks, against three networks", 0.52, networks, args)


def row_three_tasks(args: argparse.Namespace) -> list[Comparison]:
    """The three tasks of A-YOLOM against its own layout."""
    import benchmark_networks as nets

    tasks = {"vehicles": ("damage", 1), "drivable": ("parts", 1), "lanes": ("parts", 1)}
    networks = {
        "aYOLOM26n, three tasks": nets.in_memory(nets.ours(tasks), args.channels_last),
        "aYOLOM-bddn, as published": nets.as_published(nets.ours(cfg="aYOLOM-bddn.yaml"), args.channels_last),
    }
    return compare_forwards("forward, three tasks, against aYOLOM-bdd n", 0.40, networks, args)


def row_best_cpu(args: argparse.Namespace) -> list[Comparison]:
    """Our fastest way on this CPU against the two networks as the base's predict runs them."""
    import benchmark_networks as nets
    from ultralytics.utils import NUM_THREADS

    name, best = (exported_mode if args.runtime else torch_mode)(args)
    theirs = {"yolo26n": nets.base_boxes(), "yolo26n-sem": nets.base_masks()}
    backends = {
        f"{key}, predict's, {NUM_THREADS} threads": nets.as_the_base_predicts(network)
        for key, network in theirs.items()
    }
    threads = dict.fromkeys(backends, NUM_THREADS)
    return compare_forwards(
        "forward, best mode, against two networks as predicted", 0.35, {name: best, **backends}, args, threads
    )


def torch_mode(args: argparse.Namespace) -> tuple[str, Any]:
    """Return our network, and its name, as it is fastest in PyTorch."""
    import benchmark_networks as nets
    import torch

    from ayolom.engine.compiling import compile_frozen
    from ayolom.engine.runtime import has_bf16

    best = nets.in_memory(nets.ours(), channels_last=True)
    best.compute_dtype = torch.bfloat16 if has_bf16() else None
    if args.compile:
        compile_frozen(best)
    how = [*(["compiled"] if args.compile else []), "bf16" if has_bf16() else "fp32", "channels_last"]
    return f"aYOLOM26n, {', '.join(how)}, {args.threads} threads", best


def exported_mode(args: argparse.Namespace) -> tuple[str, Any]:
    """Return our network, and its name, exported to FP32 and inside the backend that predict runs it with."""
    import benchmark_networks as nets
    import torch
    from ultralytics.nn.autobackend import AutoBackend

    from ayolom import YOLO

    model = YOLO("aYOLOM26n.yaml")
    model.model = nets.ours()
    model.save(args.folder / f"{args.runtime}.pt")
    file = YOLO(args.folder / f"{args.runtime}.pt").export(format=args.runtime, imgsz=args.imgsz, device="cpu")
    return f"aYOLOM26n, {args.runtime}, FP32", AutoBackend(model=file, device=torch.device("cpu"), verbose=False).eval()


# Whole predictions ----------------------------------------------------------------------------------------------------
def row_video(args: argparse.Namespace) -> list[Comparison]:
    """Predict on a video, drawn and saved, against the forward pass alone and against two predictions of the base."""
    import benchmark_networks as nets
    import torch
    from ultralytics import YOLO as BaseYOLO  # noqa: N811

    from ayolom import YOLO

    video = make_video(args)
    options = {"source": str(video), "imgsz": args.imgsz, "device": "cpu", "save": True, "stream": True}
    options |= {"verbose": False, "project": str(args.folder / "runs"), "exist_ok": True}
    model = YOLO(args.weights or "aYOLOM26n.yaml")
    if not args.weights:
        model.model = nets.ours()
    theirs = {"base yolo26n": BaseYOLO("yolo26n.yaml"), "base yolo26n-sem": BaseYOLO("yolo26n-sem.yaml")}
    theirs["base yolo26n"].model = nets.base_boxes()
    theirs["base yolo26n-sem"].model = nets.base_masks()

    def predict(one: Any, name: str, threads: int) -> Callable[[], object]:
        few = {"conf": likely_score(one.model, video, args.imgsz), "max_det": 5} if has_random_boxes(one, args) else {}

        def whole_video() -> object:
            torch.set_num_threads(threads)
            return sum(1 for _ in one.predict(name=name, **options, **few))

        return whole_video

    from ultralytics.utils import NUM_THREADS

    functions: Functions = {"predict": predict(model, "ours", args.threads)}
    functions |= {name: predict(one, name.split()[-1], NUM_THREADS) for name, one in theirs.items()}
    frames = functions["predict"]()
    for name in theirs:
        functions[name]()
    images = torch.rand(1, 3, *letterboxed((720, 1280), args.imgsz))

    def forward() -> None:
        torch.set_num_threads(args.threads)
        with torch.inference_mode():
            for _ in range(frames):
                model.predictor.model(images)

    # The forward pass stands right beside what is measured by it: the base's videos would part them by half a minute.
    beside = {"predict": functions["predict"], "forward": forward}
    alone = take_turns(beside, max(3, args.rounds // 2), 0, dict.fromkeys(beside, 1 / frames))
    series = take_turns(functions, max(3, args.rounds // 5), 0, dict.fromkeys(functions, 1 / frames))
    return [
        Comparison("predict on a 720p video, a frame, against its forward", ("predict",), ("forward",), 1.30, alone),
        Comparison("the same against the base's predict, two networks", ("predict",), tuple(theirs), 0.60, series),
    ]


def row_runtime(args: argparse.Namespace, form: str) -> list[Comparison]:
    """Predict with an exported file against predict with the checkpoint, on one picture."""
    import cv2

    from ayolom import YOLO

    capture = cv2.VideoCapture(str(make_video(args)))
    picture = capture.read()[1]
    capture.release()
    source = args.weights
    if source is None:
        source = args.folder / "random.pt"
        YOLO("aYOLOM26n.yaml").save(source)
    options = {"imgsz": letterboxed(picture.shape[:2], args.imgsz), "device": "cpu", "verbose": False}
    native = YOLO(str(source))
    exported = YOLO(YOLO(str(source)).export(format=form, imgsz=list(options["imgsz"]), device="cpu"))
    functions: Functions = {form: lambda: exported.predict(picture, **options)}
    functions["PyTorch"] = lambda: native.predict(picture, **options)
    series = take_turns(functions, args.rounds, args.warmup)
    return [Comparison(f"predict with {form} against PyTorch", (form,), ("PyTorch",), 0.70, series)]


def row_onnx(args: argparse.Namespace) -> list[Comparison]:
    """ONNX Runtime against PyTorch."""
    return row_runtime(args, "onnx")


def row_openvino(args: argparse.Namespace) -> list[Comparison]:
    """OpenVINO against PyTorch."""
    return row_runtime(args, "openvino")


def make_video(args: argparse.Namespace) -> Path:
    """Return a drawn 720p video, made on first use."""
    from ayolom.data.synthetic.video import write_video

    file = args.video or args.folder / "walkaround.mp4"
    if not file.exists():
        print(f"drawing {args.frames} frames ...", file=sys.stderr)
        write_video(file, seed=1, size=(720, 1280), frames=args.frames)
    return file


def letterboxed(shape: tuple[int, int], imgsz: int, stride: int = 32) -> tuple[int, int]:
    """Return (H, W) of the network's input for a picture whose longer side becomes `imgsz`."""
    scale = imgsz / max(shape)
    height, width = (-(-round(side * scale) // stride) * stride for side in shape)
    return height, width


def has_random_boxes(model: Any, args: argparse.Namespace) -> bool:
    """Return whether a model's boxes come from random weights."""
    trained = args.weights and model.task == "multitask"
    return not trained and model.task in {"multitask", "detect"}


def likely_score(network: Any, video: Path, imgsz: int, boxes: int = 50) -> float:
    """Return the confidence that so many boxes of the first frame reach, the number that trained weights leave over.

    Random weights score far more places alike; a low threshold would leave thousands of boxes to be suppressed.
    """
    import cv2
    import torch

    capture = cv2.VideoCapture(str(video))
    picture = cv2.resize(capture.read()[1], letterboxed((720, 1280), imgsz)[::-1])
    capture.release()
    with torch.inference_mode():
        output = network(torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255)
    output = next(iter(output.values())) if isinstance(output, dict) else output
    raw = output[1]["one2many"]["scores"] if isinstance(output[1], dict) else output[0][:, 4:]
    return float(raw.sigmoid().amax(1).flatten().topk(boxes).values[-1])


# Memory ---------------------------------------------------------------------------------------------------------------
def row_memory_predict(args: argparse.Namespace) -> list[Comparison]:
    """Peak memory of predict in the last tenth of a long video against the first tenth."""
    from benchmark_memory import predict_peaks

    return [memory_row("peak memory of predict, last tenth of a video, against the first", 1.05, predict_peaks(args))]


def row_memory_val(args: argparse.Namespace) -> list[Comparison]:
    """Peak memory of val on ten times as many images."""
    from benchmark_memory import val_peaks

    return [memory_row("peak memory of val, 2,000 images, against 200", 1.10, val_peaks(args))]


def memory_row(title: str, bar: float, peaks: dict[str, float]) -> Comparison:
    """Return a row of peaks in bytes, ours first; GB stand for seconds, so MB come out for milliseconds."""
    ours, theirs = peaks
    series = {name: Series([value / 1e9], [value / 1e9]) for name, value in peaks.items()}
    return Comparison(f"{title} (MB)", (ours,), (theirs,), bar, series)


# The script -----------------------------------------------------------------------------------------------------------
ROWS: dict[str, Callable[[argparse.Namespace], list[Comparison]]] = {
    "forward": row_forward,
    "two-masks": row_two_masks,
    "three-tasks": row_three_tasks,
    "best-cpu": row_best_cpu,
    "video": row_video,
    "onnx": row_onnx,
    "openvino": row_openvino,
    "memory-predict": row_memory_predict,
    "memory-val": row_memory_val,
}
DEFAULT = "forward,two-masks,three-tasks,best-cpu,video"


def numbers(row: Comparison) -> dict[str, Any]:
    """Return everything known of a row, for the JSON file."""
    result: dict[str, Any] = {"title": row.title, "ours": row.ours, "theirs": row.theirs, "bar": row.bar}
    for clock in CLOCKS:
        result[clock] = {"ratio": spread(ratios(row.series, row.ours, row.theirs, clock))}
        for name in (*row.ours, *row.theirs):
            values = getattr(row.series[name], clock)
            result[clock][name] = {**spread(values), "values": values}
    result["kept"] = result["wall"]["ratio"]["median"] <= row.bar
    return result


def printed(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table: medians with quartiles, times in milliseconds a turn, image or frame."""
    head = ["comparison", "of", "median wall ms (quartiles)", "CPU ms", "ratio wall (quartiles)", "ratio CPU", "bar"]
    lines = []
    for row in rows:
        for name in (*row["ours"], *row["theirs"]):
            wall, cpu = row["wall"][name], row["cpu"][name]
            lines.append(["", name, in_words(wall, 1e3, 1), in_words(cpu, 1e3, 1), "", "", ""])
        kept = f"{row['bar']:.2f} {'kept' if row['kept'] else 'missed'}"
        lines.append([row["title"], "**ratio**", "", "", *(in_words(row[key]["ratio"], 1, 3) for key in CLOCKS), kept])
    return table(head, lines)


def in_words(value: dict[str, Any], scale: float, digits: int) -> str:
    """Return median and quartiles as text."""
    low, high = value["quartiles"]
    return f"{value['median'] * scale:.{digits}f} ({low * scale:.{digits}f} to {high * scale:.{digits}f})"


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES, formatter_class=form)
    add = parser.add_argument
    add("--rows", default=DEFAULT, help=f"which, with commas, of {', '.join(ROWS)}; none; default {DEFAULT}")
    add("--rounds", type=int, default=30, help="turns of each; of whole videos half of it, with the base's a fifth")
    add("--warmup", type=int, default=5, help="first turns of each, not counted")
    add("--threads", type=int, help="threads of the network, in place of all cores")
    add("--imgsz", type=int, default=640, help="image size in pixels")
    add("--compile", action="store_true", help="compile our network of the row best-cpu, as predict compile=True does")
    add("--runtime", choices=("onnx", "openvino"), help="run our network of the row best-cpu from an exported file")
    add("--channels-last", action="store_true", help="run both sides of the forward rows in this layout")
    add("--blocks", action="store_true", help="also print what each block of aYOLOM26n costs")
    add("--frames", type=int, default=48, help="frames of the drawn video")
    add("--video", type=Path, help="a 720p video of your own, in place of a drawn one")
    add("--weights", help="a checkpoint of ours for video and runtimes, in place of random weights")
    add("--memory-frames", type=int, default=18000, help="frames of the long video: 10 minutes at 30 a second")
    add("--folder", type=Path, help="folder for what is drawn and exported, which is kept; else a temporary one")
    add("--json", type=Path, help="file for all numbers")
    args = parser.parse_args()
    args.rows = [] if args.rows == "none" else args.rows.split(",")
    if unknown := [name for name in args.rows if name not in ROWS]:
        parser.error(f"--rows: {', '.join(unknown)} unknown; there are {', '.join(ROWS)}")
    return args


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure what is asked for and print each row when it is there; a row that fails is told and left out."""
    from ayolom.compat import ensure_torchvision
    from ayolom.engine.runtime import cores

    ensure_torchvision()
    args.threads = args.threads or cores()
    result: dict[str, Any] = {"machine": machine(), "arguments": vars(args), "rows": [], "failed": {}}
    for name in args.rows:
        try:
            found = [numbers(row) for row in ROWS[name](args)]
        except Exception as error:  # noqa: BLE001 - the other rows are worth having
            result["failed"][name] = f"{type(error).__name__}: {error}"
            print(f"{name}: {result['failed'][name]}", file=sys.stderr)
            continue
        result["rows"] += found
        print(printed(found) + "\n", flush=True)
    if args.blocks:
        from benchmark_blocks import block_costs, printed_blocks

        result["blocks"] = block_costs(args)
        print(printed_blocks(result["blocks"]), flush=True)
    return result


def main() -> int:
    """Measure, print tables, write the numbers; the exit status tells whether every row could be measured."""
    os.environ.setdefault("YOLO_AUTOINSTALL", "False")
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does; read when torch is imported
    args = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        args.folder = (args.folder or Path(temporary)).resolve()
        args.folder.mkdir(parents=True, exist_ok=True)
        result = run(args)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(result, default=str, indent=1), encoding="utf-8")
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
