"""A contract as PDF: its text, and under it who signed it, when and from where; open, lines to sign on."""

from datetime import datetime, tzinfo
from typing import Any

from babel.dates import format_date, format_datetime

from billing import pdf
from billing.models import Seller
from core.sentences import Voice
from core.words import N_
from desk.models import Contract

_LINE = 5.0  # mm


def write(contract: Contract, number: str, seller: Seller | None, voice: Voice, zone: tzinfo) -> bytes:
    """Return the contract as PDF; `number` is the customer's. The same contract is always the same bytes."""
    locale = voice.locale or "en"
    at = contract.signed_at or contract.created_at
    sheet = pdf.open_sheet(contract.title, seller, locale=locale, at=at)
    _text(sheet, contract.title, size=15, is_bold=True)
    sheet.ln(1)
    for name, value in (
        (seller.name if seller else "", ""),
        (voice.gettext(N_("Customer number")), number),
        (
            voice.gettext(N_("Made on")),
            str(format_date(contract.created_at.astimezone(zone), "long", locale=locale)),
        ),
    ):
        if name:
            _text(sheet, f"{name}: {value}" if value else name, size=9, is_soft=True)
    sheet.ln(4)
    _text(sheet, contract.content, size=10)
    sheet.ln(8)
    _signature(sheet, contract, voice, lambda when: str(_moment(when, zone, locale)))
    return bytes(sheet.output())


def file_name(contract: Contract) -> str:
    """Return the name of the contract's file, in letters every system takes."""
    return f"contract-{contract.id}.pdf"


def _signature(sheet: Any, contract: Contract, voice: Voice, moment: Any) -> None:
    """Write the signature, which stays on one page; of a contract that is open, the place for it."""
    say = voice.gettext
    facts: list[tuple[str, str]]
    if contract.signed_at is None:
        blank = "." * 60
        title, facts = (
            say(N_("Signature")),
            [(say(N_("First and last name")), blank), (say(N_("Date")), blank)],
        )
        facts.append((say(N_("Signature")), blank))
    else:
        title = say(N_("Signed"))
        way = say(N_("on the customer's page, from the address %(address)s"))
        on_paper = say(N_("on paper, taken by %(who)s"))
        facts = [
            (say(N_("Signed by")), contract.signed_name),
            (say(N_("When")), moment(contract.signed_at)),
            (
                say(N_("How")),
                way % {"address": contract.signed_from}
                if contract.signed_from
                else on_paper % {"who": contract.signed_with},
            ),
        ]
    if contract.withdrawn_at is not None:
        title, facts = say(N_("Taken back")), [(say(N_("When")), moment(contract.withdrawn_at))]
    with sheet.offset_rendering() as trial:
        _facts(trial, title, facts)
    if trial.page_break_triggered:
        sheet.add_page()
    _facts(sheet, title, facts)


def _facts(sheet: Any, title: str, facts: list[tuple[str, str]]) -> None:
    _text(sheet, title, size=11, is_bold=True)
    for name, value in facts:
        sheet.set_font(pdf.FAMILY, size=9)
        sheet.set_text_color(pdf.SOFT)
        sheet.cell(44, _LINE, name)
        sheet.set_text_color(pdf.INK)
        sheet.multi_cell(pdf.WIDTH - 44, _LINE, value, new_x="LMARGIN", new_y="NEXT", align="L")


def _moment(at: datetime, zone: tzinfo, locale: str) -> str:
    return str(format_datetime(at, "long", tzinfo=zone, locale=locale))


def _text(sheet: Any, text: str, *, size: float, is_bold: bool = False, is_soft: bool = False) -> None:
    sheet.set_font(pdf.FAMILY, "B" if is_bold else "", size)
    sheet.set_text_color(pdf.SOFT if is_soft else pdf.INK)
    sheet.multi_cell(pdf.WIDTH, size * 0.5, text, new_x="LMARGIN", new_y="NEXT", align="L")
