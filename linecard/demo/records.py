"""Writes the demo's customers: names, labels, contacts, addresses with and without a point on the map."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from billing.models import Account, Subscription
from core import clock
from core.settings import Settings
from linecard.demo import habits, people, plan
from linecard.demo.habits import Habit
from registry import audit, geocoding, names, staff
from registry.models import (
    Address,
    AddressKind,
    Contact,
    Customer,
    CustomerKind,
    CustomerStatus,
    Device,
    GeoSource,
    Group,
    Line,
    Mark,
    Pop,
    StaffUser,
)

ACTOR = audit.Actor(None, "demo")
# Login, password, name, role: printed by `linecard up`, good for nothing but the demo.
STAFF = (
    ("noc", "demo-noc", "Nadia Nocna", "noc"),
    ("billing", "demo-billing", "Bohdan Kasa", "billing"),
    ("tech", "demo-tech", "Teodor Wrench", "technician"),
    ("admin", "demo-admin", "Ada Root", "administrator"),
)
_MARKS = (
    ("VIP", "#b8860b"),
    ("Medical", "#c0392b"),
    ("Dog in the yard", "#7d5a3c"),
    ("Key at the neighbour's", "#2e86ab"),
    ("Pays late", "#8e44ad"),
)
_GROUPS = (
    ("town-core", "The old town"),
    ("town-north", "Nowy Bród"),
    ("town-harbour", "Sandhaven"),
    ("business", "Companies with a service agreement"),
    ("radio", "Reached by radio"),
)
_ALERTS = {
    4: "Planned work on this house's riser on Thursday, 10:00 to 13:00",
    37: "Do not promise a visit before the roof is repaired",
    120: "Contract changes hands this month: ask who is calling",
}
COUNTRY, REGION = "UA", "Demo"


@dataclass
class World:
    """What the seeder has written so far, by the plan's keys, for those who write the next part."""

    settings: Settings
    isp: plan.Plan
    now: datetime
    chance: random.Random
    habits: Mapping[str, Habit]
    staff: dict[str, StaffUser] = field(default_factory=dict)
    pops: dict[str, Pop] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    subscriptions: list[Subscription] = field(default_factory=list)

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the map: the town lies around it."""
        return self.settings.map.latitude, self.settings.map.longitude

    def ago(self, days: float) -> datetime:
        """Return the time so many days before now."""
        return self.now - timedelta(days=days)


def begin(settings: Settings) -> World:
    """Return an empty world of today."""
    chance = random.Random(plan.SEED + 1)  # noqa: S311 - the same story every time, no secret
    isp = plan.build()
    return World(settings, isp, clock.now(), chance, habits.assign(isp))


def write_staff(session: Session, world: World) -> None:
    """Add the people who work at the demo ISP."""
    for login, password, name, role in STAFF:
        world.staff[login] = staff.create(
            session, ACTOR, login=login, name=name, password=password, roles=[role]
        )


def write_customers(session: Session, world: World) -> None:
    """Add every customer with his account, labels, contacts and addresses."""
    marks = {name: Mark(name=name, colour=colour) for name, colour in _MARKS}
    groups = {name: Group(name=name, description=text) for name, text in _GROUPS}
    accounts = [Account(currency=world.settings.isp.currency) for _ in world.isp.customers]
    session.add_all([*marks.values(), *groups.values(), *accounts])
    session.flush()
    for place, (planned, account) in enumerate(zip(world.isp.customers, accounts, strict=True)):
        row = _customer(planned, account.id, place, world)
        row.groups = _groups(planned, groups)
        row.marks = _marks(planned, place, marks)
        world.customers[planned.number] = row
    session.add_all(world.customers.values())
    session.flush()
    for place, planned in enumerate(world.isp.customers):
        customer_id = world.customers[planned.number].id
        session.add_all(_contacts(planned, customer_id, place))
        session.add_all(_addresses(planned, customer_id, place, world))
    session.flush()


def _customer(planned: plan.Customer, account_id: int, place: int, world: World) -> Customer:
    party = planned.party
    parts = [party.company_name] if party.company_name else [party.last_name, party.first_name]
    return Customer(
        number=planned.number,
        kind=CustomerKind.COMPANY if party.company_name else CustomerKind.PERSON,
        first_name=party.first_name,
        last_name=party.last_name,
        company_name=party.company_name,
        dba=party.dba,
        sort_name=names.sort_key(*parts),
        status=status_of(world.isp, planned),
        account_id=account_id,
        alert=_ALERTS.get(place, ""),
        created_at=world.ago(1500 - 6 * place if planned.access else 420 - place),
    )


def status_of(isp: plan.Plan, planned: plan.Customer) -> CustomerStatus:
    """Return where the customer stands: half of those without a line are former ones."""
    if planned.access:
        return CustomerStatus.CONNECTED
    turn = [each.number for each in isp.customers if not each.access].index(planned.number)
    if turn % 2 == 0:
        return CustomerStatus.FORMER
    return CustomerStatus.WAITING if turn % 4 == 1 else CustomerStatus.PROSPECT


def _groups(planned: plan.Customer, groups: Mapping[str, Group]) -> list[Group]:
    found = [groups[f"town-{planned.district.pop}"]]
    if planned.party.company_name:
        found.append(groups["business"])
    if planned.access == "radio":
        found.append(groups["radio"])
    return found


def _marks(planned: plan.Customer, place: int, marks: Mapping[str, Mark]) -> list[Mark]:
    found = []
    if place % 23 == 3:
        found.append(marks["VIP"])
    if "лікарня" in planned.party.company_name or "Apteka" in planned.party.company_name:
        found.append(marks["Medical"])
    if not planned.street.is_flats and place % 6 == 1:
        found.append(marks["Dog in the yard"])
    if place % 31 == 9:
        found.append(marks["Key at the neighbour's"])
    return found


def _contacts(planned: plan.Customer, customer_id: int, place: int) -> list[Contact]:
    party = planned.party
    found = [
        Contact(
            customer_id=customer_id,
            name=f"{party.first_name} {party.last_name}",
            title="Representative" if party.company_name else "",
            phone=people.phone(2 * place),
            email=people.mailbox(party, planned.number) if place % 5 else "",
            is_primary=True,
        )
    ]
    if party.company_name:
        found.append(
            Contact(
                customer_id=customer_id,
                name="Accounts department",
                phone=people.phone(2 * place + 1),
                email=f"office{planned.number}@example.org",
            )
        )
    return found


def _addresses(planned: plan.Customer, customer_id: int, place: int, world: World) -> list[Address]:
    visiting = Address(
        customer_id=customer_id,
        kind=AddressKind.VISITING,
        street=planned.street.name,
        building=str(planned.building),
        entrance=planned.entrance,
        floor=planned.floor,
        unit=planned.unit,
        city=planned.district.city,
        region=REGION,
        postcode=planned.district.postcode,
        country=COUNTRY,
    )
    _set_point(visiting, planned, place, world)
    if not planned.party.company_name:
        return [visiting]
    invoice = Address(
        customer_id=customer_id,
        kind=AddressKind.INVOICE,
        street="P.O. Box",
        building=str(100 + place),
        city=planned.district.city,
        region=REGION,
        postcode=planned.district.postcode,
        country=COUNTRY,
    )
    return [visiting, invoice]


def _set_point(address: Address, planned: plan.Customer, place: int, world: World) -> None:
    """Give most addresses a point, some set by hand; leave one in fifteen to the geocoder."""
    if place % 15 == 11:
        if place % 30 == 11:
            address.geo_failure = "Nothing was found for this address"
            address.geo_tried_at = world.ago(9)
        return
    address.latitude, address.longitude = planned.spot.degrees(world.middle)
    is_by_hand = place % 12 == 5
    address.geo_source = GeoSource.HAND if is_by_hand else GeoSource.IMPORT
    address.geo_accuracy = geocoding.HAND_ACCURACY if is_by_hand else "house"
    address.geo_at = world.ago(20 + place)
