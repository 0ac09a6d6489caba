"""Image files: which there are, whether they can be read, and how large they are. Nothing is ever written to them."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import features
from PIL.JpegImagePlugin import JpegImageFile
from ultralytics.data.utils import IMG_FORMATS
from ultralytics.utils.patches import imread

from ayolom.data.walk import is_image, walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

MIN_SIDE = 10  # pixels
JPEG_SIGNATURE = b"\xff\xd8\xff"
ORIENTATION = 0x0112  # EXIF tag
UPRIGHT = (0, 1)


def list_images(sources: Iterable[Path], root: Path) -> list[str]:
    """Return the image files of folders and lists, sorted, each once.

    Args:
        sources: Folders, searched with all below them, and .txt lists with one path a line; relative paths of a list
            are looked for beside the list, then below `root`.
        root: Folder of the data set.

    Raises:
        AyolomError: A source holds no image.
    """
    files: dict[str, None] = {}
    for source in sources:
        found = [*map(str, walk(source.absolute(), is_image))] if source.is_dir() else _read_list(source, root)
        if not found:
            suffixes = ", ".join(sorted(IMG_FORMATS))
            raise AyolomError(f"{source}: holds no images; put files of these kinds there: {suffixes}")
        files.update(dict.fromkeys(found))
    return sorted(files)


def image_shape(file: str | Path) -> tuple[int, int]:
    """Return the size of an image as it is decoded for training, EXIF rotation applied, after a check that it can be.

    Args:
        file: An image file.

    Returns:
        (H, W) in pixels.

    Raises:
        AyolomError: The file cannot be read, is damaged, cut short or too small.
    """
    data = _content(file)
    shape = _jpeg_shape(data, file) if data.startswith(JPEG_SIGNATURE) else read_image(file).shape[:2]
    if min(shape) < MIN_SIDE:
        raise AyolomError(f"{file}: is {shape[1]}x{shape[0]} pixels; images of less than {MIN_SIDE} are of no use")
    return int(shape[0]), int(shape[1])


def read_image(file: str | Path, flags: int = 1) -> np.ndarray:
    """Decode an image.

    Args:
        file: An image file.
        flags: OpenCV's reading flags; 1 gives colour, 0 grey.

    Returns:
        (H, W, C) uint8, BGR.

    Raises:
        AyolomError: The file cannot be decoded.
    """
    _check_decoder(file)
    image = imread(str(file), flags)
    if image is None:
        raise AyolomError(f"{file}: is no image that can be read, or is damaged; remove it or copy it again")
    return image


def check_jpeg(file: str | Path) -> bool:
    """Return whether a file is a JPEG, and raise where it is cut short: decoders fill up the rest and say nothing.

    Raises:
        AyolomError: The file cannot be read, is empty, or a JPEG that ends too early.
    """
    data = _content(file)
    if not data.startswith(JPEG_SIGNATURE):
        return False
    _jpeg_shape(data, file)
    return True


def _content(file: str | Path) -> bytes:
    """Return what is in a file."""
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise AyolomError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    if not data:
        raise AyolomError(f"{file}: is an empty file; copy the image again")
    return data


def _jpeg_shape(data: bytes, file: str | Path) -> tuple[int, int]:
    """Return (H, W) of a JPEG after reading it to its end, at an eighth of its size, which is quick."""
    try:
        with JpegImageFile(BytesIO(data)) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION, 1) not in UPRIGHT
            image.draft("L", (max(width // 8, 1), max(height // 8, 1)))
            image.load()
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError) as error:
        raise AyolomError(f"{file}: the JPEG is damaged or cut short ({error}); copy it again") from None
    if turned:  # ask the decoder that training uses
        return read_image(file).shape[:2]
    return height, width


def _check_decoder(file: str | Path) -> None:
    """Raise where decoding needs a package that is not installed; the base would install it unasked."""
    suffix = Path(file).suffix.lower()
    foreign = suffix in {".heic", ".heif"} or (suffix == ".avif" and not features.check("avif"))
    if foreign and find_spec("pi_heif") is None:
        raise AyolomError(f"{file}: {suffix} images need one more package: pip install pi-heif")


def _read_list(file: Path, root: Path) -> list[str]:
    """Return the image files that a list names, whether or not they are there."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise AyolomError(f"{file}: is neither a folder nor a text list of images") from None
    for number, line in enumerate(lines, start=1):
        if "\0" in line:  # no system has such names
            raise AyolomError(f"{file}, line {number}: holds a zero byte; write the list again, one path a line")
    named = [Path(line.strip()).expanduser() for line in lines if line.strip() and is_image(line.strip())]
    return [str(_place(path, (file.parent, root))) for path in named]


def _place(path: Path, folders: Sequence[Path]) -> Path:
    """Return the absolute path of a listed file: the first of the folders that holds it, else the first."""
    candidates = [(folder / path).absolute() for folder in folders]
    return next((candidate for candidate in candidates if candidate.exists()), candidates[0])
