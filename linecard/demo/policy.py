"""The demo's rules of debt: as the settings say, but for a question that nobody could answer there."""

from dataclasses import replace

from sqlalchemy.orm import Session

from billing import policies
from billing.ledger import Author
from linecard.demo.records import World

WHY = "The demo's payments stop on the day it is written, so the brake does not ask why none come in."


def write(session: Session, world: World) -> None:
    """Put the demo's policy in force."""
    clerk = world.staff["admin"]
    given = policies.in_force(session, world.settings)
    wanted = replace(given, brake_import_hours=0)
    policies.save(session, Author(clerk.name, clerk.id), wanted, over=given, why=WHY)
