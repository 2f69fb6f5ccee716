"""Documents as PDF: A4, fonts embedded, the same document always the same bytes.

`write` loads fpdf2 when it is first called and takes a fraction of a second of one core; whoever only lists
documents never pays for it. Words and formats are those of the voice, which is the payer's.
"""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel import dates, numbers

from billing import bank
from billing.models import DocumentKind, Seller
from billing.paper import Paper
from core import money
from core.money import Money
from core.sentences import Voice
from core.words import N_

if TYPE_CHECKING:
    from fpdf import FPDF

FONTS = Path(__file__).parent / "fonts"
TITLES = {
    DocumentKind.INVOICE: N_("Invoice"),
    DocumentKind.CREDIT_NOTE: N_("Credit note"),
    DocumentKind.RECEIPT: N_("Receipt"),
    DocumentKind.PROFORMA: N_("Proforma invoice"),
}
# A receipt that cancels the one of a payment that was undone.
_CANCELS = N_("Cancellation of a receipt")
_TOTALS = {
    DocumentKind.INVOICE: N_("To pay"),
    DocumentKind.CREDIT_NOTE: N_("Credited"),
    DocumentKind.RECEIPT: N_("Received"),
    DocumentKind.PROFORMA: N_("To pay"),
}
FAMILY = "DejaVu"
MARGIN, WIDTH = 18.0, 174.0  # mm; A4 is 210 wide
_COLUMNS = (8.0, 72.0, 18.0, 28.0, 18.0, 30.0)
_QR = 32.0
INK, SOFT, _RULE = 25, 105, 200  # shades of grey


def write(paper: Paper, voice: Voice) -> bytes:
    """Return the document as PDF (ISO 32000), its words and numbers in the voice."""
    return _Writer(paper, voice).write()


@lru_cache(maxsize=1)
def _sheet() -> type["FPDF"]:
    """Return the class of our sheets; made late, because it loads fpdf2."""
    from fpdf import FPDF

    class Sheet(FPDF):
        """A page with the seller's words and its number at the foot."""

        foot = ""

        def footer(self) -> None:
            """Write the foot of each page."""
            self.set_y(-16)
            self.set_font(FAMILY, size=7)
            self.set_text_color(SOFT)
            self.cell(WIDTH - 20, 4, self.foot[:180])
            self.cell(20, 4, f"{self.page_no()} / {{nb}}", align="R")

    return Sheet


def open_sheet(title: str, seller: Seller | None, *, locale: str, at: datetime) -> Any:
    """Return a sheet of A4 with our fonts, its first page open; `at` is when the document was made."""
    sheet: Any = _sheet()(format="A4")
    sheet.set_creation_date(at.astimezone(UTC))
    sheet.set_title(title)
    sheet.set_author(seller.name if seller else "")
    sheet.set_lang(locale.replace("_", "-") or "en")
    sheet.set_margins(MARGIN, 16, MARGIN)
    sheet.set_auto_page_break(auto=True, margin=22)
    for style, name in (("", "DejaVuSansCondensed.ttf"), ("B", "DejaVuSansCondensed-Bold.ttf")):
        sheet.add_font(FAMILY, style, FONTS / name)
    sheet.foot = " ".join(seller.footer.split()) if seller else ""
    sheet.add_page()
    return sheet


