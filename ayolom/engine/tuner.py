"""Search for training settings: the base's evolution, around trainings of several tasks."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from ultralytics.engine.tuner import Tuner
from ultralytics.utils import LOGGER
from ultralytics.utils.plotting import plot_tune_results

from ayolom.errors import AyolomError, nearest
from ayolom.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Train = Callable[[dict[str, Any], Path, dict[str, Callable[[Any], None]]], dict[str, float]]


class MultiTaskTuner(Tuner):
    """The base's tuner with trainings of its own.

    The base starts a process for each training and looks its task up in tables that do not know several tasks. What it
    mutates, how, and what it writes (`tune_results.ndjson`, plots) are the base's.
    """

    def __init__(
        self,
        args: dict[str, Any],
        train: Train,
        _callbacks: dict[str, list] | None = None,
    ) -> None:
        """Prepare a search.

        Args:
            args: The base's settings, `data` among them, and `space`: by setting (smallest, largest) or (smallest,
                largest, gain); None takes the base's.
            train: Trains with some settings into a folder, with callbacks of the base by event, and returns metrics by
                name, "fitness" among them.
            _callbacks: The base's callbacks by event.

        Raises:
            AyolomError: The space names a setting that there is not, or has no range for it.
        """
        super().__init__(args, _callbacks, model=object())
        for name, bounds in self.space.items():
            if not hasattr(self.args, name):
                raise AyolomError(f"space: {name}: no such setting.{nearest(name, vars(self.args))}")
            if not isinstance(bounds, (list, tuple)) or not 2 <= len(bounds) <= 3 or bounds[0] > bounds[1]:
                raise AyolomError(f"space: {name}: must be (smallest, largest) or (smallest, largest, gain): {bounds}")
        self.train = train

    def __call__(self, iterations: int = 10, cleanup: bool = True) -> dict[str, Any]:
        """Search; a search in the same folder goes on.

        Args:
            iterations: How many trainings there shall be in all.
            cleanup: Whether to remove the folders of trainings that are not the best.

        Returns:
            The record of the best training: "iteration", "fitness", "hyperparameters", "datasets".

        Raises:
            AyolomError: No training came to an end.
        """
        self.tune_dir.mkdir(parents=True, exist_ok=True)
        self._search(iterations, cleanup)
        best = self._best()
        if not self._has_training_metrics(best):
            raise AyolomError(f"tune: no training came to an end; their messages are above, and in {self.tune_file}")
        LOGGER.info(f"{self.prefix}best is training {best['iteration']}, fitness {best['fitness']}: {self.tune_dir}")
        return best

    def _search(self, iterations: int, cleanup: bool) -> None:
        """Train again and again with settings bred from the best so far."""
        for number in range(len(self._load_local_results()) + 1, iterations + 1):
            settings = self._mutate()
            LOGGER.info(f"{self.prefix}training {number} of {iterations} with {settings}")
            self._save_local_result(self._trained(number, settings))
            plot_tune_results(str(self.tune_file))
            self._keep_best(cleanup)

    def _trained(self, number: int, settings: dict[str, Any]) -> dict[str, Any]:
        """Train once and return the record; a training that fails counts 0, and the search goes on."""
        folder = self.tune_dir / f"training{number}"
        try:
            metrics = {key: float(value) for key, value in self.train(settings, folder, {}).items()}
        except (RuntimeError, OSError, ArithmeticError) as error:
            LOGGER.error(f"{self.prefix}training {number} failed: {error}")
            metrics = {}
        return self._made_record(number, settings, metrics, folder)

    def _made_record(
        self, number: int, settings: dict[str, Any], metrics: dict[str, float], folder: Path
    ) -> dict[str, Any]:
        """Return the record of one training, as the base writes it; one without metrics has failed."""
        data, fitness = str(self.args.data), metrics.get("fitness", 0.0)
        failed = [] if metrics else [data]
        return self._result_record(number, fitness, settings, {data: metrics}, {data: str(folder)}, failed)

    def _best(self) -> dict[str, Any]:
        """Return the record of the best training so far."""
        results = self._load_local_results()
        fitness = np.array([result["fitness"] for result in results])
        best: dict[str, Any] = results[self._best_result_index(results, fitness)]
        return best

    def _keep_best(self, cleanup: bool) -> None:
        """Write the best settings, and leave only the best training's folder where that is wanted."""
        best = self._best()
        if not self._has_training_metrics(best):
            return
        text = f"# training {best['iteration']}, fitness {best['fitness']}\n{yaml.safe_dump(best['hyperparameters'])}"
        write_atomic(self.tune_dir / "best_hyperparameters.yaml", text)
        kept = set(best["save_dirs"].values())
        for folder in self.tune_dir.glob("training*") if cleanup else ():
            if folder.is_dir() and str(folder) not in kept:
                shutil.rmtree(folder, ignore_errors=True)
