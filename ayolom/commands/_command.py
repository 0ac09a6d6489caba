"""A command of the command line: its options, its help, and the `name=value` words turned into values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH = 118


@dataclass(frozen=True)
class Option:
    """One `name=value` of a command.

    Attributes:
        name: Name on the command line and of the argument of `Command.run`.
        read: Turns what was given into the value; raises ValueError with what it must be. See the readers below.
        help: What it is for, in a few words.
        default: Value when it is not given.
        required: Whether it must be given.
    """

    name: str
    read: Callable[[Any], Any]
    help: str
    default: Any = None
    required: bool = False


@dataclass(frozen=True)
class Command:
    """One command, such as `yolo data split`.

    Attributes:
        name: Its name with the group's, such as "data split".
        summary: One sentence.
        options: What can be given.
        examples: Command lines, each with what it does.
        run: Does it: called with every option by name, given or default, and returns the exit status: 0 done, 1 when
            what was asked for failed, such as a strict check.
        details: Further paragraphs of the help.
    """

    name: str
    summary: str
    options: tuple[Option, ...]
    examples: tuple[tuple[str, str], ...]
    run: Callable[..., int]
    details: str = ""

    def values(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return a value for each option.

        Args:
            given: What stood on the command line, by name.

        Raises:
            AyolomError: A name is unknown, a value cannot be read, or a required one is missing.
        """
        known = {option.name: option for option in self.options}
        for name in given:
            if name not in known:
                raise AyolomError(
                    f"yolo {self.name}: no option '{name}'.{nearest(name, known)} Options are {', '.join(known)}; "
                    f"more: yolo {self.name} --help"
                )
        missing = [option.name for option in self.options if option.required and given.get(option.name) is None]
        if missing:
            raise AyolomError(f"yolo {self.name}: {missing[0]}= is missing, for example: {self.examples[0][0]}")
        return {name: self._value(option, given) for name, option in known.items()}

    def usage(self) -> str:
        """Return the help text."""
        width = max(len(option.name) for option in self.options) + 2
        lines = [f"yolo {self.name}: {self.summary}", ""]
        for paragraph in filter(None, self.details.split("\n\n")):
            lines += [*wrap(" ".join(paragraph.split()), WIDTH), ""]
        lines.append("Options, as name=value:")
        for option in self.options:
            head = f"  {option.name:<{width}}"
            lines += wrap(option.help + _note(option), WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
        lines += ["", "Examples:"]
        for line, purpose in self.examples:
            lines += [f"  {line}", f"      {purpose}"]
        return "\n".join(lines)

    def _value(self, option: Option, given: dict[str, Any]) -> Any:
        """Return the value of one option."""
        value = given.get(option.name)
        if value is None:
            return option.default
        try:
            return option.read(value)
        except (ValueError, TypeError) as error:
            raise AyolomError(f"yolo {self.name}: {option.name}={value}: {error}") from None


def _note(option: Option) -> str:
    """Return what the help says of an option's default."""
    if option.required:
        return " (must be given)"
    if option.default is None or option.default == ():
        return ""
    shown = ",".join(map(str, option.default)) if isinstance(option.default, tuple) else option.default
    return f" (default {shown})"


# Readers of values: what the command line hands over is text, or what Python would read it as -------------------------
def text(value: Any) -> str:
    """Return a word as it was written."""
    return str(value)


def path(value: Any) -> Path:
    """Return a path, "~" expanded."""
    return Path(str(value)).expanduser()


def flag(value: Any) -> bool:
    """Return a switch."""
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


def integer(low: int | None = None) -> Callable[[Any], int]:
    """Return a reader of whole numbers from `low`."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or (low is not None and value < low):
            raise ValueError("must be a whole number" + ("" if low is None else f" from {low}"))
        return value

    return read


def number(low: float | None = None, high: float | None = None) -> Callable[[Any], float]:
    """Return a reader of numbers in [low, high]."""

    def read(value: Any) -> float:
        valid = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not valid or (low is not None and value < low) or (high is not None and value > high):
            limits = [f" from {low}"] * (low is not None) + [f" to {high}"] * (high is not None)
            raise ValueError(f"must be a number{''.join(limits)}")
        return float(value)

    return read


def choice(*valid: str) -> Callable[[Any], str]:
    """Return a reader of one of several words."""

    def read(value: Any) -> str:
        if str(value) not in valid:
            raise ValueError(f"must be one of {', '.join(valid)}.{nearest(str(value), valid)}")
        return str(value)

    return read


def words(value: Any) -> tuple[str, ...]:
    """Return words: `a`, `a,b` or `[a,b]`."""
    listed: Sequence[Any] = value if isinstance(value, (list, tuple)) else str(value).strip("[]").split(",")
    return tuple(str(word).strip() for word in listed if str(word).strip())


def numbers(value: Any) -> tuple[float, ...]:
    """Return numbers: `0.7,0.2,0.1` or `[0.7,0.2,0.1]`."""
    listed = value if isinstance(value, (list, tuple)) else words(value)
    try:
        return tuple(float(one) for one in listed)
    except (TypeError, ValueError):
        raise ValueError("must be numbers with commas between them") from None
