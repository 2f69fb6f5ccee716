"""Groups and marks: named sets of customers that jobs use, and coloured labels that people see."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import db, errors
from registry import audit, names
from registry.models import Customer, Group, Mark, customer_groups, customer_marks

_GROUP_NAME = re.compile(r"[\w-]{1,60}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Labels:
    """The groups and marks of one customer."""

    group_ids: frozenset[int]
    mark_ids: frozenset[int]


def colour(text: str, *, field: str = "colour") -> str:
    """Return a colour as #rrggbb in lower case; raises Invalid at `field`."""
    text = text.strip().lower()
    if not _COLOUR.fullmatch(text):
        raise errors.Invalid("Not a colour", {field: "Write a colour such as #3b82c4"})
    return text


def groups(session: Session) -> list[Group]:
    """Return every group, in the order of the alphabet."""
    return sorted(session.scalars(select(Group)), key=lambda group: names.sort_key(group.name))


def marks(session: Session) -> list[Mark]:
    """Return every mark, in the order of the alphabet."""
    return sorted(session.scalars(select(Mark)), key=lambda mark: names.sort_key(mark.name))


def member_counts(session: Session) -> dict[int, int]:
    """Return how many customers each group has, by group id; groups without any are left out."""
    group_id = customer_groups.c.group_id
    return dict(session.execute(select(group_id, func.count()).group_by(group_id)).all())


def of_customer(session: Session, customer_id: int) -> Labels:
    """Return which groups and marks the customer has, by id."""
    in_groups = select(customer_groups.c.group_id).where(customer_groups.c.customer_id == customer_id)
    has_marks = select(customer_marks.c.mark_id).where(customer_marks.c.customer_id == customer_id)
    return Labels(frozenset(session.scalars(in_groups)), frozenset(session.scalars(has_marks)))


def create_group(session: Session, actor: audit.Actor, *, name: str, description: str = "") -> Group:
    """Add a group; its name has no spaces because jobs refer to it. Raises Invalid at `name`."""
    if not _GROUP_NAME.fullmatch(name.strip()):
        rule = "Use letters, digits, underscore and minus, at most 60, no spaces"
        raise errors.Invalid("Not a group name", {"name": rule})
    group = Group(name=name.strip(), description=description.strip())
    _insert(session, group, "A group of this name exists")
    audit.record(session, actor, "group.created", object_kind="group", object_id=group.id, note=group.name)
    return group


def create_mark(session: Session, actor: audit.Actor, *, name: str, colour_text: str) -> Mark:
    """Add a mark; raises Invalid at `name` or `colour`."""
    if not 0 < len(name.strip()) <= 60:
        raise errors.Invalid("Not a mark", {"name": "Write a name of at most 60 characters"})
    mark = Mark(name=name.strip(), colour=colour(colour_text))
    _insert(session, mark, "A mark of this name exists")
    audit.record(session, actor, "mark.created", object_kind="mark", object_id=mark.id, note=mark.name)
    return mark


def _insert(session: Session, row: Group | Mark, taken: str) -> None:
    try:
        with db.part(session):
            session.add(row)
    except IntegrityError as error:
        raise errors.Invalid(taken, {"name": taken}) from error


def set_groups(session: Session, actor: audit.Actor, customer_id: int, group_ids: Iterable[int]) -> None:
    """Put the customer into exactly these groups; raises Invalid for a group there is not."""
    _set(session, actor, customer_id, set(group_ids), (Group, customer_groups, "groups"))


def set_marks(session: Session, actor: audit.Actor, customer_id: int, mark_ids: Iterable[int]) -> None:
    """Give the customer exactly these marks; raises Invalid for a mark there is not."""
    _set(session, actor, customer_id, set(mark_ids), (Mark, customer_marks, "marks"))


def _set(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    wanted: set[int],
    kind: tuple[type[Group] | type[Mark], Table, str],
) -> None:
    model, table, field = kind
    if session.scalar(select(Customer.id).where(Customer.id == customer_id).with_for_update()) is None:
        raise errors.NotFound("There is no such customer")
    owner, label = table.c.customer_id, table.c[f"{field[:-1]}_id"]
    standing = set(session.scalars(select(label).where(owner == customer_id)))
    rows = session.execute(select(model.id, model.name).where(model.id.in_(wanted | standing)))
    named: dict[int, str] = dict(rows.all())
    if wanted - set(named):
        raise errors.Invalid(f"There are no such {field}", {field: "Choose from the list"})
    session.execute(delete(table).where(owner == customer_id, label.in_(standing - wanted)))
    fresh: list[dict[str, Any]] = [
        {"customer_id": customer_id, label.name: label_id} for label_id in wanted - standing
    ]
    if fresh:
        session.execute(insert(table), fresh)
    before, after = (sorted(named[label_id] for label_id in ids) for ids in (standing, wanted))
    changes = audit.difference({field: before}, {field: after})
    if changes:
        audit.record(session, actor, f"customer.{field}", customer_id=customer_id, changes=changes)
