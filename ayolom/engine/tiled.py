"""Large pictures searched tile by tile, for prediction and validation alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ayolom.engine.runtime import answers, native
from ayolom.tiling import Tile, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ayolom.config import Settings

AT_ONCE = 4  # tiles in a batch, where no larger batch is asked for

Found = dict[str, list[tuple[Tile, dict[str, torch.Tensor]]]]  # by task name what each tile holds


class TileSearch:
    """Runs the tasks that look at tiles on the tiles of one picture after another.

    Which tasks do is theirs to say (`Task.tiled`). What a tile holds is decoded before the next batch of tiles is run,
    so memory does not grow with the picture.

    Attributes:
        tasks: Names of the tasks to search for.
    """

    def __init__(
        self,
        model: Any,
        settings: Settings,
        chosen: Iterable[str] | None,
        *,
        batch: int,
        prepare: Callable[[list[np.ndarray]], torch.Tensor],
        task_args: Callable[[str], Any],
    ) -> None:
        """Prepare.

        Args:
            model: The base's `AutoBackend`.
            settings: Ours: `tile`, `tile_overlap` and `tile_whole` are read.
            chosen: Names of the tasks to compute, None for all.
            batch: Images in a batch of the whole pictures.
            prepare: Makes the network's input (B, C, H, W) of tiles (h, w, C) uint8 BGR.
            task_args: Returns the base's settings as they hold for a task, for `Task.decode`.
        """
        self.model, self.network, self.settings = model, native(model), settings
        self.prepare, self.task_args = prepare, task_args
        names = list(self.network.tasks) if chosen is None else chosen
        self.tasks = frozenset(name for name in names if self.network.tasks[name].tiled)
        fixed = model.format != "pt" and not getattr(model, "dynamic", False)
        self.fixed = int(model.metadata.get("batch", 1)) if fixed else 0
        self.at_once = self.fixed or max(batch, AT_ONCE)

    def __call__(self, image: np.ndarray, **given: Any) -> Found:
        """Return what each tile of a picture holds, in the tile's own frame, by task.

        A picture that is a single tile has nothing to add to its search as a whole; then the answer is empty.

        Args:
            image: (H, W, C) uint8 BGR.
            **given: Arguments of the network's call.
        """
        tiles = tiles_of((image.shape[0], image.shape[1]), self.settings.tile, self.settings.tile_overlap)
        if not self.tasks or (len(tiles) == 1 and self.settings.tile_whole):
            return {}
        active, self.network.active = self.network.active, self.tasks
        found: Found = {}
        try:
            for start in range(0, len(tiles), self.at_once):
                self._search(image, tiles[start : start + self.at_once], found, given)
        finally:
            self.network.active = active
        return found

    def _search(self, image: np.ndarray, tiles: list[Tile], found: Found, given: dict[str, Any]) -> None:
        """Add what some tiles hold."""
        crops = [np.ascontiguousarray(image[tile.top : tile.bottom, tile.left : tile.right]) for tile in tiles]
        crops += crops[-1:] * (self.fixed - len(crops))  # a file of a fixed batch takes no fewer
        batch = self.prepare(crops)
        shapes = [(crop.shape[0], crop.shape[1]) for crop in crops]
        for name, output in answers(self.model, self.model(batch, **given)).items():
            task, size = self.network.tasks[name], (batch.shape[2], batch.shape[3])
            decoded = task.decode(output, size, shapes, self.task_args(name))
            found.setdefault(name, []).extend(zip(tiles, decoded, strict=False))

    def merge(
        self, found: Found, whole: dict[str, dict[str, torch.Tensor]], shape: tuple[int, int]
    ) -> dict[str, dict[str, torch.Tensor]]:
        """Return what was found of every task, in the frame of the picture and the order of the tasks.

        Args:
            found: What this search found in the picture's tiles.
            whole: What the tasks found in the picture as a whole; tasks that were not asked are absent.
            shape: (H, W) of the picture.
        """
        merged = dict(whole)
        for name, parts in found.items():
            first = [(Tile.whole(shape), whole[name])] if name in whole else []
            merged[name] = self.network.tasks[name].merge_tiles([*first, *parts], shape, self.task_args(name))
        return {name: merged[name] for name in self.network.tasks if name in merged}
