"""The charge run: every period of whatever is billed that has begun, charged once and documented."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Date, Integer, Row, String, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from billing import batches, books, charge_sql, documents
from billing.acts import Act
from billing.models import Account, Documented, DocumentKind, Subscription
from core import db
from core.columns import any_of
from core.db import Database

BATCH = 5000


@dataclass(frozen=True, slots=True)
class Refused:
    """Periods that were not charged: their VAT rate has no percent on the day (ISO; the first of them)."""

    rate: str
    since: str
    periods: int


@dataclass(frozen=True, slots=True)
class ChargeReport:
    """What a run charged: entries, their sum (positive, minor units; all currencies), accounts, documents.

    And what it refused to charge, by VAT rate; `failed` are the accounts for which it went wrong.
    `undocumented` are entries on no document though they should be: the "company" is not written down, or
    the account names no "payer".
    """

    entries: int = 0
    total_minor: int = 0
    accounts: int = 0
    documents: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    failed: tuple[int, ...] = ()
    undocumented: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "ChargeReport") -> "ChargeReport":
        return ChargeReport(
            self.entries + other.entries,
            self.total_minor + other.total_minor,
            self.accounts + other.accounts,
            self.documents + other.documents,
            dict(Counter(self.totals) + Counter(other.totals)),
            _together(self.refused + other.refused),
            self.failed + other.failed,
            dict(Counter(self.undocumented) + Counter(other.undocumented)),
        )


def _together(refused: Sequence[Refused]) -> tuple[Refused, ...]:
    """Return what was refused as one of each rate."""
    found: dict[str, Refused] = {}
    for one in refused:
        known = found.get(one.rate, Refused(one.rate, one.since, 0))
        since = min(known.since, one.since)
        found[one.rate] = Refused(one.rate, since, known.periods + one.periods)
    return tuple(found[rate] for rate in sorted(found))


def run(session: Session, act: Act, *, account_id: int | None = None) -> ChargeReport:
    """Charge every period begun by the act's `until` that is not charged yet, of all accounts or of one.

    What is paid in advance is charged on the first day of its period, what is paid afterwards on the day
    after the last, or on the first open day when that one is closed (billing.books); due the terms' days (or
    the account's own) after the act, so one booked late leaves the full time to pay. First and last periods
    are charged by real days, days of a suspension at its percent. An
    account's new charges make one document. A period that costs nothing by its price is passed for good, and
    no later price asks for it. Run twice, or by two at once, nothing is doubled: the accounts' rows are
    locked before what is due is looked at, and unique keys stand behind. A period whose VAT rate has no
    percent on its day is refused, and what follows it waits.
    """
    return run_accounts(session, act, due_accounts(session, act.until, account_id=account_id))


def run_batches(
    database: Database,
    act: Act,
    *,
    note: Callable[[Session, ChargeReport, int, int], None] = lambda *_: None,
    begun: ChargeReport | None = None,
) -> ChargeReport:
    """Charge everybody in batches, each a transaction of its own, so that one killed goes on where it was.

    `note` is called inside each with the report so far (`begun` is what was charged before), the accounts
    looked at, and how many there are.
    """
    with database.reading() as session:
        accounts = candidates(session, act.until)
    report, done = begun or ChargeReport(), 0

    def charge(session: Session, batch: Sequence[int]) -> None:
        made = report + run_accounts(session, act, batch)
        note(session, made, done + len(batch), len(accounts))
        db.after_commit(session, lambda: keep(made, len(batch)))

    def keep(made: ChargeReport, count: int) -> None:
        nonlocal report, done
        report, done = made, done + count

    failed = batches.each(database, accounts, BATCH, charge)
    return replace(report, failed=report.failed + failed)


def run_accounts(session: Session, act: Act, accounts: Sequence[int]) -> ChargeReport:
    """Charge these accounts in the caller's transaction (see run)."""
    if not accounts:
        return ChargeReport()
    open_on = books.first_open(session.scalar(text(charge_sql.BEGIN)))
    _lock(session, accounts)
    statement = text(charge_sql.CHARGE).bindparams(
        bindparam("on", act.until, Date),
        bindparam("made_on", act.today, Date),
        bindparam("open_on", open_on, Date),
        bindparam("accounts", list(accounts), ARRAY(BigInteger)),
        bindparam("payment_days", act.terms.payment_days, Integer),
        bindparam("author_id", act.author.staff_id, BigInteger),
        bindparam("author", act.author.name, String),
    )
    # A plan kept from the first batches takes the tables for as small as they were then; for one account it
    # is worth keeping, as making it takes longer than doing it.
    with db.unprepared(session) if len(accounts) > 1 else nullcontext():
        found = session.execute(statement).all()
    for known in session.identity_map.values():
        if isinstance(known, Account):
            session.expire(known, ["balance_minor"])
        elif isinstance(known, Subscription):
            session.expire(known, ["free_until"])
    rows = [row for row in found if row.rate is None]
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row.currency] += int(row.minor)
    documents_made, undocumented = _document(session, rows, act, max(act.today, open_on))
    return ChargeReport(
        entries=sum(len(row.ids) for row in rows),
        total_minor=totals.total(),
        accounts=sum(row.accounts for row in rows),
        documents=documents_made,
        totals=dict(totals),
        refused=tuple(
            Refused(row.rate, row.since.isoformat(), int(row.periods))
            for row in found
            if row.rate is not None
        ),
        undocumented=undocumented,
    )


