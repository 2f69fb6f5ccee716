"""Who is led to the page: lines of customers with a notice that is on, a contract to sign, or a warning.

The wish is a lock of the reason contract or notice, whose effect passes everything but plain web requests.
It says nothing of debt and suspends nothing; whoever changes what it depends on calls lead() in the same
transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Select, and_, exists, false, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import suspensions
from billing.models import AccessState, LockReason, SuspensionLock
from core.columns import any_of
from core.words import N_
from desk.models import Contract, ContractLeading, Notice, NoticeAssignment, WarningLeading
from registry import warned
from registry.models import Customer, Line, WarningFlag

# So many locks are written by one statement: each takes a dozen of the 65,535 parameters there may be.
CHUNK = 2000

Switch = type[ContractLeading] | type[WarningLeading]
# Each has a lock of its own: a contract that is signed leaves the lock of a notice that is still open.
REASONS = (LockReason.NOTICE, LockReason.CONTRACT)


def lead(session: Session, customer_ids: Iterable[int], *, by: str, today: date) -> tuple[int, ...]:
    """Place and lift the locks that lead these customers' lines to the page; return the lines that change."""
    ids = sorted(set(customer_ids))
    # Two acts on one customer take turns: each would else decide without the other's assignment.
    session.execute(
        select(Customer.id)
        .where(Customer.id == any_of(ids))
        .order_by(Customer.id)
        .with_for_update(key_share=True)
    )
    hold_switch(session)
    hold_switch(session, WarningLeading)
    moved: set[int] = set()
    words = N_("led to the page for customers")
    for reason in REASONS:
        for part in _parts(_lines(session, ids, reason, is_led=True)):
            placed = suspensions.place(
                session, part, reason, owner=by, note=words, today=today, effect=AccessState.NOTICE
            )
            moved |= set(placed.lines)
        for part in _parts(_lines(session, ids, reason, is_led=False)):
            moved |= set(suspensions.lift(session, part, reason, by=by, today=today).lines)
    return tuple(sorted(moved))


def lead_all(session: Session, *, by: str, today: date) -> tuple[int, ...]:
    """Do so for everybody of whom something is not as it should be; return the lines that change.

    For lines that began or moved without anybody here being told.
    """
    astray = [
        one
        for reason in REASONS
        for is_led in (True, False)
        for one in _lines(session, None, reason, is_led=is_led)
    ]
    concerned = session.scalars(select(Line.customer_id).where(Line.subscription_id == any_of(astray)))
    return lead(session, concerned.all(), by=by, today=today) if astray else ()


def hold_switch(session: Session, which: Switch = ContractLeading, *, is_to_change: bool = False) -> None:
    """Keep a switch as it is until the end, or, to change it, wait for all who rely on it."""
    newest = select(which.id).order_by(which.id.desc()).limit(1)
    session.execute(newest.with_for_update(read=not is_to_change))


def is_contract_leading(session: Session) -> bool:
    """Whether customers with open contracts are led to the page now."""
    return bool(session.scalar(select(ContractLeading.is_on).order_by(ContractLeading.id.desc()).limit(1)))


def is_warning_leading(session: Session) -> bool:
    """Whether warned customers are led to the page now."""
    return bool(session.scalar(select(WarningLeading.is_on).order_by(WarningLeading.id.desc()).limit(1)))


def open_notice() -> ColumnElement[bool]:
    """The condition that an assignment is neither confirmed nor withdrawn."""
    return and_(NoticeAssignment.confirmed_at.is_(None), NoticeAssignment.withdrawn_at.is_(None))


def open_contract() -> ColumnElement[bool]:
    """The condition that a contract is neither signed nor withdrawn."""
    return and_(Contract.signed_at.is_(None), Contract.withdrawn_at.is_(None))


def _lines(
    session: Session, customer_ids: Sequence[int] | None, reason: LockReason, *, is_led: bool
) -> Sequence[int]:
    """Return the subscriptions whose lock is missing (`is_led`), or stands without a cause."""
    is_locked = exists().where(
        SuspensionLock.subscription_id == Line.subscription_id,
        SuspensionLock.reason == reason,
        SuspensionLock.lifted_at.is_(None),
    )
    has_cause = _to_be_signed(session) if reason is LockReason.CONTRACT else _to_be_read(session)
    wanted = and_(has_cause, ~is_locked) if is_led else and_(~has_cause, is_locked)
    query: Select[int] = select(Line.subscription_id).where(wanted)
    if customer_ids is not None:
        query = query.where(Line.customer_id == any_of(customer_ids))
    return session.scalars(query.order_by(Line.subscription_id)).all()


def _to_be_signed(session: Session) -> ColumnElement[bool]:
    if not is_contract_leading(session):
        return false()
    return exists().where(Contract.customer_id == Line.customer_id, open_contract())


def _to_be_read(session: Session) -> ColumnElement[bool]:
    if not is_warning_leading(session):
        return _is_noticed()
    at_all_or_here = or_(WarningFlag.line_id.is_(None), WarningFlag.line_id == Line.id)
    is_warned = exists().where(WarningFlag.customer_id == Line.customer_id, at_all_or_here, warned.standing())
    return or_(_is_noticed(), is_warned)


def _is_noticed() -> ColumnElement[bool]:
    return exists().where(
        NoticeAssignment.customer_id == Line.customer_id,
        or_(NoticeAssignment.line_id.is_(None), NoticeAssignment.line_id == Line.id),
        open_notice(),
        Notice.id == NoticeAssignment.notice_id,
        Notice.is_on,
    )


def _parts(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[first : first + CHUNK] for first in range(0, len(ids), CHUNK))
