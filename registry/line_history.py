"""What was noted of a line before: its accounting session, and how often its port came and went."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.models import DiagnosticKind, DiagnosticRun, DiagnosticStatus, RadiusSession

# Two runs that read the same change differ by the seconds between an agent's clock and ours.
SAME_CHANGE_S = 10.0
_RUNS_LIMIT = 60


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The customer's newest accounting session; `ended_at` None while no Stop came."""

    heard_at: datetime
    ended_at: datetime | None
    length_s: int


@dataclass(frozen=True, slots=True)
class AccountingFacts:
    """Whether any accounting comes in at all, and the customer's own session if one was reported."""

    is_connected: bool = False
    session: SessionFacts | None = None


def accounting(session: Session, customer_id: int) -> AccountingFacts:
    """Return what RADIUS accounting (registry/radius.py) says of the customer."""
    row = session.scalar(
        select(RadiusSession)
        .where(RadiusSession.customer_id == customer_id)
        .order_by(RadiusSession.ended_at.is_not(None), RadiusSession.at.desc())
        .limit(1)
    )
    if row is None:
        is_any = session.scalar(select(RadiusSession.session_id).limit(1)) is not None
        return AccountingFacts(is_connected=is_any)
    return AccountingFacts(is_connected=True, session=SessionFacts(row.at, row.ended_at, row.session_time_s))


def port_changes(session: Session, customer_id: int, port_id: int, since: datetime) -> tuple[datetime, ...]:
    """Return when the port changed its state, as the customer's diagnoses since then read it (ifLastChange).

    Each of them tells the last change only, so there may have been more.
    """
    rows = session.scalars(
        select(DiagnosticRun.result["measured"]["port"]["changed_at"].astext)
        .where(
            DiagnosticRun.customer_id == customer_id,
            DiagnosticRun.kind == DiagnosticKind.DIAGNOSE,
            DiagnosticRun.status == DiagnosticStatus.DONE,
            DiagnosticRun.created_at >= since,
            DiagnosticRun.result["measured"]["port"]["port_id"].astext == str(port_id),
        )
        .order_by(DiagnosticRun.id.desc())
        .limit(_RUNS_LIMIT)
    )
    return tuple(datetime.fromisoformat(one) for one in rows if one)


def distinct(moments: Iterable[datetime], since: datetime) -> int:
    """Return how many different changes these are, those before `since` left out. Pure."""
    known: list[datetime] = []
    for one in sorted(moments):
        if one >= since and (not known or one - known[-1] > timedelta(seconds=SAME_CHANGE_S)):
            known.append(one)
    return len(known)
