"""Writes the demo's papers: the company, who pays for whom, and an invoice for every charge of the year."""

from collections import defaultdict
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import documents, ledger
from billing.models import DocumentKind, EntryKind, LedgerEntry, Seller
from linecard.demo.records import World
from registry import payers


def write(session: Session, world: World) -> None:
    """Write down the company and the payers, and issue what the charge runs of the year would have issued."""
    session.add(
        Seller(
            name=f"{world.settings.isp.name} Ltd",
            address="12 Fibre Lane\n79000 Lviv",
            country="UA",
            tax_number="UA394827156",
            company_number="39482715",
            iban="DE89370400440532013000",
            bic="COBADEFFXXX",
            bank_name="Example Bank",
            phone="+380 32 255 0100",
            email="billing@isp.example",
            website="isp.example",
            footer="Please name the number of the invoice when you pay. Thank you.",
            language=world.settings.isp.locale,
            written_by="demo",
        )
    )
    payers.follow(session)
    by_day: dict[date, list[int]] = defaultdict(list)
    charges = (
        select(LedgerEntry.dated_on, LedgerEntry.id)
        .where(LedgerEntry.kind == EntryKind.CHARGE)
        .order_by(LedgerEntry.dated_on, LedgerEntry.id)
    )
    for day, entry_id in session.execute(charges):
        by_day[day].append(entry_id)
    for day, entries in by_day.items():
        documents.issue(session, entries, kind=DocumentKind.INVOICE, on=day, author=ledger.Author("night"))
