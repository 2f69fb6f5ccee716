"""The demo ISP: 200 planned customers, written into an empty database and answered for by agents.

seed_if_empty(settings, database)    writes it, once; `sign_ins()` says who may come in
linecard.demo.agents                 answers SNMP and, in linecard.demo.pocket, ICMP for its devices
"""

from typing import TYPE_CHECKING

# Late imports: the supervisor imports linecard.demo.pocket at every start and needs no model for it.
if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from core import db
    from core.settings import Settings

SEEDED = "demo.seeded"


def sign_ins() -> list[tuple[str, str, str]]:
    """Return login, password and role of everybody who may sign in at the demo ISP."""
    from linecard.demo import records

    return [(login, password, role) for login, password, _, role in records.STAFF]


def is_demo(session: "Session") -> bool:
    """Tell whether this database was filled with the demo ISP."""
    from sqlalchemy import exists, select

    from registry.models import AuditEvent

    return bool(session.scalar(select(exists().where(AuditEvent.action == SEEDED))))


def is_empty(session: "Session") -> bool:
    """Tell whether nobody has begun to work in this database: no customer, no POP, nobody to sign in."""
    from sqlalchemy import exists, select

    from registry.models import Customer, Pop, StaffUser

    used = (exists(select(model.id)) for model in (Customer, Pop, StaffUser))
    return not any(session.scalar(select(found)) for found in used)


def seed_if_empty(settings: "Settings", database: "db.Database") -> bool:
    """Write the demo ISP into an empty database, all of it or nothing; return whether that was done.

    Everything is dated back from today. Raises Conflict when somebody else is seeding.
    """
    from core import db, errors, secrets
    from linecard.demo import garden, money, network, papers, policy, records, watched, work
    from registry import audit

    with database.transaction() as session:
        if not db.try_advisory_lock(session, SEEDED):
            raise errors.Conflict("The demo ISP is being written by another process")
        if not is_empty(session):
            return False
        cipher = secrets.Ring([key.get_secret_value() for key in settings.secrets.keys])
        world = records.begin(settings)
        records.write_staff(session, world)
        network.write_places(session, world)
        records.write_customers(session, world)
        network.write_devices(session, world, cipher)
        subscriptions = money.write_subscriptions(session, world)
        network.write_lines(session, world, subscriptions)
        network.write_cables(session, world)
        policy.write(session, world)
        purses = money.write_year(session, world)
        papers.write(session, world)
        money.write_consequences(session, world, purses)
        work.write(session, world)
        garden.write(session, world)
        watched.write(session, world)
        audit.record(session, records.ACTOR, SEEDED, note="The demo ISP")
    return True