def refused_since(session: Session, act: Act, account_id: int) -> dict[int, tuple[str, date]]:
    """Return which subscriptions of an account are not charged, and by which VAT rate since when."""
    statement = text(charge_sql.REFUSED).bindparams(
        bindparam("on", act.until, Date), bindparam("accounts", [account_id], ARRAY(BigInteger))
    )
    return {row.source: (row.rate, row.since) for row in session.execute(statement) if row.source > 0}


def candidates(session: Session, on: date) -> list[int]:
    """Return the accounts a run on that day has to look at: all it would charge, and few others."""
    return list(session.scalars(text(charge_sql.CANDIDATES).bindparams(bindparam("on", on, Date))))


def due_accounts(session: Session, on: date, *, account_id: int | None = None) -> list[int]:
    """Return the accounts with a period a run on that day would charge, or pass, in order of id."""
    statement = text(charge_sql.due_accounts(of_accounts=account_id is not None))
    statement = statement.bindparams(bindparam("on", on, Date))
    if account_id is not None:
        statement = statement.bindparams(bindparam("accounts", [account_id], ARRAY(BigInteger)))
    return list(session.scalars(statement))


def _lock(session: Session, accounts: Sequence[int]) -> None:
    locked = (
        select(Account.id)
        .where(Account.id == any_of(accounts))
        .order_by(Account.id)
        .with_for_update(key_share=True)
        .subquery()
    )
    session.execute(select(func.count()).select_from(locked))


def _document(session: Session, rows: Sequence[Row[Any]], act: Act, on: date) -> tuple[int, dict[str, int]]:
    """Issue what the accounts, or the terms, ask for; say how many there are, and what is on none and why."""
    entries: dict[DocumentKind, list[int]] = {}
    nameless = 0
    for row in rows:
        wanted = Documented(row.documented) if row.documented else act.terms.documented
        if wanted is not Documented.NONE:
            entries.setdefault(DocumentKind(wanted.value), []).extend(row.ids)
            nameless += row.nameless
    made = sum(
        len(documents.issue(session, ids, kind=kind, on=on, author=act.author))
        for kind, ids in sorted(entries.items())
    )
    if entries and not made and documents.seller(session) is None:
        return 0, {"company": sum(len(ids) for ids in entries.values())}
    return made, {"payer": nameless} if nameless else {}
