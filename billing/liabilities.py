"""Liabilities: what an account owes that is no plan, once or by the period; and charges made by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from billing import charges, documents, ledger, periods, settling, vat
from billing.acts import Act
from billing.models import (
    Account,
    Documented,
    DocumentKind,
    EntryKind,
    LedgerEntry,
    Liability,
    PeriodKind,
)
from billing.rules import DAY, Period
from core import errors, money
from core.words import N_


@dataclass(frozen=True, slots=True)
class Owed:
    """What is agreed: words, price of one (minor units), how many, how often, from when to when.

    `bill_day` is as a subscription's (see billing.subscriptions.Choice); none: the day it begins on.
    """

    description: str
    price_minor: int
    period: PeriodKind
    starts_on: date
    ends_on: date | None = None
    quantity: int = 1
    is_net: bool = False
    vat_rate_id: int | None = None
    bill_day: int | None = None
    bill_month: int = 1
    is_postpaid: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """A liability, and whether this act added it or an earlier one with the same key."""

    liability: Liability
    is_new: bool


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge by hand: gross in minor units, the VAT inside, what for, of which day (none: the act's).

    Of a closed day it is dated the first open one, and says its day as its period.
    """

    amount_minor: int
    vat_hundredths: int | None
    description: str
    idempotency_key: str
    day: date | None = None


def of_account(session: Session, account_id: int) -> list[Liability]:
    """Return what the account owes so, the latest first."""
    query = select(Liability).where(Liability.account_id == account_id)
    return list(session.scalars(query.order_by(Liability.starts_on.desc(), Liability.id.desc())))


def get(session: Session, liability_id: int) -> Liability:
    """Return the liability, fresh; raises NotFound."""
    found = session.get(Liability, liability_id, populate_existing=True)
    if found is None:
        raise errors.NotFound("There is no such liability")
    return found


def cycle_of(liability: Liability) -> periods.Cycle:
    """Return how the liability's periods follow each other."""
    return periods.Cycle(liability.period, liability.bill_day, liability.bill_month)


def is_taken_back(liability: Liability) -> bool:
    """Say whether it was taken back: it ends on the eve of its start."""
    return liability.ends_on is not None and liability.ends_on < liability.starts_on


def add(
    session: Session, account_id: int, act: Act, owed: Owed, *, idempotency_key: str | None = None
) -> Added:
    """Let an account owe something, once by its key; what has begun is charged.

    Raises NotFound, Invalid at the field, Conflict when the key added something to another account.
    """
    ledger.lock_account(session, account_id)
    if (first := _found(session, idempotency_key)) is not None:
        if first.account_id != account_id:
            raise errors.Conflict("This form added a liability to another account")
        return Added(first, is_new=False)
    cycle = _check(session, owed)
    made = Liability(
        account_id=account_id,
        description=owed.description.strip(),
        price_minor=owed.price_minor,
        is_net=owed.is_net,
        vat_rate_id=owed.vat_rate_id,
        quantity=owed.quantity,
        period=owed.period,
        starts_on=owed.starts_on,
        ends_on=owed.ends_on,
        bill_day=cycle.bill_day,
        bill_month=cycle.bill_month,
        is_postpaid=owed.is_postpaid and owed.period is not PeriodKind.ONCE,
        author_id=act.author.staff_id,
        author=act.author.name,
        idempotency_key=idempotency_key,
    )
    session.add(made)
    session.flush()
    charges.run(session, act, account_id=account_id)
    return Added(made, is_new=True)


def _found(session: Session, key: str | None) -> Liability | None:
    return session.scalar(select(Liability).where(Liability.idempotency_key == key)) if key else None


def end(session: Session, liability_id: int, act: Act, *, ends_on: date) -> list[LedgerEntry]:
    """Let a liability end with that day (included); what was charged beyond it is given back.

    Raises NotFound, Invalid, Conflict when it has an end already.
    """
    liability = _locked(session, liability_id)
    if liability.ends_on is not None:
        raise errors.Conflict(N_("This liability ends on %(day)s already", day=liability.ends_on))
    if liability.period is PeriodKind.ONCE:
        raise errors.Invalid("Owed once", {"ends_on": N_("What is owed once has no end: take it back")})
    if ends_on < max(liability.starts_on, act.today - DAY):
        words = N_("It may end yesterday at the earliest, once begun")
        raise errors.Invalid("Not an end", {"ends_on": words})
    liability.ends_on = ends_on
    session.flush()
    charges.run(session, act, account_id=liability.account_id)
    words = N_("%(what)s: days after %(day)s given back", what=liability.description, day=ends_on)
    return settling.settle_liability(session, liability, act, since=ends_on + DAY, words=words)


