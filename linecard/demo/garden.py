"""Writes what the demo's customers find on their page: notices, a warning, a contract and its template."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.models import AccessState, Subscription, SuspensionLock
from core import clock
from desk import contract_templates, contracts, notices, warning
from linecard.demo.records import ACTOR, World
from registry.models import Customer

_KEPT_FOR = 20
_IN_UKRAINIAN = {
    "title": "Роботи в ніч на п’ятницю",
    "content": "З 1:00 до 4:00 переносимо волокно на вашій вулиці.\nІнтернету може не бути кілька хвилин.",
}
_TEMPLATE = """Between {isp} and {name}, customer {number}, {address}.

1. We provide the service {plan} from {date} on.
2. Its price is {price} a month, due by the 14th.
3. Either side may end this contract by letter, a month ahead."""


def write(session: Session, world: World) -> None:
    """Give the walled customers a notice and one of them a contract; keep another notice that is off."""
    today = clock.today(world.settings.isp.time_zone, at=world.now)
    walled = (
        select(Customer.id)
        .join(Subscription, Subscription.account_id == Customer.account_id)
        .join(SuspensionLock, SuspensionLock.subscription_id == Subscription.id)
        .where(SuspensionLock.effect == AccessState.WALLED)
    )
    ids = session.scalars(walled.distinct().order_by(Customer.id)).all()
    works = notices.save(
        session,
        ACTOR,
        None,
        title="Works on Thursday night",
        content="From 1:00 to 4:00 the fibre in your street is moved.\nThe internet may be away for minutes.",
        is_confirmable=True,
        texts={"uk": _IN_UKRAINIAN},
    )
    notices.switch(session, ACTOR, works.id, is_on=True, today=today)
    notices.assign(session, ACTOR, works.id, ids, today=today)
    kept = notices.save(
        session,
        ACTOR,
        None,
        title="New prices from January",
        content="Your plan costs one euro more from 1 January. Write to us if you do not agree.",
        is_confirmable=False,
    )
    many = session.scalars(select(Customer.id).order_by(Customer.id).limit(_KEPT_FOR)).all()
    notices.assign(session, ACTOR, kept.id, many, today=today)
    words = "Bring the old router back to our shop, please."
    warning.give(session, ACTOR, many[-1:], content=words, today=today)
    _contracts(session, ids[0], today)


def _contracts(session: Session, customer_id: int, today: date) -> None:
    """Put a contract into the queue, and keep a template of others."""
    contract_templates.save(session, ACTOR, None, title="Contract of services", content=_TEMPLATE)
    contracts.add(
        session,
        ACTOR,
        customer_id,
        title="Contract of services, new terms",
        content="1. We keep the line up.\n2. You pay by the 14th.\n3. Either side may end it by letter.",
        today=today,
    )
