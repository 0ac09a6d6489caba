"""What a model says of the images that lack a label, one image after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ultralytics.utils import TQDM

from ayolom.errors import AyolomError, nearest
from ayolom.labelling._draft import Draft, draft
from ayolom.labelling._stream import predicted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ayolom.labelling._match import Match
    from ayolom.labelling._stream import Predict
    from ayolom.labelling._survey import Todo

CONF = 0.6


@dataclass(frozen=True)
class Job:
    """What is to be predicted, and how.

    Attributes:
        matches: Tasks to be labelled, by name.
        todo: Images that lack a label.
        predict: The model.
        conf: Least confidence by task.
        batch: Most images in a batch.
    """

    matches: Mapping[str, Match]
    todo: Sequence[Todo]
    predict: Predict
    conf: Mapping[str, float]
    batch: int = 1

    def drafts(self, problems: list[str]) -> Iterator[tuple[Todo, dict[str, Draft]]]:
        """Yield each image with a label for each task that it lacks.

        Args:
            problems: Receives a line for each image that cannot be read; it is left out.
        """
        stream = predicted(self.todo, self.predict, self.batch, problems)
        for one, found in TQDM(stream, desc="predicting", total=len(self.todo)):
            if found is not None:
                yield one, {name: draft(self.matches[name], found[name], self.conf[name]) for name in one.tasks}


def thresholds(conf: float | Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """Return the least confidence by task; tasks that a mapping does not name have `CONF`.

    Args:
        conf: For all tasks, or by task.
        names: Names of the tasks to be labelled.

    Raises:
        AyolomError: A task is named that is not labelled, or a value is not in [0, 1].
    """
    given: dict[str, float] = dict.fromkeys(names, conf) if isinstance(conf, (int, float)) else dict(conf)
    for name, value in given.items():
        if name not in names:
            raise AyolomError(
                f"conf: task '{name}' is not labelled here.{nearest(str(name), names)} Tasks are {', '.join(names)}"
            )
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise AyolomError(f"conf: {name}: must be a number from 0 to 1 (got {value})")
    return {name: float(given.get(name, CONF)) for name in names}
