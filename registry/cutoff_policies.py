"""The cutoff's policy as staff handle it: what a change would do, versions with what they changed."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import policies
from billing.models import CutoffPolicy, DecisionAction
from billing.policies import Fate
from billing.rules import Rules
from core.columns import any_of
from core.settings import Settings
from registry import audit, money
from registry.models import Customer

SHOWN = 25


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version: what it says, and what it changed of the one before (field: was, is)."""

    policy: CutoffPolicy
    rules: Rules
    changed: dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Moved:
    """A customer who would fare otherwise today; an account may belong to nobody."""

    customer_id: int | None
    name: str
    number: str
    before: Fate | None
    after: Fate | None


@dataclass(frozen=True, slots=True)
class Prospect:
    """How many customers each policy cuts, spares, keeps cut and lets in today, and the first who differ."""

    before: dict[DecisionAction, int]
    after: dict[DecisionAction, int]
    moved: tuple[Moved, ...]
    count: int


def history(
    session: Session, settings: Settings, *, before: int | None = None, limit: int = 20
) -> tuple[list[Version], int | None]:
    """Return the versions, newest first, and before which the next page goes on."""
    found = policies.versions(session, before=before, limit=limit + 1)
    says = [policies.rules_of(one, settings) for one in found]
    older = [*says, policies.rules_of(None, settings)][1:]
    made = [
        Version(one, now, policies.difference(then, now))
        for one, now, then in zip(found, says, older, strict=True)
    ]
    return made[:limit], found[limit - 1].version if len(found) > limit else None


def prospect(session: Session, on: date, before: Rules, after: Rules) -> Prospect:
    """Say what `after` would do to the debtors of that day other than `before`; nothing is written."""
    found = policies.compare(session, on, before, after)
    ids = list(found.differing)[:SHOWN]
    people = {
        row.account_id: row
        for row in session.scalars(select(Customer).where(Customer.account_id == any_of(ids)))
    }
    moved = []
    for account_id in ids:
        one = people.get(account_id)
        moved.append(
            Moved(
                one.id if one else None,
                one.name if one else "",
                one.number if one else "",
                *found.differing[account_id],
            )
        )
    return Prospect(found.before, found.after, tuple(moved), len(found.differing))


def save(
    session: Session,
    actor: audit.Actor,
    wanted: Rules,
    *,
    over: Rules,
    why: str,
    restores: int | None = None,
) -> CutoffPolicy:
    """Put a new version in force (see billing.policies.save), with its line of history; sent twice, once."""
    latest = policies.newest(session)
    if latest is not None and latest.version == over.version + 1 and latest.author_id == actor.staff_id:
        plain = {name: value for name, value in wanted.as_json().items() if name in policies.FIELDS}
        if latest.content == plain and latest.why == why.strip():
            return latest
    made = policies.save(session, money.author(actor), wanted, over=over, why=why, restores=restores)
    kept, now = over.as_json(), wanted.as_json()
    changes = audit.difference(
        {name: kept[name] for name in policies.FIELDS}, {name: now[name] for name in policies.FIELDS}
    )
    audit.record(
        session,
        actor,
        "cutoff_policy.saved",
        object_kind="cutoff_policy",
        object_id=made.version,
        changes=changes,
        note=made.why,
    )
    return made
