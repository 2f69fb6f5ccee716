"""The outbox: put a message in, hand the due ones out for delivery, say what became of them.

A message is a row written in the transaction of what it tells of: what was rolled back is never told, and
what was committed is told even when the worker dies. `unique_key` says what it is about ("document 12",
"dunning 7 step 2"): the same key put twice is one message.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import dunning
from core import errors
from core.columns import any_of
from registry import audit
from registry.models import OutboxChannel, OutboxMessage, OutboxStatus

MOST_ATTEMPTS = 12
FIRST_PAUSE_S = 60
LONGEST_PAUSE_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it is to be delivered; `attempts` counts this one too."""

    id: int
    unique_key: str
    channel: OutboxChannel
    address: str
    subject: str
    body: str
    document_id: int | None
    attempts: int


def put(
    session: Session,
    author: audit.Actor,
    *,
    unique_key: str,
    kind: str,
    address: str,
    body: str,
    subject: str = "",
    channel: OutboxChannel = OutboxChannel.EMAIL,
    customer_id: int | None = None,
    account_id: int | None = None,
    document_id: int | None = None,
    not_before: datetime | None = None,
) -> int | None:
    """Put a message in, once per `unique_key`; return its id, or None when it is in there already.

    It is delivered after the commit, not before `not_before`. Raises Invalid without an address.
    """
    if not address.strip():
        raise errors.Invalid("There is nowhere to send it", {"address": "Write an address"})
    values: dict[str, Any] = {
        "unique_key": unique_key,
        "kind": kind,
        "customer_id": customer_id,
        "account_id": account_id,
        "document_id": document_id,
        "channel": channel,
        "address": address.strip(),
        "subject": " ".join(subject.split())[:200],
        "body": body,
        "author_id": author.staff_id,
        "author": author.name[:120],
    }
    if not_before is not None:
        values["next_try_at"] = not_before
    statement = insert(OutboxMessage).values(values).on_conflict_do_nothing(index_elements=["unique_key"])
    return session.scalar(statement.returning(OutboxMessage.id))


def withdraw(session: Session, unique_keys: Collection[str]) -> int:
    """Take back messages that nobody needs any more; those delivered stay. Returns how many were taken."""
    withdrawn = session.scalars(
        update(OutboxMessage)
        .where(OutboxMessage.unique_key.in_(unique_keys), OutboxMessage.status == OutboxStatus.WAITING)
        .values(status=OutboxStatus.WITHDRAWN)
        .returning(OutboxMessage.id)
        .execution_options(synchronize_session=False)
    )
    return len(withdrawn.all())


def claim(
    session: Session, *, channels: Collection[OutboxChannel], now: datetime, limit: int, lease_s: int
) -> Sequence[Letter]:
    """Hand out due messages, those due longest first; nobody else gets them before the lease is over."""
    due = session.scalars(
        select(OutboxMessage.id)
        .where(OutboxMessage.status == OutboxStatus.WAITING, OutboxMessage.channel.in_(channels))
        .where(OutboxMessage.next_try_at <= now)
        .order_by(OutboxMessage.next_try_at, OutboxMessage.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    rows = session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == any_of(due))
        .values(attempts=OutboxMessage.attempts + 1, next_try_at=now + timedelta(seconds=lease_s))
        .returning(
            OutboxMessage.id,
            OutboxMessage.unique_key,
            OutboxMessage.channel,
            OutboxMessage.address,
            OutboxMessage.subject,
            OutboxMessage.body,
            OutboxMessage.document_id,
            OutboxMessage.attempts,
        )
        .execution_options(synchronize_session=False)
    )
    return sorted((Letter(*tuple(row)) for row in rows), key=lambda letter: letter.id)


def settle(
    session: Session,
    letter: Letter,
    *,
    now: datetime,
    error: str = "",
    is_final: bool = False,
    arrived_on: date | None = None,
) -> OutboxStatus:
    """Write down that the message was delivered, or why not and when it is tried again.

    `arrived_on` is the business day on which it left for its reader; none for what only went into a log.

    Pauses double from a minute to six hours; after twelve attempts, or a final error, it has failed. Whoever
    comes after the lease of another settles nothing.
    """
    status = OutboxStatus.SENT
    if error:
        is_last = is_final or letter.attempts >= MOST_ATTEMPTS
        status = OutboxStatus.FAILED if is_last else OutboxStatus.WAITING
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == letter.id, OutboxMessage.attempts == letter.attempts)
        .where(OutboxMessage.status == OutboxStatus.WAITING)
        .values(
            status=status,
            error=error[:1000],
            sent_at=now if status is OutboxStatus.SENT else None,
            next_try_at=now + timedelta(seconds=pause_s(letter.attempts)),
        )
        .execution_options(synchronize_session=False)
    )
    if status is OutboxStatus.SENT and arrived_on is not None:
        dunning.note_delivered(session, letter.unique_key, arrived_on)
    return status


def pause_s(attempts: int) -> int:
    """Return how long to wait after so many attempts (seconds)."""
    return int(min(FIRST_PAUSE_S * 2 ** min(attempts - 1, 20), LONGEST_PAUSE_S))


def retry(session: Session, message_id: int, *, now: datetime) -> None:
    """Try a failed message again from the beginning; raises Conflict when it has not failed."""
    again = session.scalar(
        update(OutboxMessage)
        .where(OutboxMessage.id == message_id, OutboxMessage.status == OutboxStatus.FAILED)
        .values(status=OutboxStatus.WAITING, attempts=0, next_try_at=now, error="")
        .returning(OutboxMessage.id)
        .execution_options(synchronize_session=False)
    )
    if again is None:
        raise errors.Conflict("This message has not failed")


def of_document(session: Session, document_id: int) -> Sequence[OutboxMessage]:
    """Return the messages with which the document went out, newest first."""
    query = select(OutboxMessage).where(OutboxMessage.document_id == document_id)
    return session.scalars(query.order_by(OutboxMessage.id.desc())).all()
