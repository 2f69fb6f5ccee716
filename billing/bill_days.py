"""When an account is billed: bill day, month, prepaid or postpaid of several subscriptions changed as one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.orm import Session

from billing import periods, subscriptions
from billing.acts import Act
from billing.models import LedgerEntry, PeriodKind, Subscription
from billing.subscriptions import Choice
from core import errors
from core.words import N_

# What has no bill day: it is billed on its own days.
DAYLESS = frozenset({PeriodKind.DAY, PeriodKind.ONCE})


@dataclass(frozen=True, slots=True)
class Wanted:
    """How it is to be billed. No `bill_day`, no `weekday`: the day each subscription began on.

    `bill_month` counts for periods of several months. `is_postpaid` None: as the plan says.
    """

    subscription_ids: tuple[int, ...]
    bill_day: int | None
    weekday: int | None
    bill_month: int
    is_postpaid: bool | None


def choice(subscription: Subscription, wanted: Wanted) -> Choice:
    """Return what is agreed for the subscription (its plan loaded), billed as wanted."""
    agreed = subscriptions.agreed_on(subscription)
    kind = subscription.plan.period
    if kind in DAYLESS:
        return replace(agreed, is_postpaid=wanted.is_postpaid)
    day = wanted.weekday if kind is PeriodKind.WEEK else wanted.bill_day
    cycle = periods.cycle(kind, subscription.starts_on, day, wanted.bill_month)
    return replace(
        agreed, bill_day=cycle.bill_day, bill_month=cycle.bill_month, is_postpaid=wanted.is_postpaid
    )


def chosen(session: Session, account_id: int, wanted: Wanted) -> Sequence[Subscription]:
    """Return the subscriptions with their plans; raises Invalid when there are none or one is not his."""
    own = {one.id: one for one in subscriptions.of_account(session, account_id)}
    if not wanted.subscription_ids or not set(wanted.subscription_ids) <= set(own):
        raise errors.Invalid("No services", {"services": N_("Choose one at least")})
    return [own[one] for one in dict.fromkeys(wanted.subscription_ids)]


def change(session: Session, account_id: int, act: Act, wanted: Wanted, *, on: date) -> list[LedgerEntry]:
    """Let the subscriptions be billed as wanted from a day on (see billing.subscriptions.change)."""
    made = []
    for one in chosen(session, account_id, wanted):
        made += subscriptions.change(session, one.id, act, choice=choice(one, wanted), on=on)
    return made
