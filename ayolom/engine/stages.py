"""Which parts learn from which epoch on: detection first, then masks with the rest frozen, then all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER

from ayolom.engine.freezing import layers_of
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.nn.model import MultiTaskModel

FORM = "write {0: [backbone, damage], 10: parts, 20: all}, the number of finished epochs and what learns from then on"


@dataclass(frozen=True)
class Stage:
    """A part of a training.

    Attributes:
        start: Epochs that are over when it begins.
        names: Parts that learn, as `freeze` takes them; None for all.
    """

    start: int
    names: tuple[str, ...] | None = None

    def __str__(self) -> str:
        """Return what learns."""
        return "all parts" if self.names is None else ", ".join(self.names)


class Staging:
    """The stages of a run, and the one that it is in; a run that goes on finds it by the epoch."""

    def __init__(self, given: Mapping[Any, Any], epochs: int, processes: int = 1) -> None:
        """Read the stages.

        Args:
            given: See `read_stages`.
            epochs: Epochs of the run.
            processes: Processes that train together.

        Raises:
            AyolomError: A stage is not written as it should be, or several processes train together: they agree at the
                start on the parameters whose gradients they exchange.
        """
        self.stages = read_stages(given)
        self.stage: Stage | None = None
        self._for_good: tuple[str, ...] = ()
        if self.stages and processes > 1:
            raise AyolomError("stages: what learns cannot change between several processes; train on one device")
        for stage in self.stages:
            if stage.start >= epochs:
                LOGGER.warning(f"stages: {stage.start} is not reached in a training of {epochs} epochs")

    @property
    def start(self) -> int:
        """Epochs that were over when the present stage began; 0 without stages."""
        return self.stage.start if self.stage else 0

    def check(self, model: MultiTaskModel) -> None:
        """Raise where a stage does not fit the network; see `learning_layers`."""
        for stage in self.stages:
            learning_layers(model, stage)

    def begin(self, model: MultiTaskModel, epoch: int, frozen: list[str]) -> list[str]:
        """Bring the network into the stage of an epoch and return parts of the names of what is frozen.

        Args:
            model: The network.
            epoch: The epoch that begins, counted from 0.
            frozen: The base's parts of names of what is frozen, before the first stage or as returned here.
        """
        stage = stage_at(self.stages, epoch)
        if not self.stages or stage == self.stage:
            return frozen
        if self.stage is None:
            self._for_good = tuple(frozen)
        self.stage = stage
        LOGGER.info(f"stages: learning from epoch {epoch + 1} on: {stage}")
        return [*self._for_good, *enter(model, stage, self._for_good)]


def read_stages(given: Mapping[Any, Any]) -> list[Stage]:
    """Return the stages in order; all parts learn before the first.

    Args:
        given: By number of finished epochs the parts that learn: "all", a name, names joined by commas, or a list.

    Raises:
        AyolomError: An epoch is no whole number from 0, stands twice, or nothing is named.
    """
    stages: dict[int, Stage] = {}
    for key, value in given.items():
        start = _epoch(key)
        if start in stages:
            raise AyolomError(f"stages: epoch {start} stands there twice; {FORM}")
        names = value.split(",") if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not names or not all(str(name).strip() for name in names):
            raise AyolomError(f"stages: {key}: names no part (got {value!r}); {FORM}")
        parts = tuple(str(name).strip() for name in names)
        stages[start] = Stage(start, None if parts == ("all",) else parts)
    return [stages[start] for start in sorted(stages)]


def _epoch(key: Any) -> int:
    """Return the epoch at which a stage begins."""
    number = int(key) if isinstance(key, str) and key.strip().isdigit() else key
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise AyolomError(f"stages: {key}: must be a whole number of epochs from 0; {FORM}")
    return number


def stage_at(stages: Sequence[Stage], epoch: int) -> Stage:
    """Return the stage of an epoch, counted from 0."""
    begun = [stage for stage in stages if stage.start <= epoch]
    return begun[-1] if begun else Stage(0)


def learning_layers(model: MultiTaskModel, stage: Stage) -> set[int]:
    """Return the numbers of the layers that learn.

    Raises:
        AyolomError: A name is of no part, or no task is among the names, so that no loss would be left.
    """
    if stage.names is None:
        return set(range(len(model.model)))
    layers = {layer for name in stage.names for layer in layers_of(model, name, f"stages: {stage.start}")}
    if not taught_tasks(model, layers):
        raise AyolomError(
            f"stages: {stage.start}: {stage} has no loss of its own; name a task with it: {', '.join(model.tasks)}"
        )
    return layers


def taught_tasks(model: MultiTaskModel, layers: set[int]) -> frozenset[str]:
    """Return the tasks of whose own neck or head a layer is among the given ones; their losses count."""
    blocks = {str(model.model[number].block).split(".")[0] for number in layers}
    return frozenset(name for name in model.tasks if name in blocks)


def enter(model: MultiTaskModel, stage: Stage, frozen: Sequence[str]) -> list[str]:
    """Let what the stage names learn and freeze the rest, and return names of the frozen layers as the base has them.

    A task of which nothing learns adds no loss and is not computed: the gradient of a head as it was drawn, or of one
    that is finished, is not to shape what the others learn.

    Args:
        model: The network, changed in place.
        stage: The stage that begins.
        frozen: Parts of parameters' names that never learn, as the base has them, such as "model.0.".
    """
    layers = learning_layers(model, stage)
    model.learning = None if stage.names is None else taught_tasks(model, layers)
    for name, parameter in model.model.named_parameters(prefix="model"):
        if any(part in name for part in frozen):
            continue
        parameter.requires_grad_(int(name.split(".")[1]) in layers)
        if not parameter.requires_grad:
            parameter.grad = None  # of batches that waited for a step: momentum would move it once more
    return [f"model.{number}." for number in range(len(model.model)) if number not in layers]
