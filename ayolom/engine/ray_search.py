"""Search for training settings by Ray Tune, around trainings of several tasks."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from ultralytics.cfg import CFG_INT_KEYS
from ultralytics.utils import LOGGER
from ultralytics.utils.plotting import plot_tune_results

from ayolom.engine.runtime import cores
from ayolom.engine.tuner import MultiTaskTuner
from ayolom.errors import AyolomError
from ayolom.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator

FITNESS = "fitness"
ONE_IN = 3  # of so many trainings one goes on at each rung of the ladder
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # or Ray reports over the network that it was used
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths hold from the folder that the user started in
}


class RayTuner(MultiTaskTuner):
    """The same search with Ray Tune as its engine.

    Optuna's TPE (Bergstra et al. 2011, https://papers.nips.cc/paper/4443) proposes settings from those tried so far,
    and trainings that lag behind others at the same epoch are ended early (ASHA, Li et al. 2018,
    https://arxiv.org/abs/1810.05934). Trainings run in processes of their own, side by side where there are several
    GPUs. Records, plots and the best settings lie where those of the other engine lie, what Ray keeps in `ray/`.
    """

    def __init__(self, *args: Any, grace_period: int = 10, gpu_per_trial: int | None = None, **kwargs: Any) -> None:
        """Prepare a search.

        Args:
            *args: As of `MultiTaskTuner`.
            grace_period: Epochs that a training gets before it may be ended.
            gpu_per_trial: GPUs of a training; None takes one where the device is a GPU.
            **kwargs: As of `MultiTaskTuner`.

        Raises:
            AyolomError: Ray or Optuna is missing, or the space is wrong.
        """
        _need_packages()
        super().__init__(*args, **kwargs)
        self.grace_period = max(1, int(grace_period))
        self.gpus = _gpus(self.args.device) if gpu_per_trial is None else gpu_per_trial
        self.kept = self.tune_dir / "ray"

    def _search(self, iterations: int, cleanup: bool) -> None:
        """Train with settings that Ray Tune proposes; a search that goes on keeps its first number of trainings."""
        if self.tune_file.exists() and not self.kept.exists():
            raise AyolomError(
                f"{self.tune_dir}: holds a search without Ray Tune; leave use_ray out to go on with it, or name another"
            )
        with _ray():
            results = self._ray_tuner(iterations).fit()
        records = [self._record(number, result) for number, result in enumerate(results, start=1)]
        text = "".join(f"{json.dumps(record, default=self._json_default)}\n" for record in records)
        write_atomic(self.tune_file, text)
        plot_tune_results(str(self.tune_file))
        self._keep_best(cleanup)

    def _ray_tuner(self, iterations: int) -> Any:
        """Return Ray's tuner: a new one, or that of a search that was cut off."""
        from ray import tune
        from ray.tune.schedulers import ASHAScheduler
        from ray.tune.search.optuna import OptunaSearch

        epochs = int(self.args.epochs)
        trial = tune.with_resources(self._trial(), {"cpu": cores(), "gpu": self.gpus})
        if tune.Tuner.can_restore(str(self.kept)):
            LOGGER.info(f"{self.prefix}goes on with the search in {self.kept}")
            return tune.Tuner.restore(str(self.kept), trainable=trial, resume_errored=True)
        ladder = ASHAScheduler(
            time_attr="epoch",
            max_t=epochs + 2,  # the score of best.pt is told as one epoch more, and that must not end the training
            grace_period=min(self.grace_period, epochs),
            reduction_factor=ONE_IN,
        )
        return tune.Tuner(
            trial,
            param_space={name: _domain(name, bounds) for name, bounds in self.space.items()},
            tune_config=tune.TuneConfig(
                metric=FITNESS,
                mode="max",
                search_alg=OptunaSearch(seed=self.args.seed),
                scheduler=ladder,
                num_samples=iterations,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(storage_path=str(self.tune_dir), name=self.kept.name),
        )

    def _trial(self) -> Any:
        """Return the function that a process of Ray runs; it holds nothing of the tuner but what it needs."""
        train, folder = self.train, self.tune_dir

        def trial(settings: dict[str, Any]) -> dict[str, Any]:
            from ray import tune

            run = folder / f"training-{tune.get_context().get_trial_id()}"
            metrics = train(dict(settings), run, {"on_fit_epoch_end": tell_fitness})
            return {key: float(value) for key, value in metrics.items()}

        return trial

    def _record(self, number: int, result: Any) -> dict[str, Any]:
        """Return the record of a training; one that failed counts 0."""
        if result.error is not None:
            LOGGER.error(f"{self.prefix}training {number} failed: {result.error}")
        told = result.metrics or {} if result.error is None else {}
        metrics = {key: value for key, value in told.items() if key == FITNESS or key.startswith("metrics/")}
        return self._made_record(number, result.config, metrics, self.tune_dir / f"training-{Path(result.path).name}")


def tell_fitness(trainer: Any) -> None:
    """Put the fitness among the metrics that the base's callback reports to Ray after each epoch."""
    trainer.metrics = {**trainer.metrics, FITNESS: float(trainer.fitness or 0.0)}


@contextmanager
def _ray() -> Iterator[None]:
    """Ray's processes while the block runs: those of a cluster that the user has joined, or some of our own."""
    import ray

    if ray.is_initialized():
        yield
        return
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update({name: os.environ.get(name) or value for name, value in ENVIRONMENT.items()})
    try:
        ray.init(include_dashboard=False)
        yield
    finally:
        ray.shutdown()
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _domain(name: str, bounds: tuple[float, ...]) -> Any:
    """Return the range of a setting as Ray knows it; whole numbers where the base wants them."""
    from ray import tune

    low, high = bounds[:2]
    return tune.randint(int(low), int(high) + 1) if name in CFG_INT_KEYS else tune.uniform(float(low), float(high))


def _gpus(device: Any) -> int:
    """Return how many GPUs a training takes on a device as the user gave it."""
    return int(torch.cuda.is_available() and str(device) != "cpu")


def _need_packages() -> None:
    """Raise when Ray Tune or Optuna is not there."""
    missing = [name for name in ("ray", "pyarrow", "optuna") if find_spec(name) is None]
    if missing:
        raise AyolomError(f'use_ray=True needs {" and ".join(missing)}: pip install "ayolom[ray]"')
