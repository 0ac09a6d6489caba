"""Training of several tasks by the base's trainer: same loop, schedules, callbacks and files."""

from __future__ import annotations

from copy import copy
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import DEFAULT_CFG, LOGGER, RANK, YAML, __version__
from ultralytics.utils.torch_utils import autocast, unwrap_model

from ayolom.balance import BALANCES, Run, make_balance
from ayolom.config import make_settings, split_settings
from ayolom.data.build import build_dataset
from ayolom.data.class_counts import class_counts
from ayolom.data.class_weights import given_weights, inverse_frequency
from ayolom.data.filters import filtered
from ayolom.data.schema import load_schema
from ayolom.data.task_sampling import TaskSampler, sampled
from ayolom.data.workers import plain_errors
from ayolom.engine import freezing, plots, resuming
from ayolom.engine.agreement import tell_changed_classes, untaught
from ayolom.engine.by_task import check_by_task
from ayolom.engine.checkpoint import RUN_STATE, build_model, plain, read_checkpoint, strip_checkpoint, write_checkpoint
from ayolom.engine.learning_rates import add_gates, scale_rates
from ayolom.engine.runtime import cpu_dtype, gpu_amp, use_threads
from ayolom.engine.stages import Staging
from ayolom.engine.transfer import read_weights
from ayolom.engine.validator import MultiTaskValidator
from ayolom.errors import AyolomError
from ayolom.nn.model import MultiTaskModel
from ayolom.nn.spec import load_spec
from ayolom.tasks import make_task

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.data import Dataset

SETTINGS_FILE = "settings.yaml"


