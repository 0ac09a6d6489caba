"""How the losses of several tasks become one: by weights, given or learned, or by their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.balance._base import Balance, Run
from ayolom.balance._dynamic import DynamicBalance
from ayolom.balance._famo import FamoBalance
from ayolom.balance._fixed import FixedBalance
from ayolom.balance._gradients import PCGradBalance, UPGradBalance
from ayolom.balance._uncertainty import UncertaintyBalance
from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = (
    "BALANCES",
    "Balance",
    "DynamicBalance",
    "FamoBalance",
    "FixedBalance",
    "PCGradBalance",
    "Run",
    "UPGradBalance",
    "UncertaintyBalance",
    "make_balance",
)

BALANCES: dict[str, type[Balance]] = {
    "fixed": FixedBalance,
    "uncertainty": UncertaintyBalance,
    "dwa": DynamicBalance,
    "famo": FamoBalance,
    "upgrad": UPGradBalance,
    "pcgrad": PCGradBalance,
}


def make_balance(name: str, tasks: Sequence[str], weights: Mapping[str, float] | None = None) -> Balance:
    """Make a balance.

    Args:
        name: A key of `BALANCES`.
        tasks: Names of all tasks of the model.
        weights: Weight of tasks by name; 1.0 where not given.

    Raises:
        AyolomError: The name is unknown, a weight is of no task, negative or not finite.
    """
    if name not in BALANCES:
        raise AyolomError(f"balance must be one of {', '.join(BALANCES)} (got {name!r}).{nearest(name, BALANCES)}")
    weights = weights or {}
    for task in weights:
        if task not in tasks:
            raise AyolomError(
                f"task_weights: the model has no task {task!r}, its tasks are {', '.join(tasks)}.{nearest(task, tasks)}"
            )
    return BALANCES[name]({task: weights.get(task, 1.0) for task in tasks})
