"""Validation of several tasks in one pass: the base's validators keep the metrics, this one feeds them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from torch import distributed as dist
from ultralytics.data.build import build_dataloader
from ultralytics.models.yolo.detect import DetectionValidator
from ultralytics.utils import LOGGER, RANK, YAML, callbacks

from ayolom.compat import ensure_torchvision
from ayolom.config import Settings, for_task, split_settings
from ayolom.data.build import build_dataset
from ayolom.data.filters import filtered
from ayolom.data.schema import DataSchema, load_schema
from ayolom.data.workers import plain_errors
from ayolom.engine.agreement import check_classes
from ayolom.engine.by_task import check_by_task
from ayolom.engine.checkpoint import build_model, is_checkpoint, read_checkpoint
from ayolom.engine.conditions import Conditions
from ayolom.engine.evaluation import log_studies, plot_studies, write_evaluation
from ayolom.engine.export_formats import check_runtime
from ayolom.engine.metrics import MultiTaskMetrics
from ayolom.engine.plots import ready_fonts
from ayolom.engine.runtime import answers, native, use_threads
from ayolom.engine.tiled_validation import TiledScoring
from ayolom.memory import give_back
from ayolom.nn.criterion import labelled_images, take
from ayolom.tasks import Task, make_task

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, Dataset

    from ayolom.tasks.study import Study

GIVEN_BACK = 4  # batches after which freed memory is given back


class MultiTaskValidator(DetectionValidator):
    """Scores every task of a model on the images that are labelled for it.

    Attributes:
        settings: Our own settings.
        schema: Description of the data set.
        parts: The base's validator of each task, by name; each holds that task's metrics.
        studies: What looks on beside each of them, by name; none within training, which they would slow down.
        tiles: What searches the images tile by tile, None where that is not asked for, and within training.
        batches: How many were scored.
        metrics: The metrics of all tasks together.
    """

    def __init__(
        self,
        dataloader: DataLoader | None = None,
        save_dir: Path | None = None,
        args: Any = None,
        _callbacks: dict[str, list] | None = None,
        settings: Settings | None = None,
        kinds: dict[str, Task] | None = None,
        schema: DataSchema | None = None,
    ) -> None:
        """Prepare for validation.

        Args:
            dataloader: Batches to score; built from `args.data` when None.
            save_dir: Where plots go.
            args: The base's settings, and ours when `settings` is None.
            _callbacks: The base's callbacks by event.
            settings: Our settings.
            kinds: The model's tasks by name, where they are known already.
            schema: Description of the data set, where it is known already.
        """
        ensure_torchvision()
        args = dict(args if isinstance(args, dict) else vars(args or SimpleNamespace()))
        args, own = split_settings(args)
        self.settings = settings or own
        super().__init__(dataloader, save_dir, args, _callbacks or callbacks.get_default_callbacks())
        self.args.task = "multitask"
        self.schema: Any = schema
        self.kinds = kinds or {}
        self.parts: dict[str, Any] = {}
        self.studies: dict[str, Study] = {}
        self.conditions: Conditions | None = None
        self.labelled: dict[str, torch.Tensor] = {}
        self.tiles: TiledScoring | None = None
        self.batches = 0
        self.metrics = MultiTaskMetrics(self.kinds, self.settings.fitness_weights)

    def __call__(self, trainer: Any = None, model: nn.Module | str | Path | None = None) -> dict[str, float] | None:
        """Score a model, within training or alone.

        Args:
            trainer: The trainer whose moving average is scored, or None.
            model: The network or checkpoint to score alone.

        Returns:
            Metrics by name; None on the other processes of a distributed training.
        """
        if trainer is not None:
            return super().__call__(trainer)
        classes = self.settings.per_task.get("classes", self.args.classes)
        self.schema = self.schema or filtered(load_schema(self.args.data), classes, self.args.single_cls)
        ready_fonts(self.schema.tasks.values())
        source, self.args.data = self.args.data, str(self._view())
        try:
            with plain_errors():
                return super().__call__(model=model)
        finally:
            self.args.data = source

    def _view(self) -> Path:
        """Write the data set in the form that the base checks before it validates, and return the file.

        The base reads class names and looks whether folders exist; labels are read by our own schema.
        """
        split = self.args.split
        folders = [str(path) for path in self.schema.sources(split)]
        first = next(iter(self.schema.tasks.values()))
        file = self.save_dir / "data.yaml"
        splits = dict.fromkeys(("train", "val", split), folders)
        YAML.save(file, {"path": str(self.schema.root), "names": dict(first.names), "channels": 3, **splits})
        return file

    def get_model(self, model: Any, trainer: Any = None) -> Any:
        """Return the moving average of a training, or the network of a checkpoint, read as data."""
        if trainer is None and isinstance(model, (str, Path)):
            if is_checkpoint(model):
                return build_model(read_checkpoint(model))
            check_runtime(str(model), self.args.dnn)
        return super().get_model(model, trainer)

    def build_dataset(self, img_path: str, mode: str = "val", batch: int = 16) -> Dataset:
        """Return the images of a split with the labels of all tasks."""
        tasks = [make_task(spec) for spec in self.schema.tasks.values()]
        return build_dataset(
            self.schema, tasks, self.args.split, args=self.args, batch=batch, stride=self.stride, augment=False
        )

    def get_dataloader(self, dataset_path: str, batch_size: int) -> DataLoader:
        """Return the base's loader over our data set."""
        dataset = self.build_dataset(dataset_path, batch=batch_size)
        return build_dataloader(dataset, batch_size, self.args.workers, shuffle=False, rank=-1, device=self.device)

    def init_metrics(self, model: nn.Module) -> None:
        """Make a fresh validator for every task that the model and the data set share."""
        network, self.backend = native(model), model
        self.data_tasks = [make_task(spec) for spec in self.schema.tasks.values()]
        if not self.training:
            use_threads(self.settings, self.device)
            check_by_task(self.settings, network.tasks)
            check_classes(network.tasks, self.schema)
        self.kinds = {name: task for name, task in network.tasks.items() if name in self.schema.tasks}
        self.metrics = MultiTaskMetrics(self.kinds, self.settings.fitness_weights)
        self.end2end, self.names, self.seen = network.end2end, network.names, 0
        if self.end2end:
            network.set_head_attr(max_det=self.args.max_det, agnostic_nms=self.args.agnostic_nms)
        self.parts = {name: self._part(task) for name, task in self.kinds.items()}
        self.studies = {} if self.training else {name: task.study(self.settings) for name, task in self.kinds.items()}
        self.conditions = Conditions() if self.studies and self.settings.slices else None
        self.tiles = TiledScoring(self, model) if self.settings.tile and not self.training else None

    def _part(self, task: Task) -> Any:
        """Return the base's validator of one task, told what the base's own call would tell it."""
        args = for_task(self.args, self.settings, task.name)
        part = task.validator(args, self.save_dir / task.name, self.callbacks)
        part.args.plots, part.args.save_json, part.args.task = self.args.plots, False, task.kind
        part.device, part.training, part.dataloader = self.device, self.training, self.dataloader
        part.data, part.stride, part.plots, part.jdict = self.data, self.stride, self.plots, []
        part.init_metrics(SimpleNamespace(names=task.spec.names, end2end=self.end2end))
        return part

    def preprocess(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Bring the batch to the device and note which images are labelled for which task."""
        batch = self.current = super().preprocess(batch)
        self.labelled = {name: labelled_images(batch, name) for name in self.kinds}
        for name, task in self.kinds.items():
            if self.labelled[name].any():
                task.before_batch(self.parts[name], batch)
        return batch

    def postprocess(self, preds: Any) -> dict[str, Any]:
        """Decode each task's predictions of the images that are labelled for it."""
        found, preds, self.raw = {}, answers(self.backend, preds), {}
        preds = preds if self.tiles is None else self.tiles.kept(preds)
        for name, images in self.labelled.items():
            if images.any():
                raw = preds[name] if images.all() else take(preds[name], images.to(self.device))
                found[name] = self.parts[name].postprocess(raw)
                self.raw.update({name: raw} if name in self.studies else {})
        return found if self.tiles is None else self.tiles.add(found, self.current, self.labelled)

    def update_metrics(self, preds: dict[str, Any], batch: dict[str, Any]) -> None:
        """Score each task on the images that are labelled for it."""
        self.seen += len(batch["img"])
        self.selected = {name: self.kinds[name].select(batch, self.labelled[name], self.data_tasks) for name in preds}
        for name, found in preds.items():
            self.parts[name].update_metrics(found, self.selected[name])
        held = {file: self.conditions.of(file) for file in batch["im_file"]} if self.conditions else {}
        for name, raw in self.raw.items():
            conditions = [held.get(file, frozenset()) for file in self.selected[name]["im_file"]]
            self.studies[name].update(self.parts[name], raw, preds[name], self.selected[name], conditions)
        self.batches += 1
        if self.batches % GIVEN_BACK == 0:
            give_back()

    def gather_stats(self) -> None:
        """Bring the metrics of all processes together."""
        for part in self.parts.values():
            part.gather_stats()
        if RANK != -1 and self.studies:
            gathered: list[Any] = [None] * dist.get_world_size()
            dist.gather_object(self.studies, gathered if RANK == 0 else None, dst=0)
            for other in gathered[1:] if RANK == 0 else ():
                for name in self.studies:
                    self.studies[name] += other[name]

    def get_stats(self) -> dict[str, float]:
        """Return all metrics by name; tasks without labelled images are left out of the fitness."""
        self.metrics.tasks, self.metrics.studies = {}, {}
        for name, part in self.parts.items():
            if part.seen:
                if name in self.studies:
                    self.studies[name].finish(part)
                    self.metrics.studies[name] = self.studies[name]
                part.get_stats()
                self.metrics.tasks[name] = part.metrics
        return self.metrics.results_dict

    def finalize_metrics(self) -> None:
        """Draw the confusion matrices and note the speed."""
        self.metrics.speed = self.speed
        for part in self.parts.values():
            part.speed = self.speed
            if part.seen:
                part.finalize_metrics()
        if self.studies:
            write_evaluation(self.metrics, self.save_dir)
            if self.args.plots:
                plot_studies(self.metrics.studies, self.save_dir, self.on_plot)

    def get_desc(self) -> str:
        """Return the heading of the progress bar."""
        return f"{'Tasks':>22s}{'':>4}" + ", ".join(self.kinds or ["all"])

    def print_results(self) -> None:
        """Print a block for each task, all classes and each class, and how the fitness came about."""
        for name, part in self.parts.items():
            LOGGER.info(f"{name:>22s}" + part.get_desc()[22:])
            if part.seen:
                part.print_results()
            else:
                LOGGER.warning(f"{name}: no image of this split is labelled for this task; nothing to score")
        log_studies(self.metrics.studies, self.args.verbose)
        LOGGER.info(self.metrics.fitness_line())

    def plot_val_samples(self, batch: dict[str, Any], ni: int) -> None:
        """Draw the labels of a batch, a picture for each task."""
        for name, part in self.parts.items():
            if name in self.selected:
                part.plot_val_samples({**self.selected[name]}, ni)

    def plot_predictions(self, batch: dict[str, Any], preds: dict[str, Any], ni: int) -> None:
        """Draw the predictions for a batch, a picture for each task."""
        for name, found in preds.items():
            self.parts[name].plot_predictions(self.selected[name], found, ni)

    def eval_json(self, stats: dict[str, Any]) -> dict[str, Any]:
        """Return the metrics as they are: files of predictions are written by `predict`."""
        return stats
