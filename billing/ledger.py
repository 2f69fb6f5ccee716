"""The ledger: post and reverse; the only writer of entries, and of the cached balance beside them.

Nothing is dated on a day the books are closed for (billing.books). What a person dates so is refused; what
the product dates by a period of its own (`or_later`, and the charge run) goes to the first open day.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any, TypedDict, Unpack

from sqlalchemy import ColumnElement, bindparam, cast, false, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from billing import books, matter, rules
from billing.models import Account, EntryKind, LedgerEntry, Method
from core import errors, money
from core.columns import any_of
from core.words import N_


@dataclass(frozen=True, slots=True)
class Author:
    """Who did it: a person on the staff, or a job (no staff_id)."""

    name: str
    staff_id: int | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """An entry, whether this call wrote it or found it written, and whether it could settle anything."""

    entry: LedgerEntry
    is_new: bool
    has_matter: bool = False


# What every act of money asks is put together once.
_LOCKED = (
    select(Account)
    .where(Account.id == bindparam("account_id"))
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)
_WRITTEN = tuple(
    column.key for column in LedgerEntry.__table__.columns if column.key not in {"id", "posted_at"}
)


def _new(name: str) -> ColumnElement[Any]:
    kind = LedgerEntry.__table__.columns[name].type
    return cast(bindparam(f"new_{name}", type_=kind), kind)


_NEW = (
    insert(LedgerEntry)
    .from_select(
        list(_WRITTEN),
        select(*(_new(name).label(name) for name in _WRITTEN)).where(
            (_new("dated_on") > func.books_closed_through()).is_not(false())
        ),
        include_defaults=False,
    )
    .on_conflict_do_nothing(index_elements=[LedgerEntry.idempotency_key])
    .returning(LedgerEntry.id, LedgerEntry.posted_at, LedgerEntry.account_id, LedgerEntry.balance_after_minor)
    .cte("new")
)
_MOVED = (
    update(Account)
    .where(Account.id == _NEW.c.account_id)
    .values(balance_minor=_NEW.c.balance_after_minor)
    .execution_options(synchronize_session=False)
    .cte("moved")
)
_POST = select(_NEW.c.id, _NEW.c.posted_at, matter.STANDS).add_cte(_MOVED)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An account whose cached balance is not the sum of its entries."""

    account_id: int
    cached_minor: int
    ledger_minor: int


def lock_accounts(session: Session, account_ids: Iterable[int]) -> dict[int, Account]:
    """Lock several accounts, always in the same order, and return them by id; raises NotFound."""
    return {account_id: lock_account(session, account_id) for account_id in sorted(set(account_ids))}


def hold(session: Session, account_ids: Iterable[int]) -> list[int]:
    """Lock many accounts by one statement, in order of id; return the ids of those there are.

    Who will write to several accounts takes them all before anything else is locked (a counter of documents,
    a line): two who take them one by one beside other locks wait for each other.
    """
    return list(
        session.scalars(
            select(Account.id)
            .where(Account.id == any_of(sorted(set(account_ids))))
            .order_by(Account.id)
            .with_for_update(key_share=True)
        )
    )


def lock_account(session: Session, account_id: int) -> Account:
    """Lock the account's row until the transaction ends and return it fresh; raises NotFound.

    Rows that only refer to the account may still be written by others meanwhile (FOR NO KEY UPDATE).
    """
    account = session.scalar(_LOCKED, {"account_id": account_id})
    if account is None:
        raise errors.NotFound("There is no such account")
    return account


def find(session: Session, idempotency_key: str) -> LedgerEntry | None:
    """Return the entry posted under this key, if any."""
    return session.scalar(select(LedgerEntry).where(LedgerEntry.idempotency_key == idempotency_key))


def last_entry(session: Session, account_id: int) -> int:
    """Return the id of the account's last entry, 0 when it has none; the caller holds the account."""
    query = select(func.max(LedgerEntry.id)).where(LedgerEntry.account_id == account_id)
    return session.scalar(query) or 0


class More(TypedDict, total=False):
    """What an entry may say beside its sum, all optional; see LedgerEntry."""

    method: Method
    reference: str
    idempotency_key: str | None
    due_on: date | None
    subscription_id: int | None
    liability_id: int | None
    terms_no: int
    period: rules.Period | None
    vat_hundredths: int | None
    counterpart_id: int | None
    description: str
    reverses_id: int | None
    corrects_id: int | None
    quantity: int | None


