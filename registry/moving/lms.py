"""Moving in from an LMS database: what it holds is staged, loaded, and compared to the minor unit."""

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from billing.models import PeriodKind
from core import errors
from core.words import N_
from registry import contacts, macs, names
from registry.models import CustomerKind, CustomerStatus
from registry.moving import lms_logins, lms_sql, lms_terms, stage
from registry.moving.lms_source import Lms

_PHONE, _EMAIL, _DISABLED = 5, 8, 16384
# Of several addresses of a kind the first counts; a place of service comes before where bills go.
_ADDRESSES = {3: "visiting", 2: "visiting", 1: "invoice", 0: "mail"}
_PERSON = 0
# What is read one after the other: the network, the customers, what they have, their money.
_PARTS = 4
_NAMED = 20


@dataclass(slots=True)
class Reading:
    """How the database is read, what was noticed, and the tariffs the services need."""

    currency: str
    region: str
    percent: int
    title: str
    off: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    tariffs: dict[int, tuple[Any, ...]] = field(default_factory=dict)

    def note(self, words: str, found: list[Any]) -> None:
        """Keep a remark about some of what was found, with the first of them."""
        if found:
            shown = ", ".join(str(one) for one in found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
            self.notes.append(
                N_("%(words)s (%(count)s): %(shown)s", words=words, count=len(found), shown=shown)
            )


def fill(
    session: Session,
    lms: Lms,
    reading: Reading,
    *,
    with_history: bool,
    tell: Callable[[int, int], None] = lambda *_: None,
) -> None:
    """Stage everything; nodes come before customers, for whose services stand off by them.

    `tell` is called before each of the parts with its place.
    """
    stage.make(session)
    tell(0, _PARTS)
    stage.fill(session, "moving_networks", _networks(lms, reading))
    stage.fill(session, "moving_nodes", _nodes(lms, reading))
    tell(1, _PARTS)
    spoken, unread = _contacts(lms, reading)
    stage.fill(session, "moving_customers", _customers(lms, reading, unread))
    _left_out(lms, reading)
    stage.fill(session, "moving_contacts", spoken)
    stage.fill(session, "moving_addresses", _addresses(lms))
    tell(2, _PARTS)
    reading.tariffs = {row[0]: row for row in lms.rows(lms_sql.TARIFFS)}
    services = list(_assigned(lms, reading))
    stage.fill(session, "moving_plans", _plans(lms, reading, services))
    stage.fill(session, "moving_services", (row for kind, row in services if kind == "service"))
    stage.fill(session, "moving_liabilities", (row for kind, row in services if kind == "liability"))
    placed = [row for kind, row in services if kind == "service"]
    stage.fill(session, "moving_logins", lms_logins.rows(session, lms, reading, placed))
    tell(3, _PARTS)
    lms.pour(lms_sql.BALANCES, session, "moving_balances")
    if with_history:
        lms.pour(lms_sql.HISTORY, session, "moving_money")
    else:
        stage.fill(session, "moving_money", _opening(session, lms, reading))


def _customers(lms: Lms, reading: Reading, unread: dict[int, list[str]]) -> Iterator[tuple[Any, ...]]:
    for row in lms.rows(lms_sql.CUSTOMERS):
        key, extid, last, first, status, kind, deleted, tax, notes, info, message, created, paytime = row
        ours = lms_terms.status_of(status, is_deleted=bool(deleted))
        is_company = kind != _PERSON
        company = f"{last} {first}".strip()[:200] if is_company else ""
        last, first = ("", "") if is_company else (last[:120] or f"LMS {key}", first[:120])
        told = [part for part in (notes, info, *unread.get(key, ())) if part and part.strip()]
        if extid:
            told.append(f"extid: {extid}")
        off = "Debt collection in LMS" if status == lms_terms.DEBT_COLLECTION else ""
        off = off or ("All his addresses were off in LMS" if key in reading.off else "")
        yield (
            *(
                key,
                str(key),
                (CustomerKind.COMPANY if is_company else CustomerKind.PERSON).value,
                last,
                first,
            ),
            *(
                company or ("" if not is_company else f"LMS {key}"),
                names.sort_key(company or last, first)[:400],
            ),
            *(ours.value, "\n".join(told), message or "", off if ours is CustomerStatus.CONNECTED else ""),
            *(paytime if 0 <= paytime <= 365 else None,),
            *(datetime.fromtimestamp(created, UTC) if created else None, (tax or "")[:40]),
        )


def _left_out(lms: Lms, reading: Reading) -> None:
    """Note who is not moved, and what of the moved ones a person has to do."""
    contractors = [row[0] for row in lms.rows(lms_sql.CONTRACTORS)]
    reading.note(N_("Contractors without money or services are left out"), contractors)
    later = [row[0] for row in lms.rows(lms_sql.LATER_SUSPENSIONS)]
    reading.note(N_("Suspensions that begin later are left out; plan them for customers"), later)
    if lms.has("suspensions") and lms.has("assignmentsuspensions"):
        other = [row[0] for row in lms.rows(lms_sql.OTHER_SUSPENSIONS)]
        reading.note(N_("Suspensions of the newer kind are left out; suspend services of customers"), other)


def _contacts(lms: Lms, reading: Reading) -> tuple[list[tuple[Any, ...]], dict[int, list[str]]]:
    """Return the contacts, and by customer what could not be read as phone or e-mail, for his note."""
    made: list[tuple[Any, ...]] = []
    unread: dict[int, list[str]] = defaultdict(list)
    seen: set[int] = set()
    for key, name, told, kind in lms.rows(lms_sql.CONTACTS):
        phone = email = ""
        if kind & _DISABLED:
            continue
        if kind & _EMAIL and "@" in told:
            email = told.strip()[:254]
        elif kind & _PHONE:
            try:
                phone = contacts.normal_phone(told, reading.region)
            except errors.Invalid:
                unread[key].append(told)
        if phone or email:
            made.append((key, (name or told)[:160], phone, email, key not in seen))
            seen.add(key)
    reading.note(N_("Phones that cannot be read stand in the customers' notes"), sorted(unread))
    return made, unread


def _addresses(lms: Lms) -> Iterator[tuple[Any, ...]]:
    found: dict[tuple[int, str], tuple[int, tuple[Any, ...]]] = {}
    for key, kind, street, house, flat, city, state, postcode, country in lms.rows(lms_sql.ADDRESSES):
        town = (city or "").strip()[:120]
        road = (street or "").strip()[:160] or town
        if not town or key is None or (kind is not None and kind not in _ADDRESSES):
            continue  # of another party: who a document goes to
        parts = (
            road,
            (house or "")[:32],
            (flat or "")[:16],
            town,
            (state or "")[:120],
            (postcode or "")[:16],
        )
        row = (*parts, (country or "")[-2:].upper())
        ours = _ADDRESSES.get(kind, "visiting")
        for name, rank in ((ours, -(kind or 0)), *((("visiting", 1),) if ours != "visiting" else ())):
            known = found.get((key, name))
            if known is None or rank < known[0]:
                found[key, name] = (rank, row)
    for (key, name), (_, row) in found.items():
        yield key, name, *row, names.sort_key(row[3], row[0], row[1], row[2])[:400]


def _networks(lms: Lms, reading: Reading) -> Iterator[tuple[Any, ...]]:
    """Networks that do not overlap: the wider one counts, as the database would refuse the other."""
    found, left = [], []
    kept: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for key, name, address, mask, vlan in lms.rows(lms_sql.NETWORKS):
        try:
            found.append((ipaddress.ip_network(f"{address}/{mask}", strict=False), key, name, vlan))
        except ValueError:
            left.append(name)
    for network, key, name, vlan in sorted(found, key=lambda one: (one[0].prefixlen, one[1])):
        if any(network.overlaps(other) for other in kept):
            left.append(name)
            continue
        kept.append(network)
        yield key, (name or str(network))[:120], str(network), vlan if vlan and 1 <= vlan <= 4094 else None
    reading.note(N_("Networks inside others, or without a mask, are left out"), left)


def _nodes(lms: Lms, reading: Reading) -> Iterator[tuple[Any, ...]]:
    access: dict[int, bool] = {}
    for key, owner, name, address, public, public_address, is_on, mac in lms.rows(lms_sql.NODES):
        access[owner] = access.get(owner, False) or bool(is_on)
        if address != "0.0.0.0":  # noqa: S104 - LMS's word for none
            yield key, owner, address, macs.parse(mac or ""), name or ""
        if public:
            yield f"{key}/public", owner, public_address, None, name or ""
    reading.off = {owner for owner, is_on in access.items() if not is_on}


def _assigned(lms: Lms, reading: Reading) -> Iterator[tuple[str, tuple[Any, ...]]]:
    negative, foreign = [], []
    for row in lms.rows(lms_sql.ASSIGNMENTS):
        one = _Assignment(*row)
        tariff = reading.tariffs.get(one.tariff_id) if one.tariff_id else None
        value, currency = (tariff[2], tariff[10]) if tariff else (one.liability_value, one.liability_currency)
        if currency and currency != reading.currency:
            foreign.append(one.customer_id)
        elif value < 0:
            negative.append(one.customer_id)
        elif tariff is not None and one.period in lms_terms.PERIODS:
            yield "service", _service(lms, reading, one, tariff)
        else:
            yield from _liability(lms, one, tariff)
    if foreign:
        raise errors.Conflict(
            N_(
                "Services priced in another currency, of customers %(ids)s",
                ids=", ".join(map(str, foreign[:_NAMED])),
            )
        )
    reading.note(N_("Services of a price below zero are left out, of customers"), negative)


@dataclass(frozen=True, slots=True)
class _Assignment:
    """An assignment as LMS keeps it."""

    key: int
    customer_id: int
    tariff_id: int | None
    liability_id: int | None
    liability_name: str | None
    liability_value: Decimal
    liability_tax: Decimal | None
    liability_is_net: bool
    period: int
    at: int
    datefrom: int
    dateto: int
    settlement: int
    percent: Decimal
    amount: Decimal
    count: Decimal
    backward: int
    suspended: int
    all_suspended: bool
    suspended_to: int
    liability_currency: str | None
    variant_net: Decimal | None
    variant_gross: Decimal | None


def _terms(one: _Assignment) -> dict[str, Decimal]:
    return {"percent": one.percent, "amount": one.amount, "count": Decimal(one.count)}


def _service(lms: Lms, reading: Reading, one: _Assignment, tariff: tuple[Any, ...]) -> tuple[Any, ...]:
    cycle = lms_terms.cycle_of(one.period, one.at)
    begins_on = lms_terms.day_of(one.datefrom, lms.zone) or date.min
    ends_on = lms_terms.day_of(one.dateto, lms.zone)
    since = lms_terms.billed_from(
        cycle, begins_on, lms.opening_on, is_postpaid=bool(one.backward), is_settled=bool(one.settlement)
    )
    starts_on = min(since, lms.opening_on) if begins_on == date.min else begins_on
    variant = one.variant_net if tariff[11] else one.variant_gross
    plan_minor = _plan_minor(lms, tariff, one.period)
    asked = lms_terms.charge(tariff[2] if variant is None else variant, tariff[3], one.period, **_terms(one))
    price = lms_terms.price_of(
        plan_minor,
        max(0, int(asked * lms.scale)),
        one.percent,
        int(one.amount * lms.scale),
        Decimal(one.count),
    )
    until = lms_terms.day_of(one.suspended_to, lms.zone) if one.all_suspended and not one.suspended else None
    return (
        *(
            one.key,
            one.customer_id,
            f"{one.tariff_id}/{one.period}",
            price.unit_minor,
            price.quantity,
            starts_on,
        ),
        *(ends_on if ends_on is None or ends_on >= starts_on else starts_on, since, cycle.bill_day),
        *(cycle.bill_month, bool(one.backward), price.off_hundredths, price.off_minor),
        *(bool(one.suspended or one.all_suspended), reading.percent, until),
    )


def _liability(
    lms: Lms, one: _Assignment, tariff: tuple[Any, ...] | None
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What is no plan: something once that LMS has not asked for yet, or by the period."""
    value, tax = (tariff[2], tariff[4]) if tariff else (one.liability_value, one.liability_tax)
    words = (tariff[1] if tariff else one.liability_name) or "LMS"
    ends_on = lms_terms.day_of(one.dateto, lms.zone)
    if one.period == lms_terms.ONCE:
        if one.at < lms.opening:
            return  # asked for already: it stands in the balance
        kind, day, month = PeriodKind.ONCE, 1, 1
        since, ends_on = lms_terms.day_of(one.at, lms.zone) or lms.opening_on, None
    elif one.period in lms_terms.PERIODS:
        cycle = lms_terms.cycle_of(one.period, one.at)
        kind, day, month = cycle.kind, cycle.bill_day, cycle.bill_month
        starts_on = lms_terms.day_of(one.datefrom, lms.zone) or date.min
        since = lms_terms.billed_from(
            cycle, starts_on, lms.opening_on, is_postpaid=bool(one.backward), is_settled=bool(one.settlement)
        )
    else:
        return
    asked = lms_terms.charge(value, None, one.period, **_terms(one))
    is_net = tariff[11] if tariff else one.liability_is_net
    minor = int(lms_terms.gross(asked, tax, is_net=is_net) * lms.scale)
    if minor > 0 and (ends_on is None or ends_on >= since):
        hundredths = None if tax is None else int(tax * 100)
        row = (one.key, one.customer_id, words[:200], minor, hundredths, kind.value, since, ends_on)
        yield "liability", (*row, day, month, bool(one.backward))


def _plans(
    lms: Lms, reading: Reading, services: list[tuple[str, tuple[Any, ...]]]
) -> Iterator[tuple[Any, ...]]:
    """A plan for every tariff and each further period it is billed by; those nobody has, too."""
    used = {row[2] for kind, row in services if kind == "service"}
    for key, row in reading.tariffs.items():
        own = row[3] if row[3] in lms_terms.PERIODS else 3
        wanted = {int(ref.partition("/")[2]) for ref in used if ref.partition("/")[0] == str(key)} | {own}
        for period in sorted(wanted):
            if row[2] < 0 or (row[10] and row[10] != reading.currency):
                continue
            kind = lms_terms.PERIODS[period]
            name = row[1][:120] if period == own else f"{row[1][:100]} ({kind.value})"
            minor = _plan_minor(lms, row, period)
            speeds = (row[5] or row[6] or None, row[7] or row[8] or None)
            tax = None if row[4] is None else int(row[4] * 100)
            told = (minor, row[11], kind.value, tax, *speeds, not row[9])
            yield f"{key}/{period}", name or f"LMS {key}", *told


def _plan_minor(lms: Lms, tariff: tuple[Any, ...], period: int) -> int:
    """Return the price of one for a period, net where the tariff's is."""
    nothing, one = Decimal(0), Decimal(1)
    asked = lms_terms.charge(tariff[2], tariff[3], period, percent=nothing, amount=nothing, count=one)
    return int(asked * lms.scale)


def _opening(session: Session, lms: Lms, reading: Reading) -> list[tuple[Any, ...]]:
    rows = stage.raw(session).execute("SELECT customer_ref, minor FROM moving_balances WHERE minor <> 0")
    words = N_("Opening balance, %(title)s", title=reading.title)
    return [
        (
            f"opening:{ref}",
            ref,
            0,
            lms.opening_on,
            "adjustment",
            minor,
            0,
            "none",
            reading.title[:200],
            words,
            "",
        )
        for ref, minor in rows.fetchall()
    ]
