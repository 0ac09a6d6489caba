"""Texts of reports by language: one YAML file each in `cfg/languages`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ayolom.config import cfg_dir, find_yaml
from ayolom.errors import AyolomError, nearest
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.inspect.objects import Damage, Place

FALLBACK = "en"


@dataclass(frozen=True)
class Language:
    """The texts of one language; what its file leaves out is English.

    Attributes:
        texts: Texts by key, as in the file.
    """

    texts: dict[str, Any]

    @property
    def code(self) -> str:
        """Code of the language, such as "ko"."""
        return str(self.texts["code"])

    def __call__(self, key: str, **values: Any) -> str:
        """Return a text with its values filled in; "levels.minor" is found under `levels`."""
        found: Any = self.texts
        for word in key.split("."):
            found = found[word]
        return str(found).format(**values) if values else str(found)

    def name(self, name: str) -> str:
        """Return a class name for people: translated where the file knows it, else without underscores.

        Upper and lower case are alike, and so are spaces, hyphens and underscores.
        """
        plain = name.strip().lower().replace(" ", "_").replace("-", "_")
        return str(self.texts["names"].get(name) or self.texts["names"].get(plain, name.replace("_", " ")))

    def part(self, part: str, place: Place | None = None) -> str:
        """Return the name of a part with its place."""
        if place is None:
            return self.name(part)
        return self("placed_part", place=self(f"places.{place}"), part=self.name(part))

    def where(self, damage: Damage) -> str:
        """Return the part of a damage: its name, or what is known instead."""
        if damage.part is not None:
            return self.part(damage.part, damage.place)
        if damage.state == "UNPAIRED":
            return self("states.UNPAIRED")
        best = next(one for one in damage.evidence if one.id == damage.best)
        possible = [one for one in best.candidates if one.is_possible]
        return " / ".join(self.part(one.part, one.place) for one in possible[:2]) + " ?"

    @staticmethod
    def percent(share: float | None, digits: int = 0) -> str:
        """Return a share in per cent, a dash where there is none."""
        if share is None:
            return "\u2013"
        return "<1 %" if 0 < share < 0.01 and not digits else f"{100 * share:.{digits}f} %"


def load_language(name: str | Path) -> Language:
    """Return a language by its code or by the path of its file.

    Raises:
        AyolomError: There is no such file, or a text of it has not the kind that it must have.
    """
    texts = load_yaml(cfg_dir() / "languages" / f"{FALLBACK}.yaml")
    if str(name) == FALLBACK:
        return Language(texts)
    file = find_yaml(name if str(name).endswith((".yaml", ".yml")) else f"{name}.yaml", "languages")
    if file is None:
        shipped = sorted(path.stem for path in (cfg_dir() / "languages").glob("*.yaml"))
        raise AyolomError(
            f"lang={name}: no such language.{nearest(str(name), shipped)} There is {', '.join(shipped)}; or give the "
            f"path of a file like {cfg_dir() / 'languages' / 'en.yaml'}"
        )
    return Language(_over(texts, load_yaml(file), str(file)))


def _over(texts: dict[str, Any], given: dict[str, Any], label: str) -> dict[str, Any]:
    """Return the texts with given ones laid over them, the same keys inside blocks."""
    merged = dict(texts)
    for key, value in given.items():
        if key not in texts:
            raise AyolomError(f"{label}: '{key}' is not a text of reports.{nearest(str(key), texts)}")
        if type(value) is not type(texts[key]):
            raise AyolomError(f"{label}: {key}: must be as in en.yaml, {type(texts[key]).__name__} (got {value!r})")
        merged[key] = {**texts[key], **value} if isinstance(value, dict) else value
    return merged