def post(
    session: Session,
    account_id: int,
    kind: EntryKind,
    amount_minor: int,
    *,
    dated_on: date,
    author: Author,
    **more: Unpack[More],
) -> LedgerEntry:
    """Write one signed entry (positive raises the balance, minor units) and the balance with it.

    The account's row is locked until the transaction ends. The same `idempotency_key` again returns the first
    entry when all of it is equal. Raises Conflict when it is not, Invalid for an amount the ledger refuses,
    NotFound for an unknown account.
    """
    return post_once(session, account_id, kind, amount_minor, dated_on=dated_on, author=author, **more).entry


def post_once(
    session: Session,
    account: int | Account,
    kind: EntryKind,
    amount_minor: int,
    *,
    dated_on: date,
    author: Author,
    or_later: bool = False,
    **more: Unpack[More],
) -> Posted:
    """Do what post() does and say whether the entry is new.

    `account` is its id, or the account itself when the caller locked it by lock_account() a moment ago.
    `or_later`: on a closed day it is dated the first open one; what was written once keeps its day.
    """
    _check(kind, amount_minor, more.get("due_on"))
    if not isinstance(account, Account):
        account = lock_account(session, account)
    period = more.get("period")
    entry = LedgerEntry(
        account_id=account.id,
        kind=kind,
        amount_minor=amount_minor,
        currency=account.currency,
        balance_after_minor=account.balance_minor + amount_minor,
        dated_on=dated_on,
        period_start=period.start if period else None,
        period_end=period.end if period else None,
        author_id=author.staff_id,
        author=author.name,
        **_columns(more),
    )
    has_matter = _write(session, entry)
    if has_matter is not None:
        set_committed_value(account, "balance_minor", entry.balance_after_minor)
        return Posted(entry, is_new=True, has_matter=has_matter)
    first = find(session, entry.idempotency_key or "")
    if first is not None:
        return Posted(_same(first, entry, or_later=or_later), is_new=False)
    closed = books.hold(session)
    if closed is None or entry.dated_on > closed:
        raise errors.Unavailable("Somebody else is changing the same record; try again")
    if not or_later:
        raise books.too_old(closed)
    opened = books.first_open(closed)
    return post_once(session, account, kind, amount_minor, dated_on=opened, author=author, **more)


def _write(session: Session, entry: LedgerEntry) -> bool | None:
    """Write the entry and its account's balance by one statement, and ask in it what it could settle.

    Returns whether there is anything; None when the entry's key stands already, or its day is closed.
    """
    session.flush()
    values = {f"new_{name}": getattr(entry, name) for name in _WRITTEN}
    written = session.execute(_POST, values | {"account_id": entry.account_id}).one_or_none()
    if written is None:
        return None
    entry.id, entry.posted_at, has_matter = written
    make_transient_to_detached(entry)
    session.add(entry)
    return bool(has_matter)


def _columns(more: More) -> dict[str, Any]:
    """Return what else an entry says, by column; what is left out is what the table would put there."""
    usual: dict[str, Any] = {"method": Method.NONE, "reference": "", "description": "", "terms_no": 1}
    columns = usual | {name: value for name, value in more.items() if name != "period"}
    return columns | {"reference": columns["reference"].strip()}


def reverse(
    session: Session,
    entry_id: int,
    *,
    author: Author,
    reason: str,
    dated_on: date,
    idempotency_key: str | None = None,
) -> LedgerEntry:
    """Undo an entry by a counter entry that names it; a charge's due date is kept, so that the two cancel.

    Raises NotFound, Invalid for the reversal of a reversal, Conflict when it was reversed already.
    """
    return reverse_once(
        session, entry_id, author=author, reason=reason, dated_on=dated_on, idempotency_key=idempotency_key
    ).entry


