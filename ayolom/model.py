"""The object a user holds: the base's `YOLO`, which also knows models of several tasks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ultralytics.cfg import get_cfg, get_save_dir
from ultralytics.models.yolo.model import YOLO as BaseYOLO  # noqa: N811
from ultralytics.utils import DEFAULT_CFG_DICT, LOGGER, RANK, checks

from ayolom.compat import ensure_torchvision, forbid_installs, forbid_reports
from ayolom.config import find_model_yaml, make_settings, setting_names, split_settings
from ayolom.data.schema import is_multitask as is_multitask_data
from ayolom.engine.artefact import read_description
from ayolom.engine.calibration import write_calibrated
from ayolom.engine.checkpoint import build_model, is_checkpoint, read_checkpoint
from ayolom.engine.exported import Exported
from ayolom.engine.exporter import MultiTaskExporter
from ayolom.engine.predictor import MultiTaskPredictor
from ayolom.engine.trainer import MultiTaskTrainer
from ayolom.engine.transfer import check_network, is_missing, read_weights
from ayolom.engine.validator import MultiTaskValidator
from ayolom.errors import AyolomError
from ayolom.nn.model import MultiTaskModel
from ayolom.nn.spec import is_multitask, load_spec
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ultralytics.engine.model import Model

    from ayolom.engine.metrics import MultiTaskMetrics
    from ayolom.engine.results import MultiTaskResults
    from ayolom.engine.tuner import Train

TASK = "multitask"


class YOLO(BaseYOLO):
    """A YOLO model of one task or of several.

    A model YAML with `tasks:` and the checkpoints trained from it are multi-task models; everything else is the base's
    and behaves as there.

    Examples:
        >>> from ayolom import YOLO
        >>> model = YOLO("aYOLOM26n.yaml")
        >>> model.train(data="cardamage.yaml", epochs=10, imgsz=320)  # doctest: +SKIP
        >>> result = model("car.jpg")[0]  # doctest: +SKIP
        >>> result.tasks["damage"].boxes, result.tasks["parts"].semantic_mask  # doctest: +SKIP
    """

    model: Any
    ckpt: Any
    overrides: dict[str, Any]

    def __init__(
        self,
        model: str | Path | Model = "yolo26n.pt",
        task: str | None = None,
        verbose: bool = False,
        trust: bool = False,
    ) -> None:
        """Load or build a model.

        Args:
            model: A model YAML or its name, a checkpoint, an exported model, or a model object.
            task: Task of the base's models, where the file does not tell.
            verbose: Whether to log the model's size.
            trust: Whether to load a checkpoint that holds code other than the base's. Such a file can run anything.

        Raises:
            AyolomError: The file is missing, damaged, or holds code and is not trusted.
        """
        forbid_installs()
        ensure_torchvision()
        self._trust = trust
        self._settings = make_settings()
        self.exported: Exported | None = None
        super().__init__(model, task, verbose)
        if self.is_triton_model(str(model)):
            self._take_exported(str(model))

    @property
    def task_map(self) -> dict[str, dict[str, Any]]:
        """The base's classes by task, and ours under "multitask"."""
        ours = {
            "model": MultiTaskModel,
            "trainer": MultiTaskTrainer,
            "validator": MultiTaskValidator,
            "predictor": self._make_predictor,
        }
        return {**super().task_map, TASK: ours}

    @property
    def names(self) -> dict[int, str]:
        """Class names of the first task with boxes, else of the first task."""
        if self.task != TASK:
            return super().names
        return self.model.names if self.exported is None else self.exported.names

    def _make_predictor(self, overrides: dict[str, Any], _callbacks: dict[str, list]) -> MultiTaskPredictor:
        """Return a predictor that has the settings of the present call."""
        return MultiTaskPredictor(overrides=overrides, _callbacks=_callbacks, settings=self._settings)

    # Loading ----------------------------------------------------------------------------------------------------------
    def _new(self, cfg: str, task: str | None = None, verbose: bool = False) -> None:
        """Build a model from a YAML, ours when it has `tasks:`."""
        if not is_multitask_yaml(cfg):
            try:
                super()._new(cfg, task, verbose)
            except FileNotFoundError:
                if find_model_yaml(cfg) is None:
                    load_spec(cfg)  # says which files there are
                raise
            return
        self.cfg, self.task, self.model_name = cfg, TASK, cfg
        self.model = MultiTaskModel(cfg, verbose=verbose and RANK == -1)
        self.overrides = {"model": cfg, "task": TASK}
        self.model.args = {**DEFAULT_CFG_DICT, **self.overrides}
        self.model.task = TASK

    def _load(self, weights: str, task: str | None = None) -> None:
        """Load a checkpoint, ours as data, the base's through its list of known classes."""
        if not str(weights).lower().endswith(".pt"):
            if not self._take_exported(str(weights)):
                super()._load(weights, task)
            return
        if is_checkpoint(weights):
            content = read_checkpoint(weights)
            self._take(content, str(weights))
            return
        if is_missing(weights):
            raise AyolomError(f"{weights}: no such checkpoint; check the path")
        self._check_content(weights)
        super()._load(weights, task)

    def _take_exported(self, file: str) -> bool:
        """Become the model of an exported file and return True, where the file is one of several tasks."""
        description = read_description(file)
        if description is None:
            return False
        forbid_reports()
        self.exported = Exported(description)
        self.model, self.ckpt, self.ckpt_path, self.task, self.model_name = file, None, file, TASK, file
        self.overrides = {"model": file, "task": TASK, "imgsz": self.exported.imgsz}
        return True

    def _need_network(self, what: str) -> None:
        """Raise where the model is an exported file, which can only predict and be scored."""
        if self.exported is not None:
            raise AyolomError(
                f"{what}: {self.model_name} is an exported file, which can predict and val; take its best.pt"
            )

    def _check_content(self, weights: Any) -> None:
        """Raise when a file that the base is about to load is damaged, or holds code and is not trusted."""
        if isinstance(weights, (str, Path)) and Path(weights).is_file():
            check_network(weights, self._trust)

    def _take(self, content: dict[str, Any], file: str) -> None:
        """Become the model of a checkpoint of ours."""
        self.model, self.ckpt, self.ckpt_path = build_model(content), content, file
        self.task, self.model_name, self.predictor = TASK, file, None
        self._settings = self.model.settings
        self.model.task, self.model.pt_path = TASK, file
        self.overrides = {**self._reset_ckpt_args(dict(self.model.args)), "model": file, "task": TASK}
        self.model.args = {**DEFAULT_CFG_DICT, **self.overrides}

    def load(self, weights: Any = "yolo26n.pt") -> YOLO:
        """Transfer weights into this model by layer and shape.

        Args:
            weights: A checkpoint file, a network, or a state dict.
        """
        if self.task != TASK:
            self._check_content(weights)
            return super().load(weights)
        self._need_network("load")
        self.model.load(read_weights(weights, self._trust) if isinstance(weights, (str, Path)) else weights)
        self.ckpt, self.predictor = {"loaded": True}, None
        return self

    def save(self, filename: str | Path = "saved_model.pt") -> None:
        """Write the model as a checkpoint of its own kind."""
        if self.task != TASK:
            super().save(filename)
            return
        self._need_network("save")
        from ayolom.engine.checkpoint import plain, write_checkpoint

        base_args = {key: value for key, value in dict(self.model.args).items() if key in DEFAULT_CFG_DICT}
        write_checkpoint(
            Path(filename),
            {
                "yaml": plain(self.model.yaml),
                "tasks": {name: plain(task.spec.to_dict()) for name, task in self.model.tasks.items()},
                "settings": plain(self._settings.to_dict()),
                "ema": {key: value.detach().cpu().contiguous() for key, value in self.model.state_dict().items()},
                "epoch": -1,
                "temperatures": plain(self.model.temperatures),
                "train_args": plain(base_args),
            },
        )

    # Modes ------------------------------------------------------------------------------------------------------------
    def train(self, trainer: Any = None, **kwargs: Any) -> MultiTaskMetrics | Any:
        """Train; arguments are the base's and those of `cfg/default.yaml`.

        Args:
            trainer: A trainer class instead of ours.
            **kwargs: Settings, such as `data`, `epochs`, `imgsz`, `balance`. `resume=True` goes on with this
                checkpoint's run.

        Returns:
            The metrics of the best checkpoint.
        """
        if self.task != TASK:
            refuse_tasks(kwargs.get("data"), self.model_name)
            self._check_content(kwargs.get("pretrained"))
            return super().train(trainer, **kwargs)
        self._need_network("train")
        args = {**self._own_settings(), "trust": self._trust, **self.overrides, **_without_cfg(kwargs), "mode": "train"}
        if args.get("resume") is True:
            args["resume"] = self.ckpt_path or True
        if not args.get("data") and not args.get("resume"):
            raise AyolomError("data= is missing; give a dataset YAML, such as data=cardamage.yaml")
        self.trainer = (trainer or MultiTaskTrainer)(overrides=args, _callbacks=self.callbacks)
        if self.ckpt and not args.get("resume"):
            weights = None if args.get("pretrained") is False else self.model
            if isinstance(args.get("pretrained"), (str, Path)):
                weights = read_weights(args["pretrained"], args["trust"])
            self.trainer.model = self.trainer.get_model(self.model.yaml, weights)
        self.trainer.train()
        if RANK in {-1, 0}:
            best = self.trainer.best if self.trainer.best.exists() else self.trainer.last
            self._take(read_checkpoint(best), str(best))
            self.metrics = getattr(self.trainer.validator, "metrics", None)
        return self.metrics

    def val(self, validator: Any = None, **kwargs: Any) -> MultiTaskMetrics | Any:
        """Score the model; every task on the images that are labelled for it.

        Args:
            validator: A validator class instead of ours.
            **kwargs: Settings, such as `data`, `split`, `imgsz`, `conf={"damage": 0.01}`, `slices=True`. With
                `calibrate=True` a checkpoint with calibrated confidences is written into the run's folder.
        """
        if self.task != TASK:
            refuse_tasks(kwargs.get("data"), self.model_name)
            return super().val(validator, **kwargs)
        if not (kwargs.get("data") or self.overrides.get("data")):
            raise AyolomError("data= is missing; give the dataset YAML to score on, such as data=cardamage.yaml")
        base, settings = split_settings({**self._own_settings(), **_without_cfg(kwargs)})
        source = self._to_calibrate() if settings.calibrate else None
        args = {**self.overrides, "rect": True, **base, "mode": "val"}
        own = (validator or MultiTaskValidator)(args=args, _callbacks=self.callbacks, settings=settings)
        own(model=self.model)
        self.metrics = own.metrics
        if source is not None:
            fitted = {name: study.temperature for name, study in self.metrics.studies.items()}
            known = {name: temperature for name, temperature in fitted.items() if temperature is not None}
            write_calibrated(source, own.save_dir, known, own.end2end)
        return self.metrics

    def _to_calibrate(self) -> Path:
        """Return the checkpoint from which a calibrated one is to be made."""
        self._need_network("calibrate")
        if not self.ckpt_path:
            raise AyolomError("calibrate=True needs a trained checkpoint as model=, such as model=best.pt")
        return Path(self.ckpt_path)

    def predict(
        self, source: Any = None, stream: bool = False, predictor: Any = None, **kwargs: Any
    ) -> list[MultiTaskResults] | Iterator[MultiTaskResults] | Any:
        """Find what all tasks are trained for, from one forward pass for each image.

        Args:
            source: File, folder, glob, video, camera number, stream address, array, tensor, or a list of them.
            stream: Whether to return a generator, which keeps memory flat over long sources.
            predictor: A predictor class instead of ours.
            **kwargs: Settings, such as `conf`, `imgsz=(384, 672)`, `only_tasks=["parts"]`, `conf={"damage": 0.3}`.
        """
        if self.task != TASK:
            return super().predict(source, stream, predictor, **kwargs)
        base, self._settings = split_settings({**self._own_settings(), **_without_cfg(kwargs)})
        if self.predictor:
            self.predictor.settings = self._settings
        return super().predict(source, stream, predictor, **base)

    def export(self, **kwargs: Any) -> str:
        """Write the model in a form that runs without PyTorch, one output for each task, named after it.

        Args:
            **kwargs: The base's settings, such as `format="onnx"`, `imgsz`, `dynamic`, `batch`, `quantize`, and
                `only_tasks=["parts"]`.

        Returns:
            The file or folder, beside the checkpoint.

        Raises:
            AyolomError: The format is not known, or something that it needs is missing.
        """
        if self.task != TASK:
            return super().export(**kwargs)
        self._need_network("export")
        base, settings = split_settings(_without_cfg(kwargs))
        custom = {"imgsz": self.model.args["imgsz"], "batch": 1, "data": None, "device": None, "verbose": False}
        args = {"format": "onnx", **self.overrides, **custom, **base, "mode": "export"}
        return MultiTaskExporter(overrides=args, _callbacks=self.callbacks)(self.model, settings.only_tasks)

    def tune(self, use_ray: bool = False, iterations: int = 10, *args: Any, **kwargs: Any) -> Any:
        """Search for training settings: by evolution, one training after the other, or with Ray Tune.

        Args:
            use_ray: Ray Tune proposes the settings and ends trainings that lag behind; needs `ayolom[ray]`.
            iterations: How many trainings there shall be.
            *args: The base's.
            **kwargs: Settings of the trainings, `data` among them, and `space`, such as `{"lr0": (1e-4, 1e-2)}`; with
                Ray Tune `grace_period` (epochs before a training may be ended) and `gpu_per_trial`, too.

        Returns:
            The record of the best training; its settings are also in `best_hyperparameters.yaml` of the run's folder.
        """
        if self.task != TASK:
            return super().tune(use_ray, iterations, *args, **kwargs)
        self._need_network("tune")
        from ayolom.engine.ray_search import RayTuner
        from ayolom.engine.tuner import MultiTaskTuner

        given = _without_cfg(kwargs)
        rules = {name: given.pop(name) for name in ("grace_period", "gpu_per_trial") if name in given}
        if rules and not use_ray:
            raise AyolomError(f"{', '.join(rules)}: belongs to Ray Tune; give use_ray=True as well, or leave it out")
        space = given.pop("space", None)
        space = yaml.safe_load(space) if isinstance(space, str) else space
        if "optimizer" not in (space or {}):
            given.setdefault("optimizer", "AdamW")  # as the base does: optimizer=auto would choose its own lr0
        if not given.get("data"):
            raise AyolomError("data= is missing; give a dataset YAML, such as data=cardamage.yaml")
        base, _ = split_settings(given)
        overrides = {**base, "task": TASK, "mode": "tune", "space": space}
        train = _training(str(self.ckpt_path or self.model_name), self._trust, given)
        engine = partial(RayTuner, **rules) if use_ray else MultiTaskTuner
        return engine(overrides, train, self.callbacks)(iterations)

    def benchmark(self, data: str | None = None, format: str = "", verbose: bool = False, **kwargs: Any) -> Any:  # noqa: A002
        """Export to every format that this machine can run, and score each on the same images.

        Args:
            data: The dataset YAML to score on.
            format: One format; "" takes all.
            verbose: The base's.
            **kwargs: Settings of export and scoring, such as `imgsz`, `quantize`, `nms`, `device`, `split`.

        Returns:
            One row for each format: size, milliseconds for each image, the main metric of each task, or what is in
            the way. The rows also go to `benchmark.csv` in the run's folder.
        """
        if self.task != TASK:
            return super().benchmark(data, format, verbose, **kwargs)
        self._need_network("benchmark")
        from ayolom.engine.benchmark import benchmark, save_table

        data = data or self.overrides.get("data")
        if not data or not self.ckpt_path:
            raise AyolomError("benchmark needs data=, a dataset YAML to score on, and a trained checkpoint as model=")
        base, settings = split_settings({"imgsz": self.overrides.get("imgsz", 640), **_without_cfg(kwargs)})
        folder = get_save_dir(get_cfg(overrides={**base, "task": TASK, "mode": "benchmark"}))
        shared = _chosen(base, "imgsz", "device", "nms", "quantize")
        export = {**shared, **_chosen(base, "opset", "simplify", "dynamic", "fraction")}
        fixed = {"data": data, "batch": 1, "rect": False, "plots": False, "verbose": False, "threads": settings.threads}
        score = {**shared, **_chosen(base, "split", "workers", "conf"), **fixed, "save_dir": str(folder / "val")}
        if shared.get("quantize") == 8:  # of the files alone; the checkpoint is scored as it is
            export["data"], score["quantize"] = data, None
        rows = benchmark(self.ckpt_path, YOLO, self.model.tasks, form=format, export=export, score=score)
        save_table(rows, folder / "benchmark.csv")
        LOGGER.info(f"Results saved to {folder / 'benchmark.csv'}")
        return rows

    def _own_settings(self) -> dict[str, Any]:
        """Return the settings that this model was trained with, those of prediction at their defaults."""
        kept = self._settings.to_dict() if self.ckpt else {}
        defaults = make_settings().to_dict()
        fixed = {"only_tasks", "show_speed", "show_legend", "per_task", "trust", "threads", "precision"}
        fixed |= {"min_precision", "slices", "calibrate", "tile", "tile_overlap", "tile_whole"}
        return {
            name: kept.get(name, defaults[name]) if name not in fixed else defaults[name] for name in setting_names()
        }


