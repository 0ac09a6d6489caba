"""A report drawn again, after corrections or in another language, from the pictures that an inspection kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from ayolom.inspect.album import Album
from ayolom.inspect.detected import Damages, Picture
from ayolom.inspect.report import report_folder, write_report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ayolom.inspect.language import Language
    from ayolom.inspect.objects import Inspection, View
    from ayolom.inspect.rules import Rules


def rebuild_report(
    inspection: Inspection,
    kept: Path,
    out: Path,
    names: Mapping[int, str],
    rules: Rules,
    language: Language,
) -> Inspection:
    """Write the report of an inspection anew; videos with marks are not written again.

    Args:
        inspection: What it tells, such as a corrected one.
        kept: Folder that was `Options.keep` of the inspection.
        out: New folder of the report.
        names: Class names of parts by class id.
        rules: Rules of the inspection.
        language: Of the report.

    Returns:
        The inspection with the names of the pictures in `out`.

    Raises:
        AyolomError: `out` is there already.
    """
    with report_folder(out) as folder:
        album = Album(folder, names, rules, language, video=False, keep=kept)
        damages, views = album.finish(inspection.damages, inspection.views)
        drawn = inspection.model_copy(update={"damages": tuple(damages), "views": tuple(views)})
        write_report(drawn, folder, language, rules)
    return drawn


def kept_picture(view: View, album: Album, frame: int | None = None, rate: float | None = None) -> Picture:
    """Return a kept picture at the size of its original, without damages.

    Large originals were kept smaller, so their pixels and class map are enlarged again: areas in pixels are near,
    shares are as before.

    Args:
        view: The photo or video.
        album: Album over the kept pictures.
        frame: Frame of the video; None for a photo.
        rate: Frames a second of the video.

    Raises:
        KeyError: It was not kept.
    """
    image, class_map, scale = album.unmarked(view.name, frame)
    size = (view.width_px, view.height_px)
    if scale != 1:
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        class_map = None if class_map is None else cv2.resize(class_map, size, interpolation=cv2.INTER_NEAREST)
    return Picture(view.name, image, Damages(), class_map, frame, rate)