class MultiTaskTrainer(DetectionTrainer):
    """Trains one network for all tasks of a data set.

    Attributes:
        settings: Our own settings; also written to `settings.yaml` in the run's folder.
        schema: Description of the data set.
        data_tasks: The data set's tasks, in order.
        best_task_fitness: The best fitness of each task so far; its checkpoint is `best_<task>.pt`.
    """

    args: Any
    freeze_layer_names: list[str]
    model: Any

    def __init__(
        self, cfg: Any = DEFAULT_CFG, overrides: dict[str, Any] | None = None, _callbacks: dict[str, list] | None = None
    ) -> None:
        """Read settings and data set.

        Args:
            cfg: The base's defaults.
            overrides: The base's settings and ours.
            _callbacks: The base's callbacks by event.
        """
        base, self.settings = split_settings(overrides or {})
        self.best_task_fitness: dict[str, float] = {}
        self._latest: dict[str, Any] | None = None
        if RANK > -1 and base.get("save_dir"):  # a process of a distributed training gets the base's settings only
            self.settings = make_settings(YAML.load(Path(base["save_dir"]) / SETTINGS_FILE))
        super().__init__(cfg, {**base, "task": "multitask"}, _callbacks)
        self._check_run()
        if RANK in {-1, 0}:
            YAML.save(self.save_dir / SETTINGS_FILE, plain(self.settings.to_dict()))

    def _check_run(self) -> None:
        """Raise before anything is loaded where settings and machine do not go together."""
        float16 = self.args.amp == "fp16" and self.device.type != "cpu"
        run = Run(self.settings.balance, self.world_size, bool(self.args.compile), float16)
        BALANCES[self.settings.balance].check_run(run)
        if self.world_size > 1 and self.settings.task_sampling != "proportional":
            raise AyolomError(
                f"task_sampling={self.settings.task_sampling}: draws for one process; train on one device"
            )
        self.staging = Staging(self.settings.stages, self.epochs, self.world_size)

    # Data -------------------------------------------------------------------------------------------------------------
    def get_dataset(self) -> dict[str, Any]:
        """Read the data set's YAML and return what the base asks of it."""
        classes = self.settings.per_task.get("classes", self.args.classes)
        self.schema = filtered(load_schema(self.args.data), classes, self.args.single_cls)
        for split in ("train", self.args.split):
            if not self.schema.splits.get(split):
                raise AyolomError(f"{self.schema.file or 'data'}: '{split}:' is missing; name a folder of images")
        self.data_tasks = [make_task(spec) for spec in self.schema.tasks.values()]
        plots.ready_fonts(self.schema.tasks.values())
        first = self.data_tasks[0].spec
        splits = {name: name for name, paths in self.schema.splits.items() if paths}
        return {"path": self.schema.root, "names": first.names, "nc": first.nc, "channels": 3, **splits}

    def build_dataset(self, img_path: str, mode: str = "train", batch: int = 16) -> Dataset:
        """Return the images of a split with the labels of all tasks that the model has.

        Args:
            img_path: Name of the split.
            mode: "train" augments.
            batch: Images in a batch, for rectangular shapes.
        """
        return build_dataset(
            self.schema,
            self.data_tasks,
            img_path,
            args=self.args,
            batch=batch,
            stride=max(int(unwrap_model(self.model).stride.max()), 32),
            augment=mode == "train",
            rect=self.args.rect or mode == "val",  # as `val` alone has it, so that both give the same numbers
            save_report=self.save_dir / f"labels_{img_path}.txt" if RANK in {-1, 0} else None,
            folder_weights=self.settings.folder_weights if mode == "train" else None,
            class_sampling=self.settings.class_sampling if mode == "train" else None,
        )

    def get_dataloader(self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train") -> Any:
        """Return the base's loader; in training its images are drawn as `task_sampling` says."""
        loader = super().get_dataloader(dataset_path, batch_size, rank, mode)
        if mode != "train" or self.settings.task_sampling == "proportional":
            return loader
        how, temperature = self.settings.task_sampling, self.settings.task_temperature
        return sampled(loader, how, temperature, self.args.seed, self.start_epoch)

    def _close_dataloader_mosaic(self) -> None:
        """Leave mosaics out from now on; the loader that begins anew goes on with the images of this epoch."""
        super()._close_dataloader_mosaic()
        if isinstance(self.train_loader.sampler, TaskSampler):
            self.train_loader.sampler.set_epoch(self.epoch)

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Bring the batch to the device, images as floats in [0, 1]."""
        batch = super().preprocess_batch(batch)
        if self.channels_last:
            batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
        self._latest = batch if unwrap_model(self.model).balance.looks_back else None
        return batch

    def optimizer_step(self) -> None:
        """Take a step; a balance that looks back is told what it did to the losses of the last batch."""
        super().optimizer_step()
        if self._latest is not None:
            model = unwrap_model(self.model)
            with autocast(torch.bfloat16 if self.args.amp == "bf16" else self.amp, device=self.device.type):
                model.balance.look_back(model.losses_again(self._latest))

    # Model ------------------------------------------------------------------------------------------------------------
    def setup_model(self) -> dict[str, Any] | None:
        """Build the network from a YAML, a checkpoint of ours, or the checkpoint to resume."""
        if isinstance(self.model, torch.nn.Module):
            return None
        if self.resume:
            content = read_checkpoint(self.model)
            self.model = build_model(content, live=True)
            self._keep_tasks_of(self.model)
            return content
        weights = self.args.pretrained if isinstance(self.args.pretrained, (str, Path)) else None
        self.model = self.get_model(str(self.model), read_weights(weights, self.settings.trust) if weights else None)
        return None

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> MultiTaskModel:
        """Build a network for the data set's tasks and classes.

        Args:
            cfg: Model YAML, its name, or its content.
            weights: What to transfer: a network, or a state dict.
            verbose: Whether to log its size.
        """
        spec = load_spec(cfg)
        shared = {name: task for name, task in self.schema.tasks.items() if name in spec["tasks"]}
        model = MultiTaskModel(spec, shared, verbose=verbose and RANK in {-1, 0})
        if weights is not None:
            model.load(weights)
            tell_changed_classes(model, getattr(weights, "tasks", {}))
        self._keep_tasks_of(model)
        return model

    def _keep_tasks_of(self, model: MultiTaskModel) -> None:
        """Leave out the tasks of the data that the network lacks."""
        missing = [task.name for task in self.data_tasks if task.name not in model.tasks]
        if missing and RANK in {-1, 0}:
            LOGGER.warning(f"tasks {', '.join(missing)} of the data are not in the model; their labels are not used")
        self.data_tasks = [task for task in self.data_tasks if task.name in model.tasks]

    def set_model_attributes(self) -> None:
        """Attach settings to the network and prepare it for the machine."""
        model = unwrap_model(self.model)
        check_by_task(self.settings, model.tasks)
        model.args, model.settings, model.data_tasks = self.args, self.settings, self.data_tasks
        if not self.resume:
            model.balance = make_balance(self.settings.balance, list(model.tasks), self.settings.task_weights)
        model.balance.to(self.device)
        self.args.freeze = freezing.layers_to_freeze(model, self.args.freeze)
        self.staging.check(model)
        self.args.amp = gpu_amp(self.args.amp, self.device)
        use_threads(self.settings, self.device)
        model.compute_dtype = cpu_dtype(self.settings, self.device)
        self.channels_last = self.device.type == "cuda" or model.compute_dtype is not None
        if self.channels_last:
            model.to(memory_format=torch.channels_last)

    def set_class_weights(self) -> None:
        """Weigh classes as `class_weights` says; of other tasks, by the inverse of their frequency to `cls_pw`."""
        powers = {
            **dict.fromkeys(unwrap_model(self.model).tasks, self.args.cls_pw),
            **self.settings.per_task.get("cls_pw", {}),
        }
        found = given_weights(self.settings.class_weights, self.data_tasks)
        wanted = [task for task in self.data_tasks if powers[task.name] and task.name not in found]
        counted = class_counts(self.train_loader.dataset, wanted) if wanted else {}
        found |= {name: inverse_frequency(counts, powers[name]) for name, counts in counted.items()}
        for name, weights in found.items():
            unwrap_model(self.model).class_weights[name] = torch.from_numpy(weights).float().to(self.device)
            LOGGER.info(f"{name}: class weights {weights.round(3).tolist()}")

    def build_optimizer(self, model: nn.Module, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """Return the base's optimizer, rates by part; gates and balance without decay, at `gate_lr` times the rate.

        Layers of tasks that the data lacks are left out: they get no gradient but from the cost of open gates.
        """
        optimizer = super().build_optimizer(model, *args, **kwargs)
        network = unwrap_model(model)
        idle = {id(parameter) for parameter in untaught(network, [task.name for task in self.data_tasks])}
        own = [*(gate.gate for gate in network.gates()), *network.balance.parameters()]
        own = [parameter for parameter in own if parameter.requires_grad and id(parameter) not in idle]
        known = idle.union(map(id, own))
        for group in optimizer.param_groups if known else ():
            group["params"] = [parameter for parameter in group["params"] if id(parameter) not in known]
        scale_rates(optimizer, network, self.settings.lr_scale)
        if not known:
            return optimizer
        add_gates(optimizer, own, self.settings.gate_lr)
        return optimizer

    def _model_train(self) -> None:
        """Put the network into training mode, in the stage of the epoch that begins."""
        self.freeze_layer_names = self.staging.begin(unwrap_model(self.model), self.epoch, self.freeze_layer_names)
        self.stopper.best_epoch = max(self.stopper.best_epoch, self.staging.start)  # patience begins with the stage
        super()._model_train()

    def get_validator(self) -> MultiTaskValidator:
        """Return a validator for this data set and these tasks."""
        return MultiTaskValidator(
            self.test_loader,
            save_dir=self.save_dir,
            args=copy(self.args),
            _callbacks=self.callbacks,
            settings=self.settings,
            kinds=unwrap_model(self.model).tasks,
            schema=self.schema,
        )

    # Resuming ---------------------------------------------------------------------------------------------------------
    def check_resume(self, overrides: dict[str, Any]) -> None:
        """Take the settings of the run that is to go on, where `resume` asks for it."""
        self.resume = False
        if self.args.resume:
            self.args, self.settings = resuming.resumed_settings(self.args, overrides)
            self.resume = True

    def resume_training(self, ckpt: dict[str, Any] | None) -> None:
        """Restore optimizer, moving average, schedule and epoch; the moving average is scored in float32."""
        if ckpt is not None and self.resume:
            if not 0 < ckpt["epoch"] + 1 < self.epochs:
                raise AyolomError(f"{self.args.model}: training to {self.epochs} epochs is finished; nothing to resume")
            super().resume_training({**ckpt, "ema": resuming.EmaState(ckpt["ema"])})
            self.best_task_fitness = dict(ckpt.get("best_task_fitness") or {})
            model = unwrap_model(self.model)
            model.criterion = model.init_criterion()
            model.criterion.resume(self.start_epoch)
            if isinstance(self.train_loader.sampler, TaskSampler):
                self.train_loader.sampler.set_epoch(self.start_epoch)
        self.ema.ema.compute_dtype = None

    def _handle_nan_recovery(self, epoch: int) -> bool:
        """Go back to last.pt when the loss or the fitness is no number, three times at most."""
        broken = [name for name, value in (("loss", self.loss), ("fitness", self.fitness)) if not _is_number(value)]
        if not broken or epoch == self.start_epoch:
            return False
        self.nan_recovery_attempts += 1
        if self.nan_recovery_attempts > 3 or not self.last.exists():
            raise AyolomError(
                f"{' and '.join(broken)} became NaN or infinite; lower lr0, or set precision=fp32 or amp=False"
            )
        LOGGER.warning(f"{' and '.join(broken)} became NaN; going back to {self.last} ({self.nan_recovery_attempts}/3)")
        content = read_checkpoint(self.last)
        unwrap_model(self.model).load_state_dict(content["model"])
        self._load_checkpoint_state({**content, "ema": resuming.EmaState(content["ema"])})
        self.ema.ema.compute_dtype = None
        self.scheduler.last_epoch = epoch - 1
        return True

    # Checkpoints ------------------------------------------------------------------------------------------------------
    def save_model(self) -> bool:
        """Write last.pt, and best.pt and best_<task>.pt when they improved, each whole or not at all."""
        content = self._checkpoint()
        write_checkpoint(self.last, content)
        if self.best_fitness == self.fitness:
            write_checkpoint(self.best, content)
        for name, fitness in self.validator.metrics.task_fitness.items():
            if fitness > self.best_task_fitness.get(name, -1.0):
                self.best_task_fitness[name] = fitness
                light = {key: value for key, value in content.items() if key not in RUN_STATE}
                write_checkpoint(self.wdir / f"best_{name}.pt", {**light, "epoch": -1})
        if self.save_period > 0 and self.epoch % self.save_period == 0:
            write_checkpoint(self.wdir / f"epoch{self.epoch}.pt", content)
        return True

    def _checkpoint(self) -> dict[str, Any]:
        """Return the state of the run as plain data and tensors."""
        model = unwrap_model(self.model)
        return {
            "yaml": plain(model.yaml),
            "tasks": {name: plain(task.spec.to_dict()) for name, task in model.tasks.items()},
            "settings": plain(self.settings.to_dict()),
            "ema": _contiguous(self.ema.ema.state_dict()),
            "model": _contiguous(model.state_dict()),
            "epoch": self.epoch,
            "best_fitness": plain(self.best_fitness),
            "best_task_fitness": plain(self.best_task_fitness),
            "stopper": {"best_fitness": plain(self.stopper.best_fitness), "best_epoch": self.stopper.best_epoch},
            "updates": self.ema.updates,
            "optimizer": plain(self.optimizer.state_dict()),
            "scaler": self.scaler.state_dict(),
            "train_args": plain(vars(self.args)),
            "train_metrics": plain({**self.metrics, "fitness": self.fitness}),
            "train_results": plain(self.read_results_csv()),
            "gates": plain(model.gate_table()),
            "date": datetime.now().astimezone().isoformat(),
            "base_version": __version__,
            "license": "AGPL-3.0",
        }

    def final_eval(self) -> None:
        """Strip the checkpoints, score best.pt as a user would, and show the gates."""
        if RANK in {-1, 0}:
            for file in (self.last, self.best):
                if file.exists():
                    strip_checkpoint(file)
            table = unwrap_model(self.model).gate_table()
            if table:
                plots.report_gates(table, self.save_dir)
        if self.best.exists():
            LOGGER.info(f"\nValidating {self.best}...")
            self.validator.args.plots, self.validator.args.compile = self.args.plots, False
            self.metrics = self.validator(model=self.best)
            self.metrics.pop("fitness", None)
            self.epoch += 1
            self.run_callbacks("on_fit_epoch_end")
            self.epoch -= 1

    def train(self) -> None:
        """Train; errors of loading processes keep their own message."""
        with plain_errors():
            super().train()

    # Output -----------------------------------------------------------------------------------------------------------
    def progress_string(self) -> str:
        """Return the heading of the epoch's line, names of losses cut to the column."""
        names = [name.removesuffix("_loss")[:10] for name in self.loss_names]
        return ("\n" + "%11s" * (4 + len(names))) % ("Epoch", "GPU_mem", *names, "Instances", "Size")

    def plot_training_samples(self, batch: dict[str, Any], ni: int) -> None:
        """Draw a batch with the boxes and masks that training sees."""
        plots.plot_batch(batch, self.data_tasks, self.save_dir / f"train_batch{ni}.jpg", self.on_plot)

    def plot_training_labels(self) -> None:
        """Draw how the classes of each task are distributed."""
        plots.plot_labels(self.train_loader.dataset, self.data_tasks, self.save_dir, self.on_plot)

    def auto_batch(self) -> int:
        """Refuse to guess a batch size, which the base does from boxes alone."""
        raise AyolomError(
            "batch=-1: the batch size of a multi-task model is not guessed; give a number, such as batch=16"
        )


def _is_number(value: Any) -> bool:
    """Return whether a loss or fitness is finite; what has not been computed passes."""
    return value is None or bool(torch.isfinite(torch.as_tensor(value)).all())


def _contiguous(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a state dict in plain memory order, which every reader expects, detached and on the CPU."""
    return {key: value.detach().cpu().contiguous().clone() for key, value in state.items()}
