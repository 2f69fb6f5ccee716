"""Debt groups: accounts treated alike, a grace of their own or never cut; each change has its history."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billing.models import Account, AccountGroup
from core import db, errors
from core.words import N_
from registry import audit

_FIELDS = ("name", "grace_days", "is_never_cut")


def list_all(session: Session) -> list[tuple[AccountGroup, int]]:
    """Return every group by name, with how many accounts are in it."""
    members = select(func.count()).where(Account.group_id == AccountGroup.id).scalar_subquery()
    rows = session.execute(select(AccountGroup, members).order_by(AccountGroup.name))
    return [(group, count) for group, count in rows]


def get(session: Session, group_id: int) -> AccountGroup:
    """Return the group; raises NotFound."""
    found = session.get(AccountGroup, group_id)
    if found is None:
        raise errors.NotFound("There is no such group")
    return found


def save(
    session: Session,
    actor: audit.Actor,
    group_id: int | None,
    *,
    name: str,
    grace_days: int | None,
    is_never_cut: bool,
) -> AccountGroup:
    """Add a group, or change it; raises Invalid at the faulty field, NotFound."""
    values = {"name": name.strip(), "grace_days": grace_days, "is_never_cut": is_never_cut}
    faults = {}
    if not 0 < len(name.strip()) <= 120:
        faults["name"] = N_("Write a name of at most 120 characters")
    if grace_days is not None and not 0 <= grace_days <= 365:
        faults["grace_days"] = N_("A grace is 0 to 365 days")
    if faults:
        raise errors.Invalid("The group is not complete", faults)
    group = AccountGroup() if group_id is None else get(session, group_id)
    before: dict[str, Any] = {} if group_id is None else {name: getattr(group, name) for name in _FIELDS}
    try:
        with db.part(session):
            for field, value in values.items():
                setattr(group, field, value)
            session.add(group)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another group has this name"}) from error
    changes = audit.difference(before, values)
    if changes:
        action = "account_group.created" if group_id is None else "account_group.changed"
        kind = "account_group"
        audit.record(
            session, actor, action, object_kind=kind, object_id=group.id, changes=changes, note=group.name
        )
    return group


def remove(session: Session, actor: audit.Actor, group_id: int) -> None:
    """Remove a group nobody is in; raises NotFound, Conflict while it has members."""
    group = get(session, group_id)
    count = session.scalar(select(func.count()).where(Account.group_id == group_id))
    if count:
        raise errors.Conflict(
            N_(
                "%(name)s is in use and cannot be removed (%(users)s)",
                name=group.name,
                users=f"accounts: {count}",
            )
        )
    kind = "account_group"
    audit.record(
        session, actor, "account_group.removed", object_kind=kind, object_id=group_id, note=group.name
    )
    session.delete(group)
    session.flush()
