"""Discount letters: how much comes off, and which accounts or services have them, from when to when."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from billing import ledger
from billing.ledger import Author
from billing.models import AccountDiscount, Discount, EntryKind, LedgerEntry, Plan, Subscription
from billing.periods import Cycle
from billing.rules import DAY
from core import db, errors, money
from core.words import N_


@dataclass(frozen=True, slots=True)
class Letter:
    """What a letter says: hundredths of a percent, or a sum off each period's price; never both."""

    name: str
    percent_hundredths: int | None = None
    amount_minor: int | None = None
    currency: str | None = None
    note: str = ""
    is_offered: bool = True


@dataclass(frozen=True, slots=True)
class Given:
    """Which letters, for which service (none: all of the account), for periods that begin from-to."""

    discount_ids: tuple[int, ...]
    starts_on: date
    ends_on: date | None = None
    subscription_id: int | None = None


def list_all(session: Session, *, is_offered: bool | None = None) -> list[Discount]:
    """Return the letters by name; only those offered, or not offered, when asked."""
    query = select(Discount).order_by(Discount.is_offered.desc(), Discount.name)
    return list(
        session.scalars(query if is_offered is None else query.where(Discount.is_offered.is_(is_offered)))
    )


def get(session: Session, discount_id: int) -> Discount:
    """Return the letter; raises NotFound."""
    found = session.get(Discount, discount_id)
    if found is None:
        raise errors.NotFound("There is no such discount")
    return found


def counts(session: Session) -> dict[int, int]:
    """Return how often each letter was given, by its id; those never given are left out."""
    query = select(AccountDiscount.discount_id, func.count()).group_by(AccountDiscount.discount_id)
    return dict(session.execute(query).all())


def create(session: Session, letter: Letter) -> Discount:
    """Add a letter; raises Invalid at the faulty field."""
    _check(letter)
    return _save(session, Discount(), letter)


def change(session: Session, discount_id: int, letter: Letter) -> Discount:
    """Change a letter; how much comes off stays once it was given. Raises Invalid, NotFound."""
    _check(letter)
    found = get(session, discount_id)
    is_other = (letter.percent_hundredths, letter.amount_minor) != (
        found.percent_hundredths,
        found.amount_minor,
    )
    if is_other and counts(session).get(discount_id):
        field = "percent" if found.percent_hundredths is not None else "amount"
        words = N_("Customers have this letter: make a new one for another discount")
        raise errors.Invalid("Given already", {field: words})
    return _save(session, found, letter)


def remove(session: Session, discount_id: int) -> None:
    """Remove a letter nobody was given; raises NotFound, Conflict."""
    found = get(session, discount_id)
    if counts(session).get(discount_id):
        raise errors.Conflict(N_("%(name)s is in use and cannot be removed", name=found.name))
    session.execute(delete(Discount).where(Discount.id == discount_id))


def of_account(session: Session, account_id: int) -> list[AccountDiscount]:
    """Return what the account was given, with the letters, the latest first."""
    query = (
        select(AccountDiscount)
        .options(joinedload(AccountDiscount.discount))
        .where(AccountDiscount.account_id == account_id)
    )
    return list(session.scalars(query.order_by(AccountDiscount.starts_on.desc(), AccountDiscount.id.desc())))


def given(session: Session, given_id: int) -> AccountDiscount:
    """Return one given letter; raises NotFound."""
    found = session.get(
        AccountDiscount,
        given_id,
        options=[joinedload(AccountDiscount.discount)],
        populate_existing=True,
    )
    if found is None:
        raise errors.NotFound("There is no such discount")
    return found


