"""Acts: on which business day something is done to money, by whom, and by which default terms."""

from dataclasses import dataclass
from datetime import date

from billing.ledger import Author
from billing.models import Account, Documented
from billing.rules import due_on
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Terms:
    """How an account is charged that has no terms of its own, and where its business days begin."""

    payment_days: int
    documented: Documented = Documented.INVOICE
    time_zone: str = "UTC"

    def due_on(self, account: Account, charged_on: date) -> date:
        """Return the last day to pay what the account is charged that day."""
        own = account.payment_days
        return due_on(charged_on, self.payment_days if own is None else own)

    def documented_of(self, account: Account) -> Documented:
        """Return which document the account's charges make."""
        return account.documented or self.documented


@dataclass(frozen=True, slots=True)
class Act:
    """On which business day, by whom, and how an account without terms of its own is charged.

    `charged_until` is the day up to which is charged what has begun, when it is not today: what a run by hand
    catches up with is dated and due from the day it is made on, as the night's is.
    """

    today: date
    terms: Terms
    author: Author
    charged_until: date | None = None

    @property
    def until(self) -> date:
        """The day up to which is charged what has begun."""
        return self.today if self.charged_until is None else self.charged_until


def terms_of(settings: Settings) -> Terms:
    """Return the terms the settings state."""
    billing = settings.billing
    return Terms(billing.payment_days, Documented(billing.documents), settings.isp.time_zone)
