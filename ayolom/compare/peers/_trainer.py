"""Training of a peer by our trainer: its data, schedule, moving average, files and resuming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ayolom.balance import make_balance
from ayolom.compare.peers._boxes import BoxNetwork
from ayolom.compare.peers._catalogue import kind_of
from ayolom.compare.peers._masks import MaskNetwork
from ayolom.config import make_settings
from ayolom.engine.checkpoint import read_checkpoint, strip_checkpoint
from ayolom.engine.trainer import MultiTaskTrainer
from ayolom.errors import AyolomError
from ayolom.tasks.base import TaskSpec

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.compare.peers._network import PeerNetwork

NETWORKS: dict[str, type[PeerNetwork]] = {"detect": BoxNetwork, "semantic": MaskNetwork}


class PeerTrainer(MultiTaskTrainer):
    """Trains a network of torchvision for the one task of its kind; labels of other tasks are not read."""

    def setup_model(self) -> dict[str, Any] | None:
        """Build the network with random weights, or take that of the checkpoint to resume."""
        if not self.resume:
            self.model = self.get_model(str(self.model))
            return None
        content = read_checkpoint(self.model)
        self.model = network_of(content, live=True)
        self._keep_tasks_of(self.model)
        return content

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Any:
        """Build the network for the data's task of its kind.

        Args:
            cfg: Name of the network.
            weights: Nothing; a comparison trains from scratch.
            verbose: The base's.

        Raises:
            AyolomError: The data has no such task, or several.
        """
        kind = kind_of(cfg)
        specs = [spec for spec in self.schema.tasks.values() if spec.kind == kind]
        if len(specs) != 1:
            raise AyolomError(f"{self.schema.label}: {cfg} learns one task of kind {kind}, and there are {len(specs)}")
        model = NETWORKS[kind](cfg, specs[0])
        self._keep_tasks_of(model)  # type: ignore[arg-type]
        return model

    def final_eval(self) -> None:
        """Strip the checkpoints of what only resuming needs; every epoch has been scored."""
        for file in (self.last, self.best):
            if file.exists():
                strip_checkpoint(file)


def network_of(content: dict[str, Any], live: bool = False) -> PeerNetwork:
    """Build the network of a checkpoint and fill in its weights.

    Args:
        content: What `read_checkpoint` returned.
        live: Whether to take the weights in training instead of their moving average.

    Returns:
        The network in float32 and evaluation mode.
    """
    made = content["yaml"]
    network = NETWORKS[kind_of(made["torchvision"])](made["torchvision"], TaskSpec.from_dict(made["task"]))
    network.settings = make_settings(content["settings"])
    network.balance = make_balance(network.settings.balance, list(network.tasks), network.settings.task_weights)
    state = content["model"] if live and content.get("model") else content["ema"]
    network.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in state.items()})
    return network.eval()


def open_network(file: str | Path) -> PeerNetwork:
    """Return the network of a checkpoint file, read as data."""
    return network_of(read_checkpoint(file))