def give(session: Session, account_id: int, author: Author, wanted: Given) -> list[AccountDiscount]:
    """Give letters to an account or one service; they lower periods that begin in their time.

    What is charged already stays. Raises NotFound, Invalid at the faulty field.
    """
    account = ledger.lock_account(session, account_id)
    faults: dict[str, str] = {}
    letters = [get(session, one) for one in dict.fromkeys(wanted.discount_ids)]
    if not letters:
        faults["discounts"] = N_("Choose one at least")
    for letter in letters:
        if not letter.is_offered:
            faults["discounts"] = N_("%(name)s is not offered any more", name=letter.name)
        elif letter.currency not in (None, account.currency):
            faults["discounts"] = N_("%(name)s is in another currency", name=letter.name)
    if wanted.ends_on is not None and wanted.ends_on < wanted.starts_on:
        faults["ends_on"] = N_("The last day is not before the first")
    if wanted.subscription_id is not None:
        owner = select(Subscription.account_id).where(Subscription.id == wanted.subscription_id)
        if session.scalar(owner) != account_id:
            faults["service"] = N_("This is a service of somebody else")
    if faults:
        raise errors.Invalid("This discount cannot be given", faults)
    made = [_given(account_id, author, wanted, letter) for letter in letters]
    try:
        with db.part(session):
            session.add_all(made)
    except IntegrityError as error:
        words = N_("Given from this day already")
        raise errors.Invalid("Given already", {"discounts": words}) from error
    return made


def end(session: Session, given_id: int, *, today: date) -> None:
    """Let a given letter end with yesterday, or with today when it lowered a period that begins today.

    That period stays as it was charged, or passed as free. A letter that lowered no period yet is removed.
    Raises NotFound.
    """
    ledger.lock_account(session, given(session, given_id).account_id)
    # Read again: somebody else may have removed it while this one waited for the account.
    found = given(session, given_id)
    last = today if found.starts_on <= today and _has_lowered(session, found, today) else today - DAY
    if found.starts_on > last:
        session.delete(found)
    elif found.ends_on is None or found.ends_on > last:
        found.ends_on = last
    session.flush()


def _has_lowered(session: Session, found: AccountDiscount, day: date) -> bool:
    """Whether a period the letter is for begins that day and was charged, or passed as free."""
    own = Subscription.account_id == found.account_id
    if found.subscription_id is not None:
        own &= Subscription.id == found.subscription_id
    charged = select(LedgerEntry.id).join(Subscription, Subscription.id == LedgerEntry.subscription_id)
    is_charge = LedgerEntry.kind == EntryKind.CHARGE
    if session.scalar(charged.where(own, is_charge, LedgerEntry.period_start == day).limit(1)):
        return True
    free = select(Subscription, Plan.period).join(Plan).where(own, Subscription.free_until >= day)
    for one, kind in session.execute(free.execution_options(populate_existing=True)):
        whole = Cycle(kind, one.bill_day, one.bill_month).whole(day)
        if day == max(whole.start, one.starts_on, one.terms_from or one.starts_on):
            return True
    return False


def _given(account_id: int, author: Author, wanted: Given, letter: Discount) -> AccountDiscount:
    return AccountDiscount(
        account_id=account_id,
        subscription_id=wanted.subscription_id,
        discount_id=letter.id,
        discount=letter,
        starts_on=wanted.starts_on,
        ends_on=wanted.ends_on,
        author_id=author.staff_id,
        author=author.name,
    )


def _check(letter: Letter) -> None:
    faults: dict[str, str] = {}
    if not 0 < len(letter.name.strip()) <= 120:
        faults["name"] = N_("Write a name of at most 120 characters")
    if (letter.percent_hundredths is None) == (letter.amount_minor is None):
        faults["percent"] = N_("Write a percent or a sum, not both")
    elif letter.percent_hundredths is not None and not 1 <= letter.percent_hundredths <= 10_000:
        faults["percent"] = N_("A discount is above zero, up to 100 percent")
    elif letter.amount_minor is not None and not 0 < letter.amount_minor < money.LIMIT_MINOR:
        faults["amount"] = N_("The amount must be above zero")
    if faults:
        raise errors.Invalid("This discount cannot be", faults)


def _save(session: Session, found: Discount, letter: Letter) -> Discount:
    try:
        with db.part(session):
            found.name, found.note = letter.name.strip(), letter.note.strip()
            found.percent_hundredths, found.amount_minor = letter.percent_hundredths, letter.amount_minor
            found.currency = letter.currency if letter.amount_minor is not None else None
            found.is_offered = letter.is_offered
            session.add(found)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another discount has this name"}) from error
    return found
