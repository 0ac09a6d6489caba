"""Commands in groups, such as `yolo data check`: one file for each, imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from ayolom.commands._command import Command

# By group and name, the module whose COMMAND it is. Those of the group "" stand alone: `yolo inspect`.
GROUPS: dict[str, dict[str, str]] = {
    "": {"compare": "compare", "inspect": "inspect", "serve": "serve"},
    "data": {
        "import": "data_import",
        "check": "data_check",
        "export": "data_export",
        "label": "data_label",
        "split": "data_split",
        "stats": "data_stats",
        "view": "data_view",
    },
}
HEADLINES = {"data": "bring your own data: from what you have to a data set of several tasks"}


def load(group: str, name: str) -> Command:
    """Return a command.

    Raises:
        AyolomError: There is no such command.
    """
    commands = GROUPS[group]
    if name not in commands:
        raise AyolomError(
            f"yolo {group} {name}: no such command.{nearest(name, commands)} "
            f"Commands are {', '.join(commands)}; more: yolo {group} --help"
        )
    return import_module(f"ayolom.commands.{commands[name]}").COMMAND


def overview(group: str) -> str:
    """Return one line for each command of a group."""
    width = max(map(len, GROUPS[group]))
    lines = [f"yolo {group}: {HEADLINES[group]}", ""]
    lines += [f"  yolo {group} {name:<{width}}  {load(group, name).summary}" for name in GROUPS[group]]
    return "\n".join([*lines, "", f"More on each: yolo {group} <command> --help"])


def run(group: str, name: str, given: dict[str, Any]) -> int:
    """Run a command and return its exit status.

    Args:
        group: Key of `GROUPS`.
        name: Name of the command in it.
        given: Values by option, as they stood on the command line.

    Raises:
        AyolomError: There is no such command or option, or the command cannot do what was asked.
    """
    command = load(group, name)
    return command.run(**command.values(given))
