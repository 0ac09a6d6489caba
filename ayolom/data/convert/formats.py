"""The table of formats, in the order in which `format=auto` asks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ayolom.data.convert._format import Format

FORMATS: tuple[Format, ...] = ()
