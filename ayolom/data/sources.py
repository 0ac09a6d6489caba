"""Files to predict on: those that can be read are used, those that cannot are named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultralytics.data.build import check_source
from ultralytics.data.loaders import LoadImagesAndVideos, SourceTypes
from ultralytics.data.utils import IMG_FORMATS, VID_FORMATS
from ultralytics.utils import LOGGER

from ayolom.data.images import check_jpeg, read_image
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    import numpy as np

LOST = 0.05  # share of a video's frames that may lack before it counts as cut short; some formats only estimate them


def readable(source: Any, batch: int = 1, vid_stride: int = 1, channels: int = 3) -> Any:
    """Return a source of prediction so that files which cannot be read do not stop the others.

    Args:
        source: What the base predicts on: a file, folder, glob, camera, address, image, tensor, or a list.
        batch: Images in a batch.
        vid_stride: Every how many frames of a video are read.
        channels: Channels of the network's input.

    Returns:
        `Files` for what lies on the disk, lists without files that cannot be read, everything else as it came.

    Raises:
        AyolomError: There is no such file, or none that can be read.
    """
    if isinstance(source, (list, tuple)):
        return _readable_list(source)
    if not isinstance(source, (str, Path, int)) or "://" in str(source):
        return source
    return source if any(check_source(source)[1:]) else Files(source, batch, vid_stride, channels)


class Files(LoadImagesAndVideos):
    """The base's reader of images and videos; one that cannot be read is named in a warning and left out.

    Attributes:
        problems: A line for each file that cannot be read, or not to its end.
        read: How many images and frames were read.
    """

    def __init__(self, source: str | Path | int, batch: int = 1, vid_stride: int = 1, channels: int = 3) -> None:
        """List the files.

        Args:
            source: A file, a folder, a glob, or a .txt or .csv list of those.
            batch: Images in a batch.
            vid_stride: Every how many frames of a video are read.
            channels: Channels of the images: 3 or 1.

        Raises:
            AyolomError: There is no such file.
        """
        self.given, self.read = str(source), 0
        self.problems: list[str] = []
        self.frame = self.frames = 0
        self.video: str | None = None
        self.source_type = SourceTypes(False, False, False, False)
        try:
            super().__init__(str(source), batch, vid_stride, channels)
        except FileNotFoundError as error:
            raise AyolomError(f"source={source}: {_why_none(str(source), error)}") from None

    def __next__(self) -> tuple[list[str], list[np.ndarray], list[str]]:
        """Return paths, images (H, W, C) uint8 BGR and texts for the log of the next batch.

        Raises:
            AyolomError: The end is reached and nothing could be read.
        """
        try:
            paths, images, texts = super().__next__()
        except StopIteration:
            self._leave_video()
            if not self.read:
                raise AyolomError(f"source={self.given}: nothing in it can be read. {self.problems[0]}") from None
            raise
        self.read += len(images)
        return paths, images, texts

    def _append_image(self, paths: list, imgs: list, info: list, path: str, im0: np.ndarray | None, idx: int) -> None:
        """Take an image, or say why it cannot be read."""
        try:
            check_jpeg(path)
            if im0 is None:
                im0 = read_image(path, self.cv2_flag)
        except AyolomError as error:
            self._tell(str(error))
        else:
            super()._append_image(paths, imgs, info, path, im0, idx)

    def _new_video(self, path: str) -> None:
        """Open a video; one that cannot be opened stays closed, which the base's loop takes for its end."""
        self._leave_video()
        try:
            super()._new_video(path)
            self.video = path
        except FileNotFoundError:
            self.frames = 0
            self._tell(f"{path}: is no video that can be read, or is cut short; copy or record it again")

    def _leave_video(self) -> None:
        """Say so when the video that was read has fewer frames than it claims."""
        if self.video and self.frame + 1 < self.frames * (1 - LOST):
            self._tell(
                f"{self.video}: {self.frame} of {self.frames} frames can be read, which are used; the file is cut "
                "short or damaged, copy it again"
            )
        self.video = None

    def _tell(self, problem: str) -> None:
        """Warn of a file, once."""
        if problem not in self.problems:
            self.problems.append(problem)
            LOGGER.warning(problem)


def _why_none(source: str, error: FileNotFoundError) -> str:
    """Return why there is nothing to read."""
    if "*" not in source and not Path(source).exists():
        return "no such file or folder; check the path"
    if "does not exist" in str(error):
        return f"{error}; correct the list"
    images, videos = ", ".join(sorted(IMG_FORMATS)), ", ".join(sorted(VID_FORMATS))
    return f"holds no image ({images}) and no video ({videos}); give another folder or file"


def _readable_list(source: list[Any] | tuple[Any, ...]) -> list[Any]:
    """Return a list of images without the files that cannot be read."""
    kept, problems = [], []
    for item in source:
        problem = _problem(item)
        if problem is None:
            kept.append(item)
        else:
            problems.append(problem)
            LOGGER.warning(problem)
    if problems and not kept:
        raise AyolomError(f"source: none of the {len(problems)} files of the list can be read. {problems[0]}")
    return kept


def _problem(item: Any) -> str | None:
    """Return why an item of a list cannot be read, None when it can or is no file."""
    if not isinstance(item, (str, Path)) or "://" in str(item):
        return None
    try:
        if not check_jpeg(item):
            read_image(item)
    except AyolomError as error:
        return str(error)
    return None
