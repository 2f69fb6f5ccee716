"""The walled garden: what a customer who is cut or warned is shown by his address, and what he may do there.

Nobody signs in: who sits at the address is shown no name and no address, only the customer's number, what is
due and what the office has to say; docs/decisions/0013-walled-garden.md says what that leaves to fear.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import bank, promises, rules, what_if
from billing.bank import Transfer
from billing.models import AccessState, Account, Promise, Seller, SubscriptionAccess
from billing.rules import Rules
from core import errors
from core.money import Money
from core.words import N_
from desk import contracts, notices, warning
from desk.contracts import ToSign
from desk.models import Contract
from desk.notices import Shown
from registry import audit, company, money
from registry.models import Contact
from registry.seats import Seat

# How history names who acts here: nobody knows which person sat at the address.
WHO = "customer's page"
NOTHING = ToSign()


@dataclass(frozen=True, slots=True)
class Terms:
    """What customers may do by themselves: the rules, stricter where the garden's own are."""

    rules: Rules
    is_promise_on: bool = True
    is_checked: bool = True


@dataclass(frozen=True, slots=True)
class Offer:
    """A promise the customer may give now: of what, and until when at most."""

    amount: Money
    last_day: date


@dataclass(frozen=True, slots=True)
class Face:
    """What the page shows of one seat.

    `wanted` is what the line should be, `is_reached` whether its gate has done so. `due` is what is past due,
    `least` of it lets in again (nothing while nothing is cut). `offer` is none where no promise can be given,
    and `refusal` says why where the customer may wonder.
    """

    seat: Seat
    wanted: AccessState
    is_reached: bool
    is_held: bool
    is_cut: bool
    due: Money
    least: Money
    owed: Money
    promise: Promise | None
    offer: Offer | None
    refusal: str
    company: Seller | None
    qr_text: str | None
    notices: tuple[Shown, ...] = ()
    to_sign: ToSign = NOTHING
    warnings: tuple[warning.Shown, ...] = ()

    @property
    def promised(self) -> Money:
        """The sum of the promise that stands; zero without one."""
        return Money(self.promise.amount_minor if self.promise else 0, self.owed.currency)


def terms(limits: Rules, *, days_limit: int, is_promise_on: bool, is_checked: bool) -> Terms:
    """Return what customers may do by themselves: never more than staff may grant."""
    days = min(days_limit, limits.promise_days_limit)
    return Terms(replace(limits, promise_days_limit=days), is_promise_on, is_checked)


def look(session: Session, seat: Seat, found: Terms, *, today: date, language: str = "") -> Face:
    """Return what is shown to whoever sits there, notices in that language.

    Raises NotFound when the customer is gone.
    """
    account = session.get_one(Account, seat.account_id)
    stands = what_if.standing(session, seat.account_id, today=today, rules=found.rules)
    line = session.get(SubscriptionAccess, seat.subscription_id) if seat.subscription_id else None
    due = Money(max(stands.past_due_minor, stands.reconnect_minor), account.currency)
    promise = promises.active(session, seat.account_id)
    offer, refusal = _offer(session, seat, stands, found, today=today)
    seller = company.get(session)
    return Face(
        seat=seat,
        wanted=line.wanted if line else AccessState.OPEN,
        is_reached=line is None or line.applied == line.wanted,
        is_held=stands.is_held,
        is_cut=stands.is_cut,
        due=due,
        least=Money(stands.reconnect_minor, account.currency),
        owed=Money(max(0, -stands.balance_minor), account.currency),
        promise=promise,
        offer=None if promise else offer,
        refusal="" if promise else refusal,
        company=seller,
        qr_text=_qr_text(seller, due, seat.number) if seller else None,
        notices=tuple(notices.shown(session, seat.customer_id, seat.subscription_id, language=language)),
        to_sign=contracts.to_sign(session, seat),
        warnings=tuple(warning.shown(session, seat.customer_id, seat.subscription_id)),
    )


