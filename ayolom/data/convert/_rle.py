"""Run-length masks of COCO, both forms, decoded by pycocotools (https://github.com/ppwwyyxx/cocoapi)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    import numpy as np


def decode(segmentation: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    """Return the mask of a run-length code.

    Args:
        segmentation: `size` [H, W] and `counts`: numbers (uncompressed) or text (compressed); runs go down the columns,
            the first is of zeros.
        shape: (H, W) of the image.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: The code is malformed or of another size.
        AyolomError: pycocotools is not installed.
    """
    try:
        from pycocotools import mask as coco_mask  # type: ignore[import-untyped]
    except ImportError:
        raise AyolomError('run-length masks need one more package: pip install "ayolom[data]"') from None
    counts, size = segmentation.get("counts"), segmentation.get("size")
    if not isinstance(size, list) or tuple(size) != tuple(shape):
        raise ValueError(f"its size is {size} and the image's {list(shape)}")
    height, width = int(shape[0]), int(shape[1])
    if isinstance(counts, list):
        # Checked here, as the C code trusts its input
        if not all(isinstance(run, int) and 0 <= run <= height * width for run in counts):
            raise ValueError("its counts are not whole numbers from 0")
        if sum(counts) != height * width:
            raise ValueError("its counts do not add up to the image")
        code = coco_mask.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
    elif isinstance(counts, (str, bytes)) and counts:
        code = {"counts": counts.encode() if isinstance(counts, str) else counts, "size": [height, width]}
        _check_compressed(code["counts"], height * width)
    else:
        raise ValueError("it has no counts")
    return coco_mask.decode(code).astype(bool)


def _check_compressed(text: bytes, pixels: int) -> None:
    """Raise where a compressed code does not add up to the image; the C code would read or write beyond its memory.

    Five bits a character from "0" on, the lowest first; bit 5 says that more follow, bit 4 of the last is the sign;
    from the third run on, what is stored is the difference to the last run but one.
    """
    runs: list[int] = []
    value = shift = 0
    for byte in text:
        bits = byte - 48
        if not 0 <= bits < 64 or shift > 30:
            raise ValueError("its counts are malformed")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        value -= (1 << shift) if bits & 16 else 0
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        if runs[-1] < 0:
            raise ValueError("its counts are malformed")
        value = shift = 0
    if shift or sum(runs) != pixels:
        raise ValueError("its counts do not add up to the image")