def take_back(session: Session, liability_id: int, act: Act) -> list[LedgerEntry]:
    """Take a liability back as if it had never been: all that was charged for it is given back.

    One that was never charged is removed. Raises NotFound, Conflict when it was taken back already.
    """
    liability = _locked(session, liability_id)
    if is_taken_back(liability):
        raise errors.Conflict("This liability was taken back already")
    if (
        session.scalar(select(LedgerEntry.id).where(LedgerEntry.liability_id == liability_id).limit(1))
        is None
    ):
        session.execute(delete(Liability).where(Liability.id == liability_id))
        return []
    liability.ends_on = liability.starts_on - DAY
    session.flush()
    words = N_("%(what)s: taken back", what=liability.description)
    return settling.settle_liability(session, liability, act, since=liability.starts_on, words=words)


def charge(
    session: Session,
    account_id: int,
    act: Act,
    *,
    amount_minor: int,
    vat_rate_id: int | None,
    reason: str,
    idempotency_key: str,
) -> ledger.Posted:
    """Charge an account by hand (gross, minor units), with a reason; it is documented as charges are.

    Raises NotFound, Invalid at the faulty field.
    """
    faults = {}
    if not 0 < len(reason.strip()) <= 200:
        faults["reason"] = N_("Say what it is for, in at most 200 characters")
    if amount_minor <= 0:
        faults["amount"] = N_("The amount must be above zero")
    if faults:
        raise errors.Invalid("Not a charge", faults)
    account = ledger.lock_account(session, account_id)
    percent = None
    if vat_rate_id is not None:
        percent = vat.percent_on(vat.get(session, vat_rate_id), act.today)
        if percent is None:
            words = N_("This rate has no percent on %(day)s", day=act.today)
            raise errors.Invalid("Not a charge", {"vat_rate_id": words})
    (posted,) = charge_all(
        session, account, act, [Charge(amount_minor, percent, reason.strip(), idempotency_key)]
    )
    return posted


def charge_all(session: Session, account: Account, act: Act, wanted: Sequence[Charge]) -> list[ledger.Posted]:
    """Charge each once by its key on an account the caller locked; what is new makes one document."""
    posted = [
        ledger.post_once(
            session,
            account,
            EntryKind.CHARGE,
            -one.amount_minor,
            dated_on=one.day or act.today,
            author=act.author,
            or_later=True,
            due_on=act.terms.due_on(account, act.today),
            period=Period(one.day, one.day) if one.day else None,
            vat_hundredths=one.vat_hundredths,
            description=one.description,
            idempotency_key=one.idempotency_key,
        )
        for one in wanted
    ]
    fresh = [one.entry.id for one in posted if one.is_new]
    if fresh and (mode := act.terms.documented_of(account)) is not Documented.NONE:
        documents.issue(session, fresh, kind=DocumentKind(mode.value), on=act.today, author=act.author)
    return posted


def _locked(session: Session, liability_id: int) -> Liability:
    ledger.lock_account(session, get(session, liability_id).account_id)
    return get(session, liability_id)


def _check(session: Session, owed: Owed) -> periods.Cycle:
    """Return how its periods follow each other; raises Invalid at the faulty field."""
    cycle = periods.cycle(owed.period, owed.starts_on, owed.bill_day, owed.bill_month)
    faults = periods.faults(cycle)
    if not 0 < len(owed.description.strip()) <= 200:
        faults["description"] = N_("Say what it is for, in at most 200 characters")
    if not 0 < owed.price_minor < money.LIMIT_MINOR:
        faults["price"] = N_("The price must be above zero")
    if not 1 <= owed.quantity <= 100_000:
        faults["quantity"] = N_("A quantity is 1 to 100 000")
    if owed.ends_on is not None and owed.ends_on < owed.starts_on:
        faults["ends_on"] = N_("The last day is not before the first")
    if owed.is_net and owed.vat_rate_id is None:
        faults["vat_rate_id"] = N_("A net price needs a VAT rate")
    if faults:
        raise errors.Invalid("This liability cannot be", faults)
    if owed.vat_rate_id is not None:
        vat.get(session, owed.vat_rate_id)
    return cycle
