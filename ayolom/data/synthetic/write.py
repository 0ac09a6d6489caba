"""The drawn set on disk."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from ultralytics.utils import LOGGER, TQDM

from ayolom.data.synthetic.lens import through_lens
from ayolom.data.synthetic.names import DAMAGE_NAMES
from ayolom.data.synthetic.scene import Scene, Vehicle, aim, draw, make_place, make_vehicle
from ayolom.data.synthetic.video import write_video
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator

STALE = 3600  # seconds after which an unfinished folder belongs to a run that was killed
README = """This is a drawn stand-in: cars that do not exist, made by a program, to learn and to test with.
It proves that the software works; it says nothing about photographs. Train on your own pictures for that.

images/{{train,val}}  pictures
labels/{{train,val}}  damage, one row a box: class x y w h (0-1); an empty file means an undamaged view
masks/{{train,val}}   part ids, one byte a pixel, same size as the picture
{video}
Damage classes: {damages}
Left and right are the car's own sides; side windows carry the class of their door.
Made with seed {seed}: the same seed makes the same files.
"""


def generate(
    root: Path,
    *,
    seed: int = 0,
    train: int = 96,
    val: int = 32,
    size: tuple[int, int] = (480, 640),
    video: bool = True,
) -> None:
    """Draw a small labelled set of vehicles with damage.

    The set is written beside `root` first and moved there when it is complete, so an interrupted run leaves no `root`.

    Args:
        root: Folder to make; it must not hold anything yet.
        seed: The same seed makes the same images, labels and masks.
        train: Images of the training split.
        val: Images of the validation split; no vehicle is in both.
        size: Picture (H, W) in pixels.
        video: Also write a short turn round one damaged vehicle.

    Raises:
        AyolomError: `root` exists and is not an empty folder, or `size` is too small.
    """
    root = Path(root)
    if min(size) < 64:
        raise AyolomError(f"size: pictures need at least 64 pixels a side (got {size[0]} x {size[1]})")
    start = time.perf_counter()
    with _finished_or_nothing(root) as folder:
        plan = [("train", number) for number in range(train)] + [("val", number) for number in range(val)]
        for split in ("train", "val"):
            for kind in ("images", "labels", "masks"):
                (folder / kind / split).mkdir(parents=True)
        for split, number in TQDM(plan, desc="Drawing the sample set"):
            _write_sample(folder, split, number, seed, size)
        if video:
            write_video(folder / "walkaround.mp4", seed=seed, size=size)
        line = "walkaround.mp4      a turn round one damaged vehicle\n" if video else ""
        (folder / "README.txt").write_text(
            README.format(seed=seed, video=line, damages=", ".join(DAMAGE_NAMES.values())), encoding="utf-8"
        )
    seconds = time.perf_counter() - start
    LOGGER.info(f"{root}: drew {train} train and {val} val images in {seconds:.1f} s (a stand-in, not photographs)")


@contextmanager
def _finished_or_nothing(root: Path) -> Iterator[Path]:
    """A folder beside `root` that becomes `root` when the block ends well and is removed when it does not."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise AyolomError(
            f"{root}: is not an empty folder (the sample set overwrites nothing); choose another or empty it"
        )
    root.parent.mkdir(parents=True, exist_ok=True)
    for old in root.parent.glob(f".{root.name}.part-*"):
        if time.time() - old.stat().st_mtime > STALE:
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{root.name}.part-", dir=root.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if root.exists() and any(root.iterdir()):
            LOGGER.info(f"{root}: another run made the sample set meanwhile; that one is kept")
            return
        if root.exists():
            root.rmdir()
        folder.rename(root)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_sample(folder: Path, split: str, number: int, seed: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng([seed, split == "val", number])
    pair = 100_000 * seed + number // 2  # two views of each vehicle; no vehicle is in both splits
    vehicle = make_vehicle(2 * pair + (split == "val"))
    scene = _take(vehicle, number, size, rng)
    name = f"{number:04d}"
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(80, 96))]
    cv2.imwrite(str(folder / "images" / split / f"{name}.jpg"), through_lens(scene.image, rng), quality)
    cv2.imwrite(str(folder / "masks" / split / f"{name}.png"), scene.parts)
    (folder / "labels" / split / f"{name}.txt").write_text(label_text(scene), encoding="utf-8")


def _take(vehicle: Vehicle, number: int, size: tuple[int, int], rng: np.random.Generator) -> Scene:
    """A view: golden-angle steps round the vehicle, from afar or, now and then, near a spot (rather a damaged one)."""
    azimuth = (number * 137.508 + rng.uniform(-20, 20)) % 360
    elevation, distance = rng.uniform(3, 24), rng.uniform(5.5, 9.5)
    fill, target = rng.uniform(0.66, 0.98), None
    if rng.random() < 0.35:
        fill, target = rng.uniform(1.15, 1.8), _spot(vehicle, azimuth, rng)
    camera = aim(vehicle.body, azimuth, elevation, distance, fill, size, target)
    return draw(vehicle, make_place(int(rng.integers(2**31)), vehicle.body), camera)


def _spot(vehicle: Vehicle, azimuth: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """A point on the skin that faces the camera."""
    mesh = vehicle.pieces["body"]
    a, b, c = mesh.corners[:, 0], mesh.corners[:, 1], mesh.corners[:, 2]
    normal = np.cross(b - a, c - a)
    angle = np.deg2rad(azimuth)
    facing = normal @ (np.cos(angle), np.sin(angle), 0.1) > 0.5 * np.linalg.norm(normal, axis=1)
    column, row = np.round(mesh.texels.mean(1)).astype(int).T
    hurt = facing & (vehicle.atlas.damage[row, column] > 0)
    chosen = np.flatnonzero(hurt if hurt.any() and rng.random() < 0.75 else facing)
    x, y, z = mesh.corners[rng.choice(chosen)].mean(0) * (0.8, 0.8, 1.0)
    return float(x), float(y), float(z)


def label_text(scene: Scene) -> str:
    """Rows "class x y w h", normalised, one for each visible damage; empty when there is none."""
    height, width = scene.parts.shape
    rows = []
    for seen in scene.damages:
        left, top, right, bottom = seen.xyxy
        x, y, w, h = (
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
        )
        rows.append(f"{seen.kind} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n")
    return "".join(rows)