class _Writer:
    """Writes one paper from top to bottom."""

    def __init__(self, paper: Paper, voice: Voice) -> None:
        self.paper, self.voice, self.say = paper, voice, voice.gettext
        self.currency = paper.document.currency
        document, seller = paper.document, paper.seller
        self.cancels = document.kind is DocumentKind.RECEIPT and document.corrects_id is not None
        self.title = self.say(_CANCELS if self.cancels else TITLES[document.kind])
        title = f"{self.title} {document.full_number}"
        self.sheet = open_sheet(title, seller, locale=voice.locale, at=document.issued_at)

    def write(self) -> bytes:
        self._head()
        self._parties()
        self._lines()
        self._sums()
        self._payment()
        return bytes(self.sheet.output())

    def _text(
        self, text: str, *, size: float = 9, bold: bool = False, soft: bool = False, **cell: Any
    ) -> None:
        """Write one line at the cursor and go to the next; what does not fit the width is broken."""
        self.sheet.set_font(FAMILY, "B" if bold else "", size)
        self.sheet.set_text_color(SOFT if soft else INK)
        width = cell.pop("w", WIDTH)
        self.sheet.multi_cell(width, size * 0.5, text, new_x="LEFT", new_y="NEXT", **cell)

    def _head(self) -> None:
        sheet, document = self.sheet, self.paper.document
        if self.paper.logo:
            sheet.image(
                io.BytesIO(self.paper.logo), x=MARGIN + WIDTH - 50, y=14, w=50, h=20, keep_aspect_ratio=True
            )
        self._text(self.title, size=18, bold=True, w=115, align="L")
        self._text(document.full_number, size=12, w=115, align="L")
        sheet.ln(2)
        facts = [(self.say(N_("Issued")), self._day(document.issued_on))]
        if document.due_on and document.kind in (DocumentKind.INVOICE, DocumentKind.PROFORMA):
            facts.append((self.say(N_("Due")), self._day(document.due_on)))
        if self.paper.corrects:
            facts.append((self.say(N_("Corrects")), self.paper.corrects))
        if self.paper.payer.number:
            facts.append((self.say(N_("Customer number")), self.paper.payer.number))
        for name, value in facts:
            self._pair(name, value)
        sheet.set_y(max(sheet.get_y(), 36) + 4)

    def _pair(self, name: str, value: str, *, width: float = 38) -> None:
        sheet = self.sheet
        sheet.set_font(FAMILY, size=9)
        sheet.set_text_color(SOFT)
        sheet.cell(width, 4.8, name)
        sheet.set_text_color(INK)
        sheet.cell(0, 4.8, value, new_x="LMARGIN", new_y="NEXT")

    def _parties(self) -> None:
        sheet, top = self.sheet, self.sheet.get_y()
        seller, payer = self.paper.seller, self.paper.payer
        tax, company = self.say(N_("Tax number")), self.say(N_("Company number"))
        self._party(
            self.say(N_("From")),
            seller.name,
            [
                *seller.address.splitlines(),
                f"{tax}: {seller.tax_number}" if seller.tax_number else "",
                f"{company}: {seller.company_number}" if seller.company_number else "",
                " · ".join(part for part in (seller.phone, seller.email, seller.website) if part),
            ],
        )
        bottom = sheet.get_y()
        sheet.set_xy(MARGIN + WIDTH / 2, top)
        self._party(
            self.say(N_("To")),
            payer.name,
            [*payer.address.splitlines(), f"{tax}: {payer.tax_number}" if payer.tax_number else ""],
        )
        sheet.set_xy(MARGIN, max(bottom, sheet.get_y()) + 6)

    def _party(self, title: str, name: str, more: Sequence[str]) -> None:
        width = WIDTH / 2 - 4
        self._text(title, size=8, soft=True, w=width, align="L")
        self._text(name, size=10, bold=True, w=width, align="L")
        for line in filter(None, more):
            self._text(line, w=width, align="L")

    def _lines(self) -> None:
        say = self.say
        heads = (
            "",
            say(N_("Description")),
            say(N_("Quantity")),
            say(N_("Net")),
            say(N_("VAT")),
            say(N_("Total")),
        )
        rows: list[tuple[str, ...]] = [heads]
        for line in self.paper.lines:
            period = ""
            if line.period_start and line.period_end:
                days = dict.fromkeys((line.period_start, line.period_end))  # a day's work names it once
                period = "\n" + " – ".join(map(self._day, days))
            rows.append(
                (
                    str(line.position),
                    self.voice.kept(line.description) + period,
                    numbers.format_decimal(line.quantity, locale=self._locale),
                    self._sum(line.net_minor),
                    self._rate(line.vat_hundredths),
                    self._sum(line.gross_minor),
                )
            )
        if any(line.vat_hundredths is not None for line in self.paper.lines):
            self._table(rows, _COLUMNS, "RLRRRR")
        else:  # outside VAT there is one sum
            widths = (*_COLUMNS[:1], sum(_COLUMNS[1:2] + _COLUMNS[3:5]), _COLUMNS[2], _COLUMNS[5])
            self._table([(*row[:3], row[5]) for row in rows], widths, "RLRR")
        self.sheet.ln(4)

    def _sums(self) -> None:
        document, say, sheet = self.paper.document, self.say, self.sheet
        if any(one.hundredths is not None for one in self.paper.vat):
            rows: list[tuple[str, ...]] = [
                (say(N_("VAT rate")), say(N_("Net")), say(N_("VAT")), say(N_("Total")))
            ]
            for one in self.paper.vat:
                sums = (one.net_minor, one.vat_minor, one.gross_minor)
                rows.append((self._rate(one.hundredths), *map(self._sum, sums)))
            sheet.set_left_margin(MARGIN + WIDTH - 108)
            self._table(rows, (24.0, 28.0, 26.0, 30.0), "LRRR")
            sheet.set_left_margin(MARGIN)
            sheet.ln(3)
        total = money.format_money(Money(abs(document.gross_minor), document.currency), self._locale)
        sheet.set_x(MARGIN)
        to_pay = self.paper.to_pay
        if to_pay.minor == document.gross_minor:
            label = N_("Cancelled") if self.cancels else _TOTALS[document.kind]
            self._text(f"{say(label)}: {total}", size=14, bold=True, align="R")
        else:  # a proforma of which a part, or all, is paid, given back or invoiced
            left = money.format_money(to_pay, self._locale)
            self._text(f"{say(N_('Total'))}: {total}", size=10, align="R")
            self._text(f"{say(N_('Left to pay'))}: {left}", size=14, bold=True, align="R")
        if document.note:
            sheet.ln(1)
            self._text(self.voice.kept(document.note), align="L")
        sheet.ln(4)

    def _payment(self) -> None:
        """Write how to pay, with the bank's code where there is one; both stay on one page."""
        seller, sheet, say = self.paper.seller, self.sheet, self.say
        if self.paper.document.kind not in (DocumentKind.INVOICE, DocumentKind.PROFORMA) or not seller.iban:
            return
        if self.paper.to_pay.minor == 0:  # nothing is asked for, so nobody is to pay it twice
            return
        if sheet.will_page_break(_QR + 6):
            sheet.add_page()
        top = sheet.get_y()
        left = MARGIN
        if self.paper.qr_text:
            self._qr(self.paper.qr_text, left, top)
            left += _QR + 6
        sheet.set_left_margin(left)
        sheet.set_xy(left, top)
        self._text(say(N_("Payment")), size=10, bold=True, w=WIDTH - left + MARGIN, align="L")
        pairs = (
            (say(N_("Account holder")), seller.name),
            ("IBAN", bank.readable_iban(seller.iban)),
            ("BIC", seller.bic),
            (say(N_("Bank")), seller.bank_name),
            (say(N_("Payment reference")), self.paper.document.full_number),
        )
        for name, value in pairs:
            if value:
                self._pair(name, value)
        sheet.set_left_margin(MARGIN)
        sheet.set_xy(MARGIN, max(sheet.get_y(), top + _QR) + 2)

    def _qr(self, text: str, left: float, top: float) -> None:
        """Draw the code (ISO 18004, error correction M as EPC069-12 asks) with its quiet zone."""
        rows = bank.modules(text)
        size = _QR / len(rows)
        self.sheet.set_fill_color(0)
        for place, row in enumerate(rows):
            start = 0
            while (start := row.find(1, start)) >= 0:
                end = next((spot for spot in range(start, len(row)) if not row[spot]), len(row))
                self.sheet.rect(
                    left + start * size, top + place * size, (end - start) * size, size, style="F"
                )
                start = end

    def _table(self, rows: Sequence[Sequence[str]], widths: tuple[float, ...], aligns: str) -> None:
        from fpdf.enums import TableBordersLayout
        from fpdf.fonts import FontFace

        sheet = self.sheet
        sheet.set_font(FAMILY, size=8.5)
        sheet.set_text_color(INK)
        sheet.set_draw_color(_RULE)
        with sheet.table(
            width=sum(widths),
            col_widths=widths,
            text_align=[{"L": "LEFT", "R": "RIGHT"}[align] for align in aligns],
            headings_style=FontFace(emphasis="BOLD", size_pt=8),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            line_height=4.4,
            padding=(0.8, 1),
            align="LEFT",
        ) as table:
            for row in rows:
                table.row(row)

    @property
    def _locale(self) -> str:
        return self.voice.locale or "en"

    def _day(self, day: date) -> str:
        return str(dates.format_date(day, "medium", locale=self._locale))

    def _sum(self, minor: int) -> str:
        places = money.exponent(self.currency)
        pattern = "#,##0." + "0" * places if places else "#,##0"
        value = money.to_decimal(Money(minor, self.currency))
        return str(numbers.format_decimal(value, pattern, locale=self._locale))

    def _rate(self, hundredths: int | None) -> str:
        if hundredths is None:
            return "–"
        return str(numbers.format_percent(hundredths / 10_000, "#,##0.##%", locale=self._locale))


def file_name(paper: Paper) -> str:
    """Return the name of the document's file, in letters every system takes."""
    plain = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in paper.document.full_number
    )
    return f"{paper.document.kind.value}-{plain.strip('-')}.pdf"
