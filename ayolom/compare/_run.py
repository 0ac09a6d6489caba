"""One training of a comparison, and how it is written down."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError
from ayolom.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

RUN_FILE = "run.json"
RESULT_FILE = "result.json"
EXPOSURE = "exposure"
STEPS = "steps"
FOR_THE_REPORT = {"ablation_of"}  # fields of a run that its training does not depend on
BOTH = "both"  # of a run that serves for either
MULTI = "multi"
TORCHVISION = "torchvision"
OUR_TRAINER = (MULTI, TORCHVISION)  # kinds that are trained by our trainer, on the data set of all tasks


@dataclass
class Run:
    """One training, as it is written to `run.json` for the process that does it.

    Attributes:
        name: Name of the run's folder.
        kind: "multi", "detect" or "semantic": ours, or the base's model of that kind; "torchvision".
        model: Model YAML, or the name of a network of torchvision.
        data: Dataset YAML.
        tasks: Kind of task by task name, what the run is scored on.
        epochs: Epochs to train.
        budget: "exposure", "steps" or "both".
        settings: Arguments of `train` beyond these.
        threads: Threads of the network on a CPU; 0 leaves each framework's own choice.
        entry: Name of the row that its seeds share; the run's own name when empty.
        ablation_of: Entry that this one differs from in one thing.
    """

    name: str
    kind: str
    model: str
    data: str
    tasks: dict[str, str]
    epochs: int
    budget: str
    settings: dict[str, Any] = field(default_factory=dict)
    threads: int = 0
    entry: str = ""
    ablation_of: str | None = None


def read_run(folder: Path) -> Run | None:
    """Return the run that a folder was made for, None where it was made for none.

    Raises:
        AyolomError: The folder's description was written by another version, or damaged.
    """
    file = folder / RUN_FILE
    if not file.is_file():
        return None
    try:
        return Run(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise AyolomError(f"{file}: describes no run ({error}); remove the folder, and the run starts anew") from None


def claim_folder(run: Run, folder: Path) -> None:
    """Make the folder of a run, or make sure that it is of this very run; what only the report uses may have changed.

    Raises:
        AyolomError: It was begun with other settings.
    """
    begun, wanted = read_run(folder), json.loads(json.dumps(asdict(run)))
    before = wanted if begun is None else asdict(begun)
    changed = [name for name, value in wanted.items() if before[name] != value]
    if not set(changed) <= FOR_THE_REPORT:
        raise AyolomError(
            f"{folder}: was started with other settings ({', '.join(changed)}; see {RUN_FILE}); name another out, "
            "or remove the folder"
        )
    if begun is None or changed:
        write_atomic(folder / RUN_FILE, json.dumps(wanted, indent=1))


def is_finished(folder: Path) -> bool:
    """Return whether a run has its result."""
    return (folder / RESULT_FILE).is_file()
