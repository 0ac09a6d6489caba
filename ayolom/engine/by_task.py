"""Settings given by task, checked against the tasks that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ultralytics.cfg import check_cfg

from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ayolom.config import Settings


def check_by_task(settings: Settings, tasks: Iterable[str]) -> None:
    """Check the names and values of settings such as `conf={damage: 0.3}`.

    Args:
        settings: Our settings.
        tasks: Names of the model's tasks.

    Raises:
        AyolomError: A setting names a task that the model lacks, or has a value that the base would refuse.
    """
    known = list(tasks)
    for setting, by_task in {**settings.per_task, "fitness_weights": settings.fitness_weights}.items():
        for name, value in by_task.items():
            if name not in known:
                raise AyolomError(
                    f"{setting}: the model has no task '{name}'.{nearest(str(name), known)} It has {', '.join(known)}"
                )
            _check_value(setting, name, value)


def chosen_tasks(wanted: list[str] | None, have: list[str]) -> frozenset[str] | None:
    """Return the tasks to compute, None for all.

    Raises:
        AyolomError: The model has no such task.
    """
    for name in wanted or ():
        if name not in have:
            raise AyolomError(
                f"only_tasks={name}: the model has no such task.{nearest(name, have)} It has {', '.join(have)}"
            )
    return frozenset(wanted) if wanted else None


def _check_value(setting: str, task: str, value: Any) -> None:
    """Raise when a value is of the wrong type or out of range."""
    if setting == "fitness_weights":
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            raise AyolomError(f"{setting}: {task}: must be a number, 0 or more (got {value})")
        return
    try:
        check_cfg({setting: value})
    except (TypeError, ValueError) as error:
        raise AyolomError(f"{setting}: {task}: {error}") from None