def promise(
    session: Session, seat: Seat, found: Terms, *, until: date, digits: str, today: date
) -> promises.Made | None:
    """Write down the customer's own promise of all he owes, as staff would, and open his line.

    None where one stands already: the same form sent twice. Raises Invalid and Forbidden in words for him,
    and what registry.money.promise raises.
    """
    if found.is_checked:
        check(session, seat.customer_id, digits)
    if promises.active(session, seat.account_id) is not None:
        return None
    stands = what_if.standing(session, seat.account_id, today=today, rules=found.rules)
    offer, refusal = _offer(session, seat, stands, found, today=today)
    if offer is None:
        raise errors.Forbidden(refusal or N_("There is nothing to promise now"))
    actor = audit.Actor(None, WHO)
    note = N_("given at %(address)s", address=seat.address)
    return money.promise(
        session, actor, seat.customer_id, until=until, note=note, today=today, rules=found.rules
    )


def confirm(session: Session, seat: Seat, shown_id: int, *, today: date) -> tuple[int, ...]:
    """Take the customer's word that he read a notice (see notices.confirm)."""
    return notices.confirm(
        session, audit.Actor(None, WHO), shown_id,
        customer_id=seat.customer_id, address=seat.address, today=today,
    )  # fmt: skip


def contract(session: Session, seat: Seat, contract_id: int, digits: str) -> Contract:
    """Return the text of a contract that may be signed at this seat, to who knows the digits.

    They are always asked for: a contract names the customer. Raises NotFound, Invalid at `digits`.
    """
    found = next((one for one in contracts.to_sign(session, seat).contracts if one.id == contract_id), None)
    if found is None:
        raise errors.NotFound("There is no such contract to sign here")
    check(session, seat.customer_id, digits)
    return found


def sign(
    session: Session, seat: Seat, contract_id: int, *, name: str, digits: str, today: date
) -> tuple[int, ...]:
    """Take the customer's signature (see contracts.sign); raises what contract() does."""
    found = contract(session, seat, contract_id, digits)
    return contracts.sign(
        session, audit.Actor(None, WHO), found.id,
        customer_id=seat.customer_id, name=name, address=seat.address, today=today,
    )  # fmt: skip


def signed(session: Session, seat: Seat, contract_id: int) -> Contract:
    """Return a contract that was signed at this seat; raises NotFound."""
    found = contracts.get(session, contract_id)
    is_own = found.customer_id == seat.customer_id and found.signed_from == seat.address
    if not is_own or found.signed_at is None:
        raise errors.NotFound("There is no such contract")
    return found


def check(session: Session, customer_id: int, digits: str) -> None:
    """Have whoever acts know the last four digits of a telephone number on file; raises Invalid."""
    phones = session.scalars(
        select(Contact.phone).where(Contact.customer_id == customer_id, Contact.phone != "")
    ).all()
    if not phones:
        words = N_("We have no telephone number of yours on file, so this is done by calling us")
        raise errors.Invalid(words, {"digits": words})
    if digits.strip() not in {phone[-4:] for phone in phones}:
        words = N_("These are not the last four digits of a telephone number we have of you")
        raise errors.Invalid(words, {"digits": words})


def _offer(
    session: Session, seat: Seat, stands: what_if.Standing, found: Terms, *, today: date
) -> tuple[Offer | None, str]:
    """Return what may be promised, or why not in words; neither where nothing is asked of the customer."""
    if not (stands.is_cut or stands.past_due_minor > 0):
        return None, ""
    if not found.is_promise_on:
        return None, N_("Time to pay is agreed on by calling us")
    if stands.is_held:
        return None, N_("The line is closed for another reason, too, which a promise would not open: call us")
    record = promises.record(session, seat.account_id)
    owed = max(0, -stands.balance_minor)
    refusal = rules.promise_refusal(today, today=today, rules=found.rules, owed_minor=owed, record=record)
    if refusal is not None:
        return None, refusal
    last_day = today + timedelta(days=rules.promise_days(found.rules, record))
    currency = session.get_one(Account, seat.account_id).currency
    return Offer(Money(owed, currency), last_day), ""


def _qr_text(seller: Seller, due: Money, number: str) -> str | None:
    return bank.qr_text(Transfer(seller.name, seller.iban, seller.bic, due, number))
