"""Writes the demo's work: tickets with their talk, notes, files made here, and history."""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from billing import articles
from billing.articles import Standing
from billing.ledger import Author
from billing.models import ArticleUnit, VatRate
from core import money
from desk import order_lines
from desk.models import Ticket, TicketComment, TicketKind, TicketStatus, Visit
from linecard.demo.records import ACTOR, World
from registry.models import AuditEvent, Customer, Note, StoredFile

# Kind, subject, content, priority, and what was said on it.
_TICKETS: tuple[tuple[TicketKind, str, str, int, tuple[str, ...]], ...] = (
    (
        TicketKind.FAULT,
        "No internet since the morning",
        "All lights on the router are green. Restarted twice.",
        2,
        ("Link is up, MAC is learned on the port. Looks like the router's own settings.",),
    ),
    (
        TicketKind.FAULT,
        "Slow in the evenings",
        "Speed test shows a tenth of the plan after eight.",
        3,
        ("Errors grow on the port: the cable is suspect.", "Customer can be visited after 17:00."),
    ),
    (TicketKind.REQUEST, "Wants a faster plan", "Asked what the upgrade costs and when it starts.", 4, ()),
    (
        TicketKind.FAULT,
        "Video calls freeze",
        "Long packets get lost, short ones do not.",
        2,
        ("Ping 56 is clean, 1400 loses everything: MTU on the way.",),
    ),
    (TicketKind.REQUEST, "New router", "The old one has no 5 GHz.", 4, ("Agreed on a visit.",)),
    (TicketKind.REQUEST, "Wants an invoice for last year", "For the tax office.", 4, ()),
)
_TASKS = (
    ("Replace the drop cable", "From the box to the flat, about 30 m of copper."),
    ("Move the line to port on file", "The MAC shows up one port further than the card says."),
    ("Swap the ONU", "Optical power is at the edge."),
    ("Fetch the router of a former customer", "Call before you go."),
    ("Climb to the radio and align it", "Loss grows with wind."),
    ("Label the patch panel", "Ports 9 to 16 have no labels."),
    ("Connect the new customer", "Cable is in the flat, the port is free."),
)
_NOTES = (
    "Prefers to be called after 18:00.",
    "The riser is behind the grey door, key at the neighbour's in flat 3.",
    "Own router, set up by a friend: ask before any reset.",
    "Second line agreed for the shop on the ground floor.",
    "Speaks Polish and Ukrainian.",
)
_URGENT = (
    "Medical equipment depends on this line: call before any work.",
    "The dog bites. Wait for the owner at the gate.",
    "Water leaks near the box: switch the power off first.",
    "Do not reveal anything by phone: a former partner asks for the address.",
    "Port is shared with the neighbour: closing it cuts both.",
)


def write(session: Session, world: World) -> None:
    """Add tickets, notes, files and history."""
    customers = [world.customers[planned.number] for planned in world.isp.customers]
    for place, customer in enumerate(customers):
        if place % 5 == 2:
            _add_ticket(session, world, customer, place)
        if place % 27 == 14:
            _add_task(session, world, customer, place)
    _add_visits(session, world)
    session.add_all(_notes(world, customers))
    session.add_all(_files(world, customers))
    session.flush()
    session.execute(insert(AuditEvent), sorted(_history(world, customers), key=lambda row: row["at"]))


