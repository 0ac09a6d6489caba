"""The loss of a multi-task model: each task's own loss on the images labelled for it, weighed and added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from ayolom.nn.model import MultiTaskModel


class MultiTaskLoss:
    """Adds up the losses of all tasks; a task without a labelled image in the batch adds exactly 0.

    The weighing itself is the model's `balance`, a module, so that what it learns is trained and saved with the model.
    """

    def __init__(self, model: MultiTaskModel) -> None:
        """Make each task's criterion.

        Args:
            model: The model; its `args`, `settings` and `class_weights` must be set.
        """
        self.model = model
        self.criteria: dict[str, Any] = {
            name: task.criterion(
                model.model[model.heads[name]], model.args, model.settings, model.class_weights.get(name)
            )
            for name, task in model.tasks.items()
        }
        self.names = tuple(
            f"{name}/{item}"
            for name, criterion in self.criteria.items()
            for item in model.tasks[name].loss_names(criterion)
        )

    def __call__(
        self, preds: dict[str, Any], batch: dict[str, Any], held: dict[str, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss to minimise and its named parts.

        Args:
            preds: Raw head output by task name; a task may be missing.
            batch: A collated batch; "labelled" names the tasks that each image is labelled for.
            held: By task name (B,) bool, the images of the batch that `preds` hold; all when None.

        Returns:
            The loss, a scalar tensor, summed over images as the base's criteria do; detached items by name, such as
            "damage/box_loss". Every task's items are there in every batch, 0 where it has no labels.
        """
        device = batch["img"].device
        losses, items = self.of_tasks(preds, batch, held)
        total = self._combine(losses, len(batch["img"]), device)
        return total, {key: items.get(key, torch.zeros((), device=device)) for key in self.names}

    def of_tasks(
        self, preds: dict[str, Any], batch: dict[str, Any], held: dict[str, torch.Tensor] | None = None
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Return by task name the loss of each task with a label in the batch, and the parts of these losses by name.

        The arguments are those of `__call__`.
        """
        labels = {k: v for k, v in batch.items() if k != "img"}
        device = batch["img"].device
        tasks = list(self.model.data_tasks or self.model.tasks.values())
        losses: dict[str, torch.Tensor] = {}
        items: dict[str, torch.Tensor] = {}
        for name, criterion in self.criteria.items():
            images = labelled_images(batch, name)
            if name not in preds or not images.any():
                continue
            wanted = images if held is None else images[held[name]]
            raw = preds[name] if wanted.all() else take(preds[name], wanted.to(device))
            loss, parts = criterion(raw, self.model.tasks[name].select(labels, images, tasks))
            losses[name] = loss.sum()
            items.update({f"{name}/{key}": value for key, value in parts.items()})
        return losses, items

    def _combine(self, losses: dict[str, torch.Tensor], images: int, device: torch.device) -> torch.Tensor:
        """Weigh the losses and add the cost of open gates."""
        learning = [p for p in self.model.parameters() if p.requires_grad]
        total = self.model.balance(losses, images, learning) if losses else torch.zeros((), device=device)
        gates = self.model.gates()
        if gates and losses and self.model.settings.gate_cost:
            openness = torch.stack([torch.sigmoid(gate.gate) for gate in gates if gate.gate is not None]).mean()
            total = total + self.model.settings.gate_cost * images * openness
        if not losses:  # a batch without any label still needs a graph to go backward through
            total = total + sum(p.sum() * 0 for p in learning)
        return total

    def update(self) -> None:
        """Tell the criteria that an epoch has ended, those that keep a schedule."""
        for criterion in self.criteria.values():
            if hasattr(criterion, "update"):
                criterion.update()

    def resume(self, epochs: int) -> None:
        """Bring schedules to where they stand after some epochs."""
        for criterion in self.criteria.values():
            if hasattr(criterion, "update"):
                criterion.updates = epochs - 1
                criterion.update()


def labelled_images(batch: dict[str, Any], task: str) -> torch.Tensor:
    """Return (B,) bool, the images of the batch that are labelled for the task; all where the batch does not say."""
    if "labelled" not in batch:
        return torch.ones(len(batch["img"]), dtype=torch.bool)
    return torch.tensor([task in names for names in batch["labelled"]], dtype=torch.bool)


def take(output: Any, images: torch.Tensor) -> Any:
    """Return a head's raw output, nested in any way, for some images of the batch only.

    Args:
        output: Tensors (B, ...) in dicts, lists and tuples.
        images: (B,) bool tensor.
    """
    if isinstance(output, torch.Tensor):
        return output[images]
    if isinstance(output, dict):
        return {key: take(value, images) for key, value in output.items()}
    if isinstance(output, (list, tuple)):
        return type(output)(take(value, images) for value in output)
    return output
