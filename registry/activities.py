"""What happened to a customer's money lately, in one short list: who did what and when."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.models import (
    Document,
    DunningNotice,
    EntryKind,
    LedgerEntry,
    Plan,
    Promise,
    Subscription,
    SuspensionLock,
)
from registry import ledger_list
from registry.models import AuditEvent

LIMIT = 10
# A charge run makes an entry a service: they are told as one.
_ENTRIES = 40
_AGREED = (
    "service.started",
    "service.changed",
    "service.ended",
    "service.goes_on",
    "service.change_forgotten",
    "liability.added",
    "liability.ended",
    "liability.taken_back",
    "discount.given",
    "discount.ended",
    "account.terms",
)


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that happened. `kind` is entry, promise, lock, unlock, document, reminder or agreed.

    `word` says which of its kind; `words` are sentences (see core.sentences) or names.
    """

    at: datetime
    kind: str
    word: str
    author: str
    amount_minor: int | None = None
    words: tuple[str, ...] = ()
    day: date | None = None
    entry_id: int | None = None
    document: tuple[int, str] | None = None


def recent(
    session: Session, account_id: int, customer_id: int, *, limit: int = LIMIT
) -> tuple[Activity, ...]:
    """Return the last things that happened, newest first."""
    found = [
        *_entries(session, account_id),
        *_promises(session, account_id, limit),
        *_locks(session, account_id, limit),
        *_documents(session, account_id, limit),
        *_reminders(session, account_id, limit),
        *_agreed(session, customer_id, limit),
    ]
    return tuple(sorted(found, key=lambda one: one.at, reverse=True)[:limit])


def _entries(session: Session, account_id: int) -> list[Activity]:
    query = select(LedgerEntry).where(LedgerEntry.account_id == account_id)
    rows = session.scalars(query.order_by(LedgerEntry.id.desc()).limit(_ENTRIES)).all()
    papers = ledger_list.papers_of(session, [row.id for row in rows])
    found: list[Activity] = []
    for row in rows:
        words = tuple(text for text in (row.description or row.reference,) if text)
        one = Activity(
            row.posted_at,
            "entry",
            row.kind.value,
            row.author,
            row.amount_minor,
            words,
            entry_id=row.id,
            document=papers.get(row.id),
        )
        last = found[-1] if found else None
        if last and _is_one(last, one):
            total = (last.amount_minor or 0) + row.amount_minor
            found[-1] = replace(last, amount_minor=total, words=words + last.words)
        else:
            found.append(one)
    return found


def _is_one(last: Activity, one: Activity) -> bool:
    """Say whether two entries are charges of the same run."""
    return one.word == EntryKind.CHARGE and (last.at, last.word, last.author, last.document) == (
        one.at,
        one.word,
        one.author,
        one.document,
    )


def _promises(session: Session, account_id: int, limit: int) -> Iterator[Activity]:
    query = select(Promise).where(Promise.account_id == account_id).order_by(Promise.id.desc()).limit(limit)
    for row in session.scalars(query):
        told = Activity(row.made_at, "promise", "made", row.author, row.amount_minor, day=row.until)
        yield told
        if row.settled_at is not None:
            yield replace(told, at=row.settled_at, word=row.status.value, author="")


def _locks(session: Session, account_id: int, limit: int) -> Iterator[Activity]:
    query = (
        select(SuspensionLock, Plan.name)
        .join(Subscription, Subscription.id == SuspensionLock.subscription_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .where(Subscription.account_id == account_id)
        .order_by(SuspensionLock.id.desc())
        .limit(limit)
    )
    found: dict[tuple[datetime, str, str], Activity] = {}
    for row, plan in session.execute(query):
        told = [Activity(row.placed_at, "lock", row.reason.value, row.owner, words=(plan,))]
        if row.lifted_at is not None:
            told.append(
                Activity(row.lifted_at, "unlock", row.reason.value, row.lifted_by or "", words=(plan,))
            )
        for one in told:
            key = (one.at, one.kind, one.word)
            # One cut closes every service: it is told once.
            found[key] = replace(one, words=(*found[key].words, plan)) if key in found else one
    yield from found.values()


def _documents(session: Session, account_id: int, limit: int) -> Iterator[Activity]:
    """Yield what people issued; what the charge run issued is told with its charges."""
    query = select(Document).where(Document.account_id == account_id, Document.author_id.is_not(None))
    for row in session.scalars(query.order_by(Document.id.desc()).limit(limit)):
        yield Activity(
            row.issued_at,
            "document",
            row.kind.value,
            row.author,
            row.gross_minor,
            document=(row.id, row.full_number),
        )


def _reminders(session: Session, account_id: int, limit: int) -> Iterator[Activity]:
    query = select(DunningNotice).where(DunningNotice.account_id == account_id)
    for row in session.scalars(query.order_by(DunningNotice.made_at.desc()).limit(limit)):
        yield Activity(row.made_at, "reminder", row.outcome, "night", row.amount_minor, (row.address,))


def _agreed(session: Session, customer_id: int, limit: int) -> Iterator[Activity]:
    query = select(AuditEvent).where(AuditEvent.customer_id == customer_id, AuditEvent.action.in_(_AGREED))
    for row in session.scalars(query.order_by(AuditEvent.id.desc()).limit(limit)):
        named = (row.changes.get(name) for name in ("plan", "description", "discount"))
        words = tuple(str(pair[-1]) for pair in named if pair and pair[-1])
        yield Activity(row.at, "agreed", row.action, row.staff_name, words=words)