def _add_ticket(session: Session, world: World, customer: Customer, place: int) -> None:
    kind, subject, content, priority, said = _TICKETS[place // 5 % len(_TICKETS)]
    is_open = place % 15 == 2
    age_days = place % 6 + 0.3 if is_open else 12.0 + place
    ticket = Ticket(
        customer_id=customer.id,
        kind=kind,
        subject=subject,
        content=content,
        priority=priority,
        status=TicketStatus.OPEN if is_open else TicketStatus.CLOSED,
        assignee_id=world.staff["tech"].id if place % 2 else None,
        author_id=world.staff["noc"].id,
        author=world.staff["noc"].name,
        created_at=world.ago(age_days),
        closed_at=None if is_open else world.ago(age_days - 2),
        closed_by=None if is_open else world.staff["tech"].name,
    )
    session.add(ticket)
    session.flush()
    for number, words in enumerate(said, start=1):
        who = world.staff["noc" if number % 2 else "tech"]
        at = ticket.created_at + timedelta(hours=2 * number)
        session.add(
            TicketComment(
                ticket_id=ticket.id, content=words, author_id=who.id, author=who.name, created_at=at
            )
        )


def _add_task(session: Session, world: World, customer: Customer, place: int) -> None:
    subject, content = _TASKS[place // 27 % len(_TASKS)]
    session.add(
        Ticket(
            customer_id=customer.id,
            kind=TicketKind.TASK,
            subject=subject,
            content=content,
            priority=2 if place % 2 else 3,
            status=TicketStatus.WAITING if place % 3 == 0 else TicketStatus.OPEN,
            assignee_id=world.staff["tech"].id,
            author_id=world.staff["noc"].id,
            author=world.staff["noc"].name,
            created_at=world.ago(place % 9 + 0.6),
        )
    )


# Whom the technician visits: access, trouble, the how-manieth from the end, the quarter of the day, the task.
_VISITS = (
    ("pon", "slow", 3, 9 * 4, "Swap the ONU", "Optical power is at the edge. The box is above the door."),
    (
        "ethernet",
        "",
        1,
        10 * 4 + 2,
        "Replace the drop cable",
        "From the box to the flat, about 30 m of copper.",
    ),
    ("ethernet", "slow", 1, 13 * 4, "Slow in the evenings", "Measure at the socket; at home from 13:00."),
    (
        "radio",
        "loss",
        1,
        15 * 4,
        "Climb to the radio and align it",
        "Loss grows with wind. Take the harness.",
    ),
)


# What work is billed by: name, counted in, price in whole units, what of it every order holds.
_ARTICLES = (
    ("Travel", ArticleUnit.PIECE, 15, Standing(100, is_on_service=True)),
    ("Technician's work", ArticleUnit.HOUR, 28, Standing(0)),
    ("Socket", ArticleUnit.PIECE, 4, None),
    ("Router", ArticleUnit.PIECE, 59, None),
)


def _add_visits(session: Session, world: World) -> None:
    """Plan the technician's visits of today, in the ISP's own hours."""
    zone = ZoneInfo(world.settings.isp.time_zone)
    midnight = datetime.combine(world.now.astimezone(zone).date(), time(), zone)
    tech, noc = world.staff["tech"], world.staff["noc"]
    sound = [
        one
        for one in world.isp.connected
        if one.is_alive
        and (one.filed_mac, one.filed_if_index) == (one.mac, one.if_index)
        and world.habits[one.number].is_usual
    ]
    held = _articles(session, world)
    for access, trouble, place, quarter, subject, content in _VISITS:
        planned = [one for one in sound if (one.access, one.trouble) == (access, trouble)][-place]
        customer = world.customers[planned.number]
        for article_id, standing in held:
            articles.give(session, customer.account_id, Author(ACTOR.name), article_id, standing)
        ticket = Ticket(
            customer_id=customer.id,
            kind=TicketKind.ORDER,
            subject=subject,
            content=content,
            priority=2,
            assignee_id=tech.id,
            author_id=noc.id,
            author=noc.name,
            created_at=world.ago(1.4),
        )
        session.add(ticket)
        session.flush()
        order_lines.copy(session, ACTOR, ticket)
        starts_at = midnight + timedelta(minutes=15 * quarter)
        session.add(
            Visit(
                ticket_id=ticket.id,
                staff_id=tech.id,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=1),
                planned_by=noc.name,
            )
        )


def _articles(session: Session, world: World) -> list[tuple[int, Standing]]:
    """Add the price list of work; return what work orders of those who are visited hold from the start."""
    currency = world.settings.isp.currency
    rate_id = session.scalar(select(VatRate.id).where(VatRate.name == "Standard"))
    held = []
    for name, unit, price, standing in _ARTICLES:
        goods = articles.Goods(name, unit, price * 10 ** money.exponent(currency), vat_rate_id=rate_id)
        made = articles.create(session, goods, currency=currency)
        if standing is not None:
            held.append((made.id, standing))
    return held


def _notes(world: World, customers: list[Customer]) -> Iterator[Note]:
    for place, customer in enumerate(customers):
        if place % 7 == 3:
            yield _note(world, customer, _NOTES[place // 7 % len(_NOTES)], place, is_urgent=False)
        if place % 38 == 5:
            yield _note(world, customer, _URGENT[place // 38 % len(_URGENT)], place, is_urgent=True)


def _note(world: World, customer: Customer, words: str, place: int, *, is_urgent: bool) -> Note:
    who = world.staff["tech" if place % 2 else "noc"]
    return Note(
        customer_id=customer.id,
        content=words,
        is_urgent=is_urgent,
        author_id=who.id,
        author=who.name,
        created_at=world.ago(3 + place % 200),
    )


def _files(world: World, customers: list[Customer]) -> Iterator[StoredFile]:
    for place, customer in enumerate(customers):
        if place % 16 == 4:
            words = (
                f"Agreement {customer.number}\n\n{customer.name}\n\n"
                "This is a demonstration. The provider provides, the subscriber subscribes.\n"
            )
            name = f"agreement-{customer.number}.txt"
            yield _file(world, customer, name, "text/plain", words.encode())
        if place % 32 == 20:
            yield _file(world, customer, "box-on-the-wall.png", "image/png", picture(place))


def _file(world: World, customer: Customer, name: str, media_type: str, content: bytes) -> StoredFile:
    return StoredFile(
        customer_id=customer.id,
        name=name,
        media_type=media_type,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        author=world.staff["tech"].name,
        created_at=world.ago(30 + int(customer.number) % 300),
    )


def picture(seed: int, width: int = 240, height: int = 180) -> bytes:
    """Return a PNG (RFC 2083) of a box on a wall with a row of fibres, another for every seed."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            is_box = 60 < x < 180 and 40 < y < 140
            is_fibre = is_box and y > 90 and (x + seed) % 15 < 3
            if is_fibre:
                rows += bytes((240, 180, 40))
            elif is_box:
                rows += bytes((70, 80 + y // 3, 95 + y // 3))
            else:
                rows += bytes((205 - (y + seed) % 13, 195, 180))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(bytes(rows), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack("!I", len(content)) + kind + content + struct.pack("!I", zlib.crc32(kind + content))


def _history(world: World, customers: list[Customer]) -> Iterator[dict[str, Any]]:
    """Yield the lines of history: everybody's beginning, and what happened to some since."""
    for place, customer in enumerate(customers):
        number = {"number": [None, customer.number]}
        yield _line(world, customer, "customer.created", customer.created_at, changes=number)
        if place % 6 == 0:
            street = {"building": ["1", str(world.isp.customers[place].building)]}
            yield _line(
                world, customer, "address.changed", world.ago(40 + place), login="noc", changes=street
            )
        mac = world.isp.customers[place].filed_mac
        if mac and place % 4 == 1:
            change = {"mac": [None, mac]}
            yield _line(
                world, customer, "ip_address.mac_stored", world.ago(place + 2), login="tech", changes=change
            )
        if world.habits[customer.number].is_cut:
            yield _line(world, customer, "suspension.placed", world.ago(4), note="debt")


def _line(
    world: World,
    customer: Customer,
    action: str,
    at: datetime,
    *,
    login: str = "",
    changes: dict[str, Any] | None = None,
    note: str = "",
) -> dict[str, Any]:
    who = world.staff.get(login)
    return {
        "at": at,
        "staff_id": who.id if who else None,
        "staff_name": who.name if who else ACTOR.name,
        "action": action,
        "customer_id": customer.id,
        "object_kind": "customer",
        "object_id": customer.id,
        "changes": changes or {},
        "note": note,
    }
