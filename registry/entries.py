"""One entry of the ledger: what it belongs to, which documents its money paid, what undid it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import allocation, documents, owing, transfers
from billing.models import BankLine, Document, DocumentKind, EntryKind, LedgerEntry
from billing.owing import PaidDocument
from core.money import Money
from registry import tills
from registry.models import Customer


@dataclass(frozen=True, slots=True)
class Other:
    """The other half of a transfer, and whose it is."""

    entry: LedgerEntry
    customer_id: int
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with all that names it; `free` is what of its money paid nothing yet."""

    entry: LedgerEntry
    reversed_by: LedgerEntry | None
    other: Other | None
    bank_line: BankLine | None
    paid: tuple[PaidDocument, ...]
    free: Money | None

    @property
    def amount(self) -> Money:
        """Its signed sum."""
        return Money(self.entry.amount_minor, self.entry.currency)

    @property
    def is_reversible(self) -> bool:
        """Whether it can be undone."""
        return self.reversed_by is None and self.entry.kind is not EntryKind.REVERSAL


@dataclass(frozen=True, slots=True)
class Undoing:
    """What comes with undoing an entry: a document of that kind that answers one, another's half as well."""

    kind: DocumentKind | None
    answers: Document | None
    other: Other | None


def show(session: Session, entry_id: int) -> tuple[int, Entry]:
    """Return whose the entry is, and the entry; raises NotFound."""
    customer_id, entry = tills.entry(session, entry_id)
    undone_by = session.scalar(select(LedgerEntry).where(LedgerEntry.reverses_id == entry_id))
    is_money = entry.amount_minor > 0 and entry.kind is not EntryKind.REVERSAL
    paid: tuple[PaidDocument, ...] = ()
    free = None
    if is_money and undone_by is None:
        left = allocation.of_account(session, entry.account_id).free_minor.get(entry.id, 0)
        paid, free = tuple(owing.documents_of(session, entry)), Money(left, entry.currency)
    line = session.scalar(select(BankLine).where(BankLine.entry_id == entry_id))
    return customer_id, Entry(entry, undone_by, _other(session, entry_id), line, paid, free)


def undoing(session: Session, entry: LedgerEntry) -> Undoing:
    """Return what is issued and undone with the entry when it is undone."""
    issued = documents.undoing(session, entry)
    kind, answers = issued if issued is not None else (None, None)
    return Undoing(kind, answers, _other(session, entry.id))


def _other(session: Session, entry_id: int) -> Other | None:
    half = transfers.other_half(session, entry_id)
    if half is None:
        return None
    customer = session.scalar(select(Customer).where(Customer.account_id == half.account_id))
    if customer is None:
        return None
    return Other(half, customer.id, customer.number, customer.name)
