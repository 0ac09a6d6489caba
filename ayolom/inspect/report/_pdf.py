"""report.pdf: the same content in fixed pages, by fpdf2 (https://py-pdf.github.io/fpdf2/).

fpdf2 is plain Python. A renderer of HTML such as WeasyPrint would repeat the page exactly, but needs libraries of the
system (Pango); a browser does as well ("print" the page). So this is a layout of its own: the page without its links.
"""

from __future__ import annotations

import io
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ayolom.draw.fonts import find_font
from ayolom.errors import AyolomError
from ayolom.inspect.report._diagram import SIZE, draw_diagram
from ayolom.inspect.report._page import review_counts, status_of, totals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ayolom.inspect.language import Language
    from ayolom.inspect.objects import Damage, Inspection
    from ayolom.inspect.rules import Rules

MISSING = 'pdf=True: the PDF is written by fpdf2: pip install "ayolom[pdf]"'
FILLS = {
    "severe": "#e0584f", "moderate": "#f2a03d", "minor": "#f6dc5c", "unrated": "#b9b7e8", "intact": "#dbe8de",
    "unseen": "#ffffff",
}  # fmt: skip
CARD, GAP, IMAGE = 88.0, 4.0, 54.0  # millimetres


def check_pdf() -> None:
    """Raise where fpdf2 is not installed.

    Raises:
        AyolomError: It is not; the message tells what to install.
    """
    if find_spec("fpdf") is None:
        raise AyolomError(MISSING)


def as_pdf(inspection: Inspection, folder: Path, language: Language, rules: Rules) -> bytes:
    """Return the PDF.

    Args:
        inspection: What it tells.
        folder: Where the pictures lie that the inspection names.
        language: Of its texts.
        rules: Tell which words of part names mean left and right.
    """
    check_pdf()
    return _Document(inspection, folder, language, rules).made()