def is_multitask_yaml(cfg: str | Path) -> bool:
    """Return whether a model YAML describes several tasks; a file that is not ours to find is not."""
    found = find_model_yaml(cfg)
    return found is not None and is_multitask(load_yaml(found[0]))


def refuse_tasks(data: Any, model: Any) -> None:
    """Raise when data of several tasks is given to a model of one, for which the base cannot read it.

    Args:
        data: What the user gave as `data`.
        model: Name of the model.
    """
    if isinstance(data, (str, Path)) and is_multitask_data(data):
        raise AyolomError(
            f"data={data}: describes several tasks and {model} is a model of one; take a model of several, such as "
            "model=aYOLOM26n.yaml (with pretrained=yolo26n.pt to start from its weights)"
        )


def _training(source: str, trust: bool, given: dict[str, Any]) -> Train:
    """Return the function that trains once for a search (see `MultiTaskTuner`).

    Args:
        source: What each training starts from: a checkpoint or a model YAML.
        trust: Whether a pickled checkpoint may be loaded.
        given: Settings of all trainings; those that name the folder are the search's own.
    """
    shared = {key: value for key, value in given.items() if key not in {"project", "name", "exist_ok", "resume"}}

    def train(settings: dict[str, Any], folder: Path, callbacks: dict[str, Callable[[Any], None]]) -> dict[str, float]:
        run = {"project": str(folder.parent), "name": folder.name, "exist_ok": True}
        model = YOLO(source, trust=trust)
        for event, callback in callbacks.items():
            model.add_callback(event, callback)
        return dict(model.train(**{**shared, **settings, **run}).results_dict)

    return train


def _chosen(settings: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the named settings that were given."""
    return {name: settings[name] for name in names if settings.get(name) is not None}


def _without_cfg(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with those of a `cfg=` file laid under them."""
    kwargs = dict(kwargs)
    file = kwargs.pop("cfg", None)
    if not file:
        return kwargs
    return {**{k: v for k, v in load_yaml(Path(checks.check_yaml(file))).items() if k != "mode"}, **kwargs}
