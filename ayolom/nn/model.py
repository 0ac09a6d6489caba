"""The network: one backbone, and for each task a neck and a head of its own."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from ultralytics.nn.modules import Detect
from ultralytics.utils import DEFAULT_CFG, LOGGER
from ultralytics.utils.torch_utils import initialize_weights, is_qat

from ayolom.balance import FixedBalance
from ayolom.config import make_settings
from ayolom.modules import AdaptiveConcat
from ayolom.nn.criterion import MultiTaskLoss, labelled_images
from ayolom.nn.folding import fold_joins
from ayolom.nn.forward import Forward
from ayolom.nn.gates import gate_rows, settle
from ayolom.nn.graph import build_graph
from ayolom.nn.spec import join_tasks, load_spec, source_of
from ayolom.nn.transfer import transfer
from ayolom.tasks import make_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ayolom.tasks.base import Task, TaskSpec


class MultiTaskModel(Forward):
    """One image in, the answer of every task out.

    Attributes:
        yaml: The model YAML with class names, flip pairs and scale filled in; it alone rebuilds the network.
        tasks: Task objects by name.
        model: All layers, backbone first, then task by task (see `graph.Graph`).
        save: Places of layers whose output is kept for a later row.
        heads: Place of each task's head by name.
        names: Class names of the first task with boxes, else of the first task; the base reads them.
        stride: (1,) float tensor, pixels per cell of the coarsest map, at least 32: images are padded to a multiple.
        args: The base's settings; settings: ours; class_weights: (nc,) tensor by task name; data_tasks: the data set's
            tasks in order, None when they are the model's; balance: how losses are weighed. The trainer sets them.
        active: Names of the tasks to compute, None for all.
        learning: Names of the tasks whose loss counts, None for all.
        temperatures: By task name what its logits were divided by to calibrate them; the weights hold it already.
        compute_dtype: Type in which the layers run on a CPU, None for that of the weights. Outputs are float32.
    """

    task = "multitask"
    learning: frozenset[str] | None = None

    def __init__(
        self,
        cfg: str | Path | dict[str, Any],
        tasks: dict[str, TaskSpec] | None = None,
        ch: int | None = None,
        verbose: bool = False,
    ) -> None:
        """Build the network.

        Args:
            cfg: Model YAML: a path, a shipped name such as "aYOLOM26n.yaml", or its content.
            tasks: The data's description of its tasks; None takes the classes that the YAML names.
            ch: Channels of the image; None takes those of the YAML, else 3.
            verbose: Whether to log the size of the network.

        Raises:
            AyolomError: The YAML does not describe a network, or does not fit the data.
        """
        super().__init__()
        self.yaml = load_spec(cfg)
        source = source_of(self.yaml)
        specs = join_tasks(self.yaml, tasks, source)
        self.yaml["channels"] = ch or self.yaml.get("channels") or 3
        self.tasks: dict[str, Task] = {name: make_task(spec) for name, spec in specs.items()}
        graph = build_graph(self.yaml, self.tasks, self.yaml["channels"], source)
        self.model, self.save, self.heads = graph.layers, graph.save, graph.heads
        self.stride = torch.tensor([max(graph.stride, 32.0)])
        first = next((task for task in self.tasks.values() if task.box_classes), next(iter(self.tasks.values())))
        self.names = dict(first.spec.names)
        self.inplace = True
        self.args: Any = copy(DEFAULT_CFG)
        self.settings = make_settings()
        self.class_weights: dict[str, torch.Tensor] = {}
        self.data_tasks: Sequence[Task] | None = None
        self.balance: nn.Module = FixedBalance(dict.fromkeys(self.tasks, 1.0))
        self.criterion: MultiTaskLoss | None = None
        self.temperatures: dict[str, float] = {}
        initialize_weights(self)
        if verbose:
            self.info()

    # Training ---------------------------------------------------------------------------------------------------------
    def loss(self, batch: dict[str, Any], preds: dict[str, Any] | None = None) -> tuple[torch.Tensor, dict[str, Any]]:
        """Return the loss of a batch and its named parts.

        Without `preds`, no layer runs on an image that teaches none of the tasks which depend on it.

        Args:
            batch: A collated batch; "labelled" names the tasks that each image is labelled for, all when missing.
            preds: Raw output by task name for all images of the batch.
        """
        if self.criterion is None:
            self.criterion = self.init_criterion()
        if preds is not None:
            return self.criterion({name: raw for name, raw in preds.items() if self._learns(name)}, batch)
        return self.criterion(*self._answered(batch))

    def losses_again(self, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """Return by task name the losses of a batch as training sees them, without a graph; nothing else changes.

        Args:
            batch: A collated batch, as `loss` takes it.
        """
        if self.criterion is None:
            self.criterion = self.init_criterion()
        with torch.no_grad(), _without_statistics(self):
            return self.criterion.of_tasks(*self._answered(batch))[0]

    def _answered(self, batch: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, torch.Tensor]]:
        """Return raw output by task name, the batch, and by task name (B,) bool, the images that the output holds."""
        held = {name: _filled_up(labelled_images(batch, name) & self._learns(name)) for name in self.tasks}
        return self._forward_labelled(batch["img"], held), batch, held

    def _learns(self, task: str) -> bool:
        """Return whether the loss of a task counts."""
        return self.learning is None or task in self.learning

    def init_criterion(self) -> MultiTaskLoss:
        """Return the loss for the model's present settings."""
        return MultiTaskLoss(self)

    def load(self, weights: Any, verbose: bool = True) -> dict[str, int]:
        """Take what fits from other weights (see `transfer.transfer`) and return how many tensors by block."""
        return transfer(self, weights, verbose)

    # Heads ------------------------------------------------------------------------------------------------------------
    def _detect_heads(self) -> list[Detect]:
        """Return the base's detection heads."""
        return [head for head in self._heads() if isinstance(head, Detect)]

    def _heads(self) -> list[nn.Module]:
        """Return all heads in the order of the tasks."""
        return [self.model[index] for index in self.heads.values()]

    @property
    def end2end(self) -> bool:
        """Whether every detection head gives final boxes without suppression; False when there is none."""
        heads = self._detect_heads()
        return bool(heads) and all(head.end2end for head in heads)

    @end2end.setter
    def end2end(self, value: bool) -> None:
        """Choose the branch that detection heads infer with."""
        for head in self._detect_heads():
            head.end2end = value

    def set_head_attr(self, **attributes: Any) -> None:
        """Set attributes, such as `max_det`, on every detection head that has them."""
        for name, value in attributes.items():
            heads = [head for head in self._detect_heads() if hasattr(head, name)]
            if not heads:
                LOGGER.warning(f"no head has an attribute '{name}'")
            for head in heads:
                setattr(head, name, value)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> MultiTaskModel:
        """Apply a function to all tensors, strides and anchors of the heads included."""
        nn.Module._apply(self, fn, recurse)
        for head in self._heads():
            for name in ("stride", "anchors", "strides"):
                if isinstance(getattr(head, name, None), torch.Tensor):
                    setattr(head, name, fn(getattr(head, name)))
        return self

    # Gates and inference form -----------------------------------------------------------------------------------------
    def gates(self) -> list[AdaptiveConcat]:
        """Return the concatenations whose gate is learned."""
        return [layer for layer in self.model if isinstance(layer, AdaptiveConcat) and layer.is_learned]

    def gate_table(self) -> list[dict[str, Any]]:
        """Return for each gate its block, its row in it, its openness in [0, 1] and whether it is open."""
        return gate_rows(self.model)

    def fuse(self, verbose: bool = True, imgsz: int | list[int] = 640) -> MultiTaskModel:
        """Bring the network into its form for inference, in place.

        As in the base, normalisation is folded into convolutions and heads keep one branch. Besides, closed gates pass
        their first input on, open ones always join, joins are folded into the convolutions around them (see
        `fold_joins`), and heads lose what only training needs.
        """
        if self.is_fused():
            return self
        super().fuse(verbose=False)
        for i in range(len(self.model)):
            self.model[i] = settle(self.model[i])
        if not is_qat(self):  # there, activations have ranges of their own that a sum of two maps would not keep
            fold_joins(self.model)
        for name, index in self.heads.items():
            self.tasks[name].strip_head(self.model[index])
        self.info(verbose=verbose, imgsz=imgsz)
        return self

    def is_fused(self) -> bool:
        """Return whether `fuse` has nothing left to do."""
        return super().is_fused() and not gate_rows(self.model)


@contextmanager
def _without_statistics(model: nn.Module) -> Iterator[None]:
    """Let normalisation that takes the batch's own statistics not add them to its running ones."""
    layers = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d) and m.training and m.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def _filled_up(images: torch.Tensor, parts: int = 4) -> torch.Tensor:
    """Return (B,) bool, the given images and as many more as make their number a multiple of a quarter of the batch.

    On CPUs kernels are compiled for each batch size that occurs. With as many sizes as a batch has images, compiling
    would take longer than a short training; a few sizes are compiled once.
    """
    lacking = -int(images.sum()) % max(len(images) // parts, 1) if images.any() else 0
    filled = images.clone()
    filled[(~images).nonzero().flatten()[:lacking]] = True
    return filled
