"""The pictures of a report: kept while they pass, marked when the damages have their numbers."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.draw import box_color, draw_boxes, draw_regions
from ayolom.errors import AyolomError
from ayolom.files import write_atomic
from ayolom.inspect._names import parts_of
from ayolom.inspect.gather import Keeper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.inspect.detected import Picture
    from ayolom.inspect.language import Language
    from ayolom.inspect.objects import Damage, Finding, Level, View
    from ayolom.inspect.rules import Rules

LONG_SIDE = 1600  # pixels of a kept picture
CROP_SIDE, CROP_MARGIN, CROP_LEAST = 640, 0.6, 160
# Ids whose colours in the palette of boxes say the severity: lavender, yellow, orange, red.
COLOR_IDS: dict[Level, int] = {"unrated": 13, "minor": 7, "moderate": 15, "severe": 0}
REGION_ALPHA = 0.22
SAMPLE_S = 3.0  # seconds of a video between two frames that are kept in any case, where pictures stay
STEMS = "stems.json"  # in a folder of kept pictures: under which name each of them lies


class Album(Keeper):
    """Keeps pictures in a folder.

    What passes is kept as JPEG below `.kept/`, photos always and frames of a video while some damage is seen best in
    them; `finish` makes the marked pictures and crops of them and removes it. Pictures that are to be marked again,
    after a correction, are kept in a folder of their own, which stays.
    """

    def __init__(
        self,
        folder: Path,
        names: Mapping[int, str],
        rules: Rules,
        language: Language,
        video: bool,
        keep: Path | None = None,
    ) -> None:
        """Open an album.

        Args:
            folder: Where the pictures are to lie.
            names: Class names of parts by class id.
            rules: Rules of the inspection.
            language: Of the labels.
            video: Whether to write videos with marks.
            keep: Folder of the unmarked pictures, which stay there; those that it holds already are known.
        """
        self.folder, self._language, self._video_wanted = folder, language, video
        self._names = parts_of(names, rules)
        self._kept, self._stays = keep or folder / ".kept", keep is not None
        self._kept.mkdir(parents=True, exist_ok=True)
        known = self._kept / STEMS
        self._stems: dict[str, str] = json.loads(known.read_text(encoding="utf-8")) if known.is_file() else {}
        self._best: dict[str, str] = {}
        self._sampled: dict[str, float] = {}
        self._writer: cv2.VideoWriter | None = None
        self.videos: dict[str, str] = {}

    def photo(self, picture: Picture, findings: list[Finding]) -> None:
        """Keep a photo."""
        self._keep(picture, self._stem(picture))

    def best(self, key: str, picture: Picture, finding: Finding) -> None:
        """Keep a frame for a track and let go of the one before."""
        stem = f"{self._stem(picture)}@{picture.frame}"
        if not (self._kept / f"{stem}.jpg").is_file():
            self._keep(picture, stem)
        before = self._best.get(key)
        self._best[key] = stem
        if before is not None and before not in {*self._best.values(), *self._sampled}:
            for suffix in (".jpg", ".png", ".txt"):
                (self._kept / f"{before}{suffix}").unlink(missing_ok=True)

    def frame(self, picture: Picture, findings: list[Finding], numbers: Mapping[str, str]) -> None:
        """Write a frame of the marked video, and keep one now and then where pictures stay."""
        if self._stays:
            self._sample(picture)
        if not self._video_wanted:
            return
        image = self._tinted(picture.image.copy(), picture.class_map)
        for finding in findings:
            name = self._language.name(finding.kind)
            number = numbers.get(finding.id, "").rsplit(" ", 1)[-1]
            label = f"{name} ({number})" if number else name
            image = _boxed(image, np.array(finding.box_xyxy_px), label, finding.severity)
        self._open(picture).write(np.ascontiguousarray(image))

    def end_video(self) -> None:
        """Close the marked video."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def finish(self, damages: Sequence[Damage], views: Sequence[View]) -> tuple[list[Damage], list[View]]:
        """Make the marked pictures and return damages and views with the names of their files."""
        self.end_video()
        by_picture: dict[str, list[tuple[Damage, Finding]]] = {}
        for damage in damages:
            for finding in damage.evidence:
                by_picture.setdefault(finding.picture, []).append((damage, finding))
        made = [self._of_damage(damage) for damage in damages]
        shown = [self._of_view(view, by_picture.get(view.name, [])) for view in views]
        if self._stays:
            write_atomic(self._kept / STEMS, json.dumps(self._stems, ensure_ascii=False))
        else:
            shutil.rmtree(self._kept)
        return made, shown

    def frames(self, name: str) -> list[int]:
        """Return which frames of a video are kept, in order."""
        stem = self._stems.get(name, "")
        return sorted(int(file.stem.rpartition("@")[2]) for file in self._kept.glob(f"{stem}@*.jpg"))

    def unmarked(self, name: str, frame: int | None = None) -> tuple[np.ndarray, np.ndarray | None, float]:
        """Return a kept picture (H, W, 3) BGR, its class map (H, W) or None, and the scale from the original to it.

        Raises:
            KeyError: No such picture or frame is kept.
        """
        stem = self._stems[name] + ("" if frame is None else f"@{frame}")
        if not (self._kept / f"{stem}.jpg").is_file():
            raise KeyError(stem)
        return self._read(stem)

    def _of_damage(self, damage: Damage) -> Damage:
        """Return a damage with its crop and its whole picture."""
        best = next(one for one in damage.evidence if one.id == damage.best)
        stem = self._stems[best.picture] + ("" if best.frame_index is None else f"@{best.frame_index}")
        image, class_map, scale = self._read(stem)
        box = np.array(best.box_xyxy_px) * scale
        crop, overlay = f"crops/{damage.id}.jpg", f"crops/{damage.id}-whole.jpg"
        _write(self.folder / crop, _crop(image, box, damage.severity))
        label = f"{damage.id} {self._language.name(damage.kind)}"
        _write(self.folder / overlay, _boxed(self._tinted(image.copy(), class_map), box, label, damage.severity))
        return damage.model_copy(update={"crop_file": crop, "overlay_file": overlay})

    def _of_view(self, view: View, found: Sequence[tuple[Damage, Finding]]) -> View:
        """Return a view with its marked picture."""
        if view.media == "video":
            return view.model_copy(update={"picture_file": self.videos.get(view.name)})
        image, class_map, scale = self._read(self._stems[view.name])
        image = self._tinted(image, class_map)
        for damage, finding in found:
            label = f"{damage.id} {self._language.name(damage.kind)}"
            image = _boxed(image, np.array(finding.box_xyxy_px) * scale, label, damage.severity)
        name = f"pictures/{self._stems[view.name]}.jpg"
        _write(self.folder / name, image)
        return view.model_copy(update={"picture_file": name})

    def _stem(self, picture: Picture) -> str:
        """Return the name under which a picture is kept: a number, and what of its own name is safe in a path."""
        if picture.name not in self._stems:
            safe = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(picture.name).stem).strip("-")[:40]
            self._stems[picture.name] = f"{len(self._stems) + 1:04d}" + (f"-{safe}" if safe else "")
        return self._stems[picture.name]

    def _sample(self, picture: Picture) -> None:
        """Keep a frame when the last one that was kept in any case is long ago: a person may find damages in it."""
        video, time = self._stem(picture), picture.time_s or 0.0
        stem = f"{video}@{picture.frame}"
        last = max((at for name, at in self._sampled.items() if name.startswith(f"{video}@")), default=-SAMPLE_S)
        if time - last >= SAMPLE_S:
            self._sampled[stem] = time
            self._keep(picture, stem)

    def _keep(self, picture: Picture, stem: str) -> None:
        """Write a picture and its class map, no larger than a report needs."""
        height, width = picture.image.shape[:2]
        share = min(1.0, LONG_SIDE / max(height, width))
        size = (max(1, round(width * share)), max(1, round(height * share)))
        image = picture.image if share == 1 else cv2.resize(picture.image, size, interpolation=cv2.INTER_AREA)
        _write(self._kept / f"{stem}.jpg", image, 92)
        if picture.class_map is not None:
            classes = np.ascontiguousarray(picture.class_map, np.uint8)
            classes = classes if share == 1 else cv2.resize(classes, size, interpolation=cv2.INTER_NEAREST)
            cv2.imencode(".png", classes, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tofile(self._kept / f"{stem}.png")
        (self._kept / f"{stem}.txt").write_text(str(width))

    def _read(self, stem: str) -> tuple[np.ndarray, np.ndarray | None, float]:
        """Return a kept picture, its class map, and the scale from the original to it."""
        image = _decode(self._kept / f"{stem}.jpg", cv2.IMREAD_COLOR)
        file = self._kept / f"{stem}.png"
        class_map = _decode(file, cv2.IMREAD_GRAYSCALE) if file.is_file() else None
        return image, class_map, image.shape[1] / int((self._kept / f"{stem}.txt").read_text())

    def _tinted(self, image: np.ndarray, class_map: np.ndarray | None) -> np.ndarray:
        """Return a picture with its parts faintly tinted."""
        return image if class_map is None else draw_regions(image, class_map, self._names, alpha=REGION_ALPHA)

    def _open(self, picture: Picture) -> cv2.VideoWriter:
        """Return the writer of a video."""
        if self._writer is None:
            name = f"videos/{self._stem(picture)}.mp4"
            (self.folder / "videos").mkdir(exist_ok=True)
            height, width = picture.image.shape[:2]
            writer = cv2.VideoWriter(
                str(self.folder / name), cv2.VideoWriter.fourcc(*"mp4v"), picture.rate or 30.0, (width, height)
            )
            if not writer.isOpened():
                raise AyolomError(f"{picture.name}: OpenCV cannot write MP4 videos here; give save_video=False")
            self._writer, self.videos[picture.name] = writer, name
        return self._writer


def _boxed(image: np.ndarray, box: np.ndarray, label: str, level: Level) -> np.ndarray:
    """Return a picture with one box in the colour of its severity."""
    number = COLOR_IDS[level]
    return draw_boxes(image, box[None], np.array([number]), None, {number: label})


def _crop(image: np.ndarray, box: np.ndarray, level: Level) -> np.ndarray:
    """Return the surroundings of a box, four to three where the picture allows, with a thin frame round it."""
    height, width = image.shape[:2]
    needed = (1 + 2 * CROP_MARGIN) * max((box[2] - box[0]) / 4, (box[3] - box[1]) / 3)
    unit = max(CROP_LEAST / 4, needed)
    w, h = min(width, round(4 * unit)), min(height, round(3 * unit))
    x = int(np.clip((box[0] + box[2] - w) / 2, 0, width - w))
    y = int(np.clip((box[1] + box[3] - h) / 2, 0, height - h))
    share = CROP_SIDE / max(w, h)
    crop = cv2.resize(image[y : y + h, x : x + w], None, fx=share, fy=share, interpolation=cv2.INTER_CUBIC)
    frame = np.rint((box - [x, y, x, y]) * share).astype(int).tolist()
    cv2.rectangle(crop, frame[:2], frame[2:], box_color(COLOR_IDS[level]), 1, cv2.LINE_AA)
    return crop


def _write(file: Path, image: np.ndarray, quality: int = 88) -> None:
    """Write a JPEG; its folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tofile(file)


def _decode(file: Path, flags: int) -> np.ndarray:
    """Read a picture that was kept."""
    return cv2.imdecode(np.fromfile(file, np.uint8), flags)
