"""From the rows of a file to what is staged: customers, plans by name and price, services, balances."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ARRAY, String, any_, func, literal, select
from sqlalchemy.orm import Session

from billing import prices
from billing.models import PeriodKind, Plan, VatPercent
from core.words import N_
from registry import models as records
from registry import names
from registry.models import CustomerKind, CustomerStatus, Line
from registry.moving import stage
from registry.moving.rows import Fault, Read, read
from registry.moving.sheets import Sheet

DAY = timedelta(days=1)
_TOLD_EVERY = 500


@dataclass(slots=True)
class Customer:
    """A customer of the file: the row that names him first, and every row of his with a plan or address."""

    first: Read
    rows: list[Read] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a file is read: the currency of its sums, the country of its phones, the opening day."""

    currency: str
    region: str
    opening_on: date


@dataclass(frozen=True, slots=True)
class Offer:
    """What a plan costs: ours as it is, or as most rows tell; the VAT on top of a net price, else inside."""

    price_minor: int
    vat_hundredths: int | None = None
    is_net: bool = False

    def gross_minor(self, unit_minor: int, quantity: int) -> int:
        """Return what so many cost for a whole period."""
        return prices.whole_minor(
            unit_minor, quantity, vat_hundredths=self.vat_hundredths, is_net=self.is_net
        )


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file tells, by customer; the plans it needs; and what is wrong with it."""

    customers: dict[str, Customer]
    plans: dict[tuple[str, PeriodKind], Offer]
    faults: list[Fault]


def parse(
    session: Session,
    sheet: Sheet,
    mapping: dict[str, int],
    terms: Terms,
    *,
    tell: Callable[[int, int], None] = lambda *_: None,
) -> Parsed:
    """Read every row; a customer may have several, one a service. Nothing is written.

    `tell` is called now and then with the rows read and how many there are.
    """
    customers: dict[str, Customer] = {}
    faults: list[Fault] = []
    numbers: dict[str, str] = {}
    for place, (row_no, cells) in enumerate(sheet.rows):
        if place % _TOLD_EVERY == 0:
            tell(place, len(sheet.rows))
        found = read(row_no, cells, mapping, currency=terms.currency, region=terms.region)
        if isinstance(found, list):
            faults += found
            continue
        known = customers.get(found.row.ref)
        if known is not None and found.balance_minor:
            words = N_(
                "Row %(row)s tells of this customer already: write the balance once", row=known.first.row_no
            )
            faults.append(Fault(row_no, "balance", str(found.row.balance), words))
            continue
        number = found.row.number or found.row.ref
        if numbers.setdefault(number, found.row.ref) != found.row.ref:
            words = N_("Another customer of this file has the number")
            faults.append(Fault(row_no, "number", number, words))
            continue
        customers.setdefault(found.row.ref, Customer(found)).rows.append(found)
    faults += _taken_logins(session, customers)
    plans, more = _plans(session, [read for one in customers.values() for read in one.rows], terms)
    return Parsed(customers, plans, faults + more)


def _taken_logins(session: Session, customers: dict[str, Customer]) -> list[Fault]:
    """Return the rows whose login another row has, or the line of another customer."""
    rows = [one for customer in customers.values() for one in customer.rows if one.row.login]
    first: dict[str, int] = {}
    for one in sorted(rows, key=lambda one: one.row_no):
        first.setdefault(one.row.login, one.row_no)
    query = (
        select(Line.login, records.Customer.number)
        .join(records.Customer, records.Customer.id == Line.customer_id)
        .where(Line.login == any_(literal(sorted(first), ARRAY(String))))
    )
    owners: dict[str | None, str] = dict(session.execute(query).all())
    faults = []
    for one in rows:
        number = one.row.number or one.row.ref
        if owners.get(one.row.login, number) != number:
            faults.append(Fault(one.row_no, "login", one.row.login, N_("Another line dials in with it")))
        elif first[one.row.login] != one.row_no:
            words = N_("Row %(row)s has this login already", row=first[one.row.login])
            faults.append(Fault(one.row_no, "login", one.row.login, words))
    return faults


def _plans(
    session: Session, rows: Sequence[Read], terms: Terms
) -> tuple[dict[tuple[str, PeriodKind], Offer], list[Fault]]:
    """Return what each plan (name and period) costs: ours, else what most rows of the file tell."""
    offers = _ours(session, terms)
    asked: dict[tuple[str, PeriodKind], list[Read]] = {}
    for one in rows:
        if one.row.plan:
            asked.setdefault((one.row.plan, one.row.period), []).append(one)
    plans: dict[tuple[str, PeriodKind], Offer] = {}
    for key, told in asked.items():
        sums = [one.price_minor for one in told if one.price_minor is not None]
        rates = [int(one.row.vat * 100) for one in told if one.row.vat is not None]
        if key in offers:
            plans[key] = offers[key]
        elif sums:
            plans[key] = Offer(_most(sums), _most(rates) if rates else None)
    return plans, [fault for one in rows for fault in _unlike(one, plans)]


def _most(values: list[int]) -> int:
    return max(sorted(set(values)), key=values.count)


def _ours(session: Session, terms: Terms) -> dict[tuple[str, PeriodKind], Offer]:
    """Return the plans that are there, with the VAT of the opening day."""
    rates = (
        select(VatPercent.vat_rate_id, func.max(VatPercent.valid_from).label("since"))
        .where(VatPercent.valid_from <= terms.opening_on)
        .group_by(VatPercent.vat_rate_id)
        .subquery()
    )
    query = (
        select(Plan.name, Plan.period, Plan.price_minor, VatPercent.percent_hundredths, Plan.is_net)
        .outerjoin(rates, rates.c.vat_rate_id == Plan.vat_rate_id)
        .outerjoin(
            VatPercent,
            (VatPercent.vat_rate_id == rates.c.vat_rate_id) & (VatPercent.valid_from == rates.c.since),
        )
        .where(Plan.currency == terms.currency)
    )
    return {
        (name, period): Offer(price_minor, vat_hundredths, is_net)
        for name, period, price_minor, vat_hundredths, is_net in session.execute(query)
    }


def _unlike(one: Read, plans: dict[tuple[str, PeriodKind], Offer]) -> Iterator[Fault]:
    """Give what a row says of its plan that cannot be."""
    if not one.row.plan:
        return
    offer = plans.get((one.row.plan, one.row.period))
    if offer is None:
        words = N_("There is no plan of this name, and no row tells its price: write it")
        yield Fault(one.row_no, "plan", one.row.plan, words)
    elif one.row.vat is not None and int(one.row.vat * 100) != (offer.vat_hundredths or 0):
        words = N_(
            "The plan's VAT is %(percent)s %%: write that, or another plan",
            percent=f"{(offer.vat_hundredths or 0) / 100:g}",
        )
        yield Fault(one.row_no, "vat", str(one.row.vat), words)


def fill(session: Session, parsed: Parsed, *, opening_on: date, title: str) -> None:
    """Stage what was parsed; balances are adjustments of the opening day, named by the import."""
    stage.make(session)
    stage.fill(session, "moving_customers", _customers(parsed))
    stage.fill(session, "moving_contacts", _contacts(parsed))
    stage.fill(session, "moving_addresses", _addresses(parsed))
    stage.fill(session, "moving_plans", _plan_rows(parsed))
    stage.fill(session, "moving_services", _services(parsed, opening_on))
    stage.fill(session, "moving_logins", _logins(parsed))
    stage.fill(session, "moving_nodes", _nodes(parsed))
    stage.fill(session, "moving_money", _money(parsed, opening_on, title))
    stage.fill(session, "moving_balances", _balances(parsed))


def _customers(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        row = customer.first.row
        last, first = row.names
        kind = CustomerKind.COMPANY if row.company_name else CustomerKind.PERSON
        parts = (row.company_name,) if row.company_name else (last, first)
        number = row.number or ref
        yield (
            *(ref, number, kind.value, last, first, row.company_name, names.sort_key(*parts)[:400]),
            *(row.status.value, row.note, "", "", None, None, ""),
        )


def _contacts(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        row = customer.first.row
        if customer.first.phone or row.email:
            name = " ".join(part for part in row.names if part) or row.company_name
            yield ref, name[:160], customer.first.phone, row.email, True


def _addresses(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        row = customer.first.row
        if row.street:
            key = names.sort_key(row.city, row.street, row.building, row.unit)[:400]
            yield ref, "visiting", row.street, row.building, row.unit, row.city, "", row.postcode, "", key


def _plan_ref(name: str, period: PeriodKind) -> str:
    return name if period is PeriodKind.MONTH else f"{name[:100]}/{period.value}"


def _plan_rows(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    speeds: dict[tuple[str, PeriodKind], tuple[int | None, int | None]] = {}
    for customer in parsed.customers.values():
        for one in customer.rows:
            kbps = tuple(
                int(mbps * 1000) if mbps is not None else None for mbps in (one.row.down, one.row.up)
            )
            if any(kbps):
                speeds.setdefault((one.row.plan, one.row.period), (kbps[0], kbps[1]))
    for (name, period), offer in parsed.plans.items():
        down, up = speeds.get((name, period), (None, None))
        priced = (offer.price_minor, offer.is_net, period.value, offer.vat_hundredths)
        yield _plan_ref(name, period), name, *priced, down, up, True


def _services(parsed: Parsed, opening_on: date) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        for place, one in enumerate(customer.rows):
            row = one.row
            if not row.plan:
                continue
            price = parsed.plans[row.plan, row.period].price_minor
            own = one.price_minor if one.price_minor not in (None, price) else None
            starts_on = row.starts_on or opening_on
            billed_from = row.billed_to + DAY if row.billed_to else max(starts_on, opening_on)
            bill_day = 1 if row.bill_day is None else row.bill_day
            yield (
                *(f"{ref}#{place + 1}", ref, _plan_ref(row.plan, row.period), own, row.quantity or 1),
                *(starts_on, None, billed_from, bill_day, billed_from.month, None),
                *(None, None, False, 100, None),
            )


def _logins(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        for place, one in enumerate(customer.rows):
            if one.row.login:
                yield f"{ref}#{place + 1}", one.row.login


def _nodes(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        for place, one in enumerate(customer.rows):
            if one.row.ip:
                yield f"{ref}#{place + 1}", ref, one.row.ip, one.row.mac, ""


def _money(parsed: Parsed, opening_on: date, title: str) -> Iterator[tuple[Any, ...]]:
    for place, (ref, customer) in enumerate(parsed.customers.items()):
        minor = customer.first.balance_minor
        if minor:
            words = N_("Opening balance, %(title)s", title=title)
            yield (
                f"opening:{ref}",
                ref,
                place,
                opening_on,
                "adjustment",
                minor,
                0,
                "none",
                title[:200],
                words,
                "",
            )


def _balances(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        yield ref, customer.first.balance_minor


def told(parsed: Parsed, known: set[str]) -> dict[str, Any]:
    """Return the totals the file itself tells, of the customers who are not known yet."""
    statuses: Counter[str] = Counter()
    services: Counter[str] = Counter()
    minor: Counter[str] = Counter()
    vat: Counter[str] = Counter()
    balances = []
    for ref, customer in parsed.customers.items():
        if ref in known:
            continue
        statuses[customer.first.row.status.value] += 1
        balances.append(customer.first.balance_minor)
        for one in customer.rows:
            if one.row.plan:
                plan = _plan_ref(one.row.plan, one.row.period)
                offer = parsed.plans[one.row.plan, one.row.period]
                price = offer.price_minor if one.price_minor is None else one.price_minor
                gross = offer.gross_minor(price, one.row.quantity or 1)
                if customer.first.row.status is not CustomerStatus.CONNECTED:
                    gross = 0  # off, and not billed until he is connected
                services[plan] += 1
                minor[plan] += gross
                vat[plan] += prices.vat_of(gross, offer.vat_hundredths)
    return {
        "customers": dict(statuses),
        "money": {
            "customers": sum(1 for one in balances if one),
            "minor": sum(balances),
            "debt": sum(one for one in balances if one < 0),
        },
        "plans": {
            plan: {"services": services[plan], "minor": minor[plan], "vat": vat[plan]}
            for plan in sorted(services)
        },
    }