def reverse_once(
    session: Session,
    entry_id: int,
    *,
    author: Author,
    reason: str,
    dated_on: date,
    idempotency_key: str | None = None,
    counterpart_id: int | None = None,
) -> Posted:
    """Do what reverse() does and say whether the entry is new; `counterpart_id` as the entry's own."""
    entry = session.get(LedgerEntry, entry_id)
    if entry is None:
        raise errors.NotFound("There is no such entry")
    if entry.kind is EntryKind.REVERSAL:
        raise errors.Invalid("A reversal cannot be reversed; post the right entry instead")
    if not reason.strip():
        raise errors.Invalid("A reversal needs a reason", {"reason": "Say why the entry is undone"})
    lock_account(session, entry.account_id)
    if idempotency_key is None or find(session, idempotency_key) is None:
        _refuse_second(session, entry_id)
    return post_once(
        session,
        entry.account_id,
        EntryKind.REVERSAL,
        -entry.amount_minor,
        dated_on=dated_on,
        author=author,
        method=entry.method,
        reference=entry.reference,
        idempotency_key=idempotency_key,
        due_on=entry.due_on,
        subscription_id=entry.subscription_id,
        liability_id=entry.liability_id,
        terms_no=entry.terms_no,
        vat_hundredths=entry.vat_hundredths,
        description=reason.strip(),
        reverses_id=entry.id,
        counterpart_id=counterpart_id,
        quantity=entry.quantity,
    )


def _refuse_second(session: Session, entry_id: int) -> None:
    if session.scalar(select(LedgerEntry.id).where(LedgerEntry.reverses_id == entry_id)) is not None:
        raise errors.Conflict("This entry was reversed already")


def verify(session: Session) -> list[Mismatch]:
    """Return accounts whose cached balance differs from the sum of their entries: there should be none."""
    sums = (
        select(LedgerEntry.account_id, func.sum(LedgerEntry.amount_minor).label("total"))
        .group_by(LedgerEntry.account_id)
        .subquery()
    )
    total = func.coalesce(sums.c.total, 0)
    rows = session.execute(
        select(Account.id, Account.balance_minor, total)
        .outerjoin(sums, sums.c.account_id == Account.id)
        .where(Account.balance_minor != total)
        .order_by(Account.id)
    )
    return [Mismatch(account_id, cached, int(summed)) for account_id, cached, summed in rows]


def _check(kind: EntryKind, amount_minor: int, due_on: date | None) -> None:
    if amount_minor == 0:
        raise errors.Invalid("An entry of nothing", {"amount": "The amount must not be zero"})
    if abs(amount_minor) > money.LIMIT_MINOR:
        raise errors.Invalid(
            "Amount too large", {"amount": "This is more than the ledger takes in one entry"}
        )
    if kind in {EntryKind.PAYMENT, EntryKind.WRITEOFF} and amount_minor < 0:
        raise errors.Invalid(
            "This kind of entry raises the balance", {"amount": "The amount must be above zero"}
        )
    if kind in {EntryKind.CHARGE, EntryKind.REFUND} and amount_minor > 0:
        raise errors.Invalid(
            "This kind of entry lowers the balance", {"amount": "The amount must be below zero"}
        )
    if kind is EntryKind.CHARGE and due_on is None:
        raise errors.Invalid("A charge needs a due date", {"due_on": "Say until when it is to be paid"})
    if due_on is not None and amount_minor > 0 and kind is not EntryKind.REVERSAL:
        raise errors.Invalid("Money that comes in has no due date", {"due_on": "Leave it empty"})


# What must be the same when an act is sent twice, by its words.
_COMPARED = {
    "account_id": N_("customer"),
    "kind": N_("kind"),
    "amount_minor": N_("sum"),
    "dated_on": N_("day"),
    "due_on": N_("day it is due"),
    "method": N_("method"),
    "reference": N_("reference"),
    "reverses_id": N_("entry undone"),
    "subscription_id": N_("service"),
    "liability_id": N_("liability"),
    "terms_no": N_("terms"),
    "period_start": N_("begin of the period"),
    "period_end": N_("end of the period"),
    "vat_hundredths": N_("VAT rate"),
    "counterpart_id": N_("entry of the other side"),
    "corrects_id": N_("entry corrected"),
    "description": N_("description"),
}


def _and(one: str, more: str) -> str:
    return N_("%(one)s, %(more)s", one=one, more=more)


def _same(first: LedgerEntry, again: LedgerEntry, *, or_later: bool) -> LedgerEntry:
    """Return the first entry when the second is the same act sent twice; raises Conflict when it is not."""
    compared = [name for name in _COMPARED if not (or_later and name == "dated_on")]
    different = [name for name in compared if getattr(first, name) != getattr(again, name)]
    if different:
        raise errors.Conflict(
            N_(
                "This was posted already with another %(what)s",
                what=reduce(_and, (_COMPARED[name] for name in different)),
            ),
            "uq_ledger_entries_idempotency_key",
        )
    return first