class _Document:
    """The pages in the making."""

    def __init__(self, inspection: Inspection, folder: Path, language: Language, rules: Rules) -> None:
        """Open the first page with a font that has all letters."""
        self._one, self._folder, self._t, self._rules = inspection, folder, language, rules
        self._pdf: Any = import_module("fpdf").FPDF(format="A4")
        self._pdf.set_title(language("title"))
        self._pdf.set_lang(language.code)
        self._pdf.set_creation_date(datetime.fromisoformat(inspection.created_at))
        self._pdf.set_auto_page_break(True, margin=15)
        names = [view.name for view in inspection.views]
        font = find_font("".join([str(language.texts), inspection.model_dump_json(), *names]))
        if font is None:
            raise AyolomError("pdf=True: no font on this machine has all letters of this report; see the warning above")
        self._pdf.add_font("report", fname=str(font))
        self._pdf.set_font("report", size=10)
        self._pdf.add_page()

    def made(self) -> bytes:
        """Return the document."""
        t, one = self._t, self._one
        self._text(t("title"), 18)
        self._text(f"{t('source')}: {one.source}   {t('created')}: {one.created_at[:16].replace('T', ' ')}", 9)
        self._facts()
        self._overview()
        self._comparison()
        self._cards()
        self._heading(t("photo_check"))
        problems = [[t(f"problems.{p.code}") for p in view.check.problems] or [t("fine")] for view in one.views]
        rows = [(view.name, " ".join(found)) for view, found in zip(one.views, problems, strict=True)]
        self._table((t("picture"), t("advice")), rows, (1, 3))
        self._provenance()
        self._heading(t("limits"))
        for line in t.texts["limit_list"]:
            self._text(f"- {line}", 9)
        return bytes(self._pdf.output())

    def _facts(self) -> None:
        """Write the numbers that come first."""
        t, one = self._t, self._one
        sides = ", ".join(t(f"sides.{side}") for side in one.sides_missing) or t("none")
        facts = [(t("damages_found"), len(one.damages)), (t("pictures"), len(one.views)), (t("sides_missing"), sides)]
        hours, cost = totals(one)
        if hours is not None:
            facts.append((t("estimate"), t("hours", value=f"{hours:.1f}")))
        if cost is not None:
            facts.append((t("cost"), f"{cost:,.2f} {one.currency or ''}"))
        self._text("   ".join(f"{name}: {value}" for name, value in facts), 10)
        if one.review is not None:
            at = one.review.reviewed_at[:16].replace("T", " ")
            partly = any(damage.review is None for damage in one.damages)
            told = f"{t('reviewed')} {t('reviewed_counts', at=at, **review_counts(one))}"
            self._text(f"{told} {t('reviewed_partly')}" if partly else told, 9)

    def _overview(self) -> None:
        """Put the drawing beside the list of damages."""
        shapes, _ = draw_diagram(self._one.parts, self._t, self._rules)
        flip = f' transform="translate({SIZE[0]} 0) scale(-1 1)"'
        paths = "".join(
            f'<path d="{shape.path}" fill="{FILLS[shape.level]}" stroke="#1d2430" stroke-width="1.5"'
            f"{flip if shape.mirrored else ''}/>"
            for shape in shapes
        )
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="40 4 360 584" width="360" height="584">{paths}</svg>'
        self._heading(self._t("summary"))
        top = self._pdf.get_y()
        self._pdf.image(io.BytesIO(svg.encode()), x=10, y=top, w=50)
        rows = [
            (one.id, self._t.where(one), self._t.name(one.kind), self._t.percent(one.extent_share), self._level(one))
            for one in self._one.damages
        ]
        self._pdf.set_left_margin(68)
        self._pdf.set_xy(68, top)
        head = ("#", self._t("part"), self._t("kind"), self._t("extent"), self._t("severity"))
        if rows:
            self._table(head, rows, (1, 4, 3, 2, 2))
        else:
            self._text(self._t("no_damage"), 10)
        self._pdf.set_left_margin(10)
        if self._pdf.page_no() == 1:
            self._pdf.set_y(max(self._pdf.get_y(), top + 84))

    def _comparison(self) -> None:
        """List what is new, unchanged and gone."""
        found, t = self._one.comparison, self._t
        if found is None:
            return
        self._heading(t("comparison"))
        self._text(t("comparison_intro", name=found.earlier.name, created=found.earlier_created_at[:16]), 9)
        shown = {one.id: one for one in self._one.damages}
        gone = {one.id: one for one in found.gone}
        rows = []
        for change in found.changes:
            damage = shown[change.damage] if change.damage else gone[change.earlier or ""]
            note = "" if change.part_in_view else t("not_comparable")
            rows.append(
                (
                    t(f"statuses.{change.status}") + ("" if not note else " ?"),
                    change.damage or change.earlier,
                    t.where(damage),
                    note,
                )
            )
        self._table((t("status"), "#", t("part"), t("note")), rows, (2, 1, 3, 5))

    def _cards(self) -> None:
        """Put the damages in two columns."""
        self._heading(self._t("damages"), room=IMAGE + 48)
        for first in range(0, len(self._one.damages), 2):
            if self._pdf.will_page_break(IMAGE + 28):
                self._pdf.add_page()
            top, lowest = self._pdf.get_y(), 0.0
            for column, damage in enumerate(self._one.damages[first : first + 2]):
                self._card(damage, 10 + column * (CARD + GAP), top)
                lowest = max(lowest, self._pdf.get_y())
            self._pdf.set_y(lowest + GAP)

    def _card(self, damage: Damage, x: float, y: float) -> None:
        """Put one damage at a place in millimetres."""
        t, pdf = self._t, self._pdf
        pdf.set_xy(x, y)
        pdf.set_font_size(10)
        title = f"{damage.id}  {t.where(damage)}: {t.name(damage.kind)} ({self._level(damage)})"
        pdf.multi_cell(CARD, 5, title, new_x="LEFT", new_y="NEXT")
        if damage.crop_file and (self._folder / damage.crop_file).is_file():
            pdf.image(self._folder / damage.crop_file, x=x, y=pdf.get_y(), w=CARD, h=IMAGE, keep_aspect_ratio=True)
            pdf.set_y(pdf.get_y() + IMAGE + 1)
        lines = [f"{t('confidence')}: {t.percent(damage.confidence)}   {t('state')}: {t(f'states.{damage.state}')}"]
        if damage.extent_share is not None:
            lines.insert(0, f"{t('extent')}: {t('extent_text', value=t.percent(damage.extent_share, 1))}")
        if damage.review is not None:
            lines.append(f"{t('review')}: {t(f'reviews.{damage.review}')}")
        if (status := status_of(self._one, damage)) is not None:
            lines.append(f"{t('status')}: {t(f'statuses.{status}')}")
        lines += [f"{t('repair')}: {one.operation}" for one in damage.operations]
        lines.append(f"{t('evidence')}: {', '.join(dict.fromkeys(one.picture for one in damage.evidence))}"[:140])
        pdf.set_font_size(8.5)
        for line in lines:
            pdf.set_x(x)
            pdf.multi_cell(CARD, 4.2, line, new_x="LEFT", new_y="NEXT")

    def _provenance(self) -> None:
        """Say what the result rests on."""
        t, one = self._t, self._one
        self._heading(t("provenance"))
        origins = [(t("model"), one.model), (t("rules"), one.rules)]
        rows = [(label, f"{origin.name}  {origin.sha256 or ''}".strip()) for label, origin in origins]
        self._table(("", ""), [*rows, (t("software"), one.software)], (1, 4), head_on=False)

    def _level(self, damage: Damage) -> str:
        """Return the severity of a damage in words."""
        return self._t(f"levels.{damage.severity}")

    def _heading(self, text: str, room: float = 40) -> None:
        """Write a heading that is not left alone at the foot of a page."""
        if self._pdf.will_page_break(room):
            self._pdf.add_page()
        self._pdf.ln(4)
        self._text(text, 13)

    def _text(self, text: str, size: float) -> None:
        """Write a paragraph."""
        self._pdf.set_font_size(size)
        self._pdf.multi_cell(0, size * 0.5, text, new_x="LMARGIN", new_y="NEXT")
        self._pdf.ln(1)

    def _table(
        self, head: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[int], head_on: bool = True
    ) -> None:
        """Write a table."""
        self._pdf.set_font_size(9)
        listed = [*([head] if head_on else []), *rows]
        plain = import_module("fpdf.fonts").FontFace(emphasis="")
        with self._pdf.table(
            col_widths=tuple(widths),
            line_height=5,
            text_align="LEFT",
            borders_layout="HORIZONTAL_LINES",
            first_row_as_headings=head_on,
            headings_style=plain,
            width=self._pdf.w - self._pdf.l_margin - self._pdf.r_margin,
            align="LEFT",
        ) as table:
            for row in listed:
                table.row([str(cell) for cell in row])
