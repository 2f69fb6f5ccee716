"""A world for histories of money: two accounts, what may be sold to them, and who acts on it."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import accounts, discounts, testing, vat
from billing.acts import Act
from billing.discounts import Letter
from billing.models import Account, LockReason, Payer, PeriodKind, Plan, PlanPrice, Seller
from billing.rules import Rules
from billing.subscriptions import Choice

FIRST = date(2027, 12, 20)
RULES = Rules(brake_minimum=50, minimum_debt_minor=50, grace_days=2, promise_needs_payment=False)
# Of an ISP that fines: a fee once in an episode of debt, and interest from a low rate to a high one.
STERN = replace(
    RULES,
    late_fee_minor=300,
    late_fee_percent=1.5,
    late_fee_days=1,
    late_fee_minimum_minor=1,
    interest_rates=((date(2027, 1, 1), 8.0), (date(2028, 2, 10), 36.5)),
    interest_minimum_minor=1,
)
# Of ISPs that bill nothing, or half, of the days on which debt keeps a line off.
LENIENT, HALVING = (replace(RULES, debt_billed_percent=percent) for percent in (0, 50))
DRAWN = (RULES, STERN, LENIENT, HALVING)
KINDS = (PeriodKind.ONCE, PeriodKind.DAY, PeriodKind.WEEK, PeriodKind.MONTH, PeriodKind.QUARTER)
REASONS = (LockReason.FREEZE, LockReason.MANUAL)


@dataclass(frozen=True)
class World:
    """What a history is about: two accounts, what may be sold to them, the letters there are, the rules."""

    account_id: int
    other_id: int
    plans: tuple[tuple[int, PeriodKind], ...]
    letters: tuple[int, ...]
    rate_id: int
    rules: Rules = RULES


@dataclass(frozen=True)
class Catalogue:
    """What may be sold."""

    currency: str
    plans: tuple[tuple[int, PeriodKind], ...]
    letters: tuple[int, ...]
    rate_id: int


def make_world(session: Session, *, currency: str = "EUR", rules: Rules = RULES) -> World:
    """Write down a company, what it sells, and two accounts."""
    world = replace(open_world(session, make_catalogue(session, currency=currency)), rules=rules)
    if rules is STERN:
        for account_id in (world.account_id, world.other_id):
            session.get_one(Account, account_id).payment_days = 1
    return world


def open_world(session: Session, catalogue: Catalogue) -> World:
    """Open two accounts of payers."""
    ids = []
    for name in ("Olha Koval", "Petro Koval"):
        payer = Payer(name=name)
        session.add(payer)
        session.flush()
        account = accounts.open_account(session, currency=catalogue.currency)
        account.payer_id = payer.id
        ids.append(account.id)
    session.flush()
    return World(ids[0], ids[1], catalogue.plans, catalogue.letters, catalogue.rate_id)


def make_catalogue(session: Session, *, currency: str = "EUR") -> Catalogue:
    """Write down a company, plans of every sort, a VAT rate that rises, letters."""
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    rate = vat.create(session, name="VAT", valid_from=date(2020, 1, 1), percent_hundredths=2000)
    vat.add_percent(session, rate.id, valid_from=date(2028, 2, 10), percent_hundredths=2300)
    offers: tuple[dict[str, Any], ...] = (
        {"price_minor": 1999},
        {"price_minor": 3000, "is_net": True, "vat_rate_id": rate.id},
        {"price_minor": 1000, "is_postpaid": True},
        {"price_minor": 1},
        {"price_minor": 0},
        {"price_minor": 7777, "period": PeriodKind.QUARTER, "vat_rate_id": rate.id},
        {"price_minor": 700, "period": PeriodKind.WEEK},
        {"price_minor": 95, "period": PeriodKind.DAY, "is_postpaid": True},
        {"price_minor": 2500, "period": PeriodKind.ONCE},
        {"price_minor": 400, "is_never_cut": True},
    )
    plans = [Plan(name=f"Life {n}", currency=currency, **offer) for n, offer in enumerate(offers)]
    session.add_all(plans)
    session.flush()
    session.add(PlanPrice(plan_id=plans[0].id, from_quantity=2, price_minor=1500))
    letters = [
        discounts.create(session, letter).id
        for letter in (
            Letter("Ten percent", percent_hundredths=1000),
            Letter("Everything", percent_hundredths=10_000),
            Letter("Five off", amount_minor=500, currency=currency),
        )
    ]
    made = tuple((plan.id, plan.period or PeriodKind.MONTH) for plan in plans)
    return Catalogue(currency, made, tuple(letters), rate.id)


@dataclass(frozen=True)
class Doer:
    """Who acts on a world: in which session, on which day; `key` names the act, once."""

    session: Session
    world: World
    today: date
    key: str

    @property
    def act(self) -> Act:
        """The act of that day."""
        return testing.act(self.today)

    @property
    def account_id(self) -> int:
        """The account the history is about."""
        return self.world.account_id

    @property
    def rules(self) -> Rules:
        """The rules the ISP goes by."""
        return self.world.rules

    @property
    def money(self) -> dict[str, Any]:
        """What every act that moves money is told."""
        return {"author": testing.AUTHOR, "today": self.today}

    def at(self, model: Any, place: int) -> int:
        """Return the id of the account's row at that place, taken round; 0 when there is none."""
        query = select(model.id).where(model.account_id == self.account_id).order_by(model.id.desc())
        found = self.session.scalars(query).all()
        return found[place % len(found)] if found else 0

    def choice(self, plan: int, bill_day: int | None, quantity: int = 1, **more: Any) -> Choice:
        """Return terms by drawn numbers, with a bill day that the plan's period knows."""
        plan_id, kind = self.world.plans[plan]
        if bill_day is not None and kind is PeriodKind.WEEK:
            bill_day = 1 + bill_day % 7
        return Choice(plan_id, bill_day=bill_day, quantity=quantity, **more)
