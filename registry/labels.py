"""Groups and marks: named sets of customers that jobs use, and coloured labels that people see."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import db, errors
from core.words import N_
from registry import audit, in_use, names
from registry.models import Customer, Group, Mark, customer_groups, customer_marks

_GROUP_NAME = re.compile(r"[\w-]{1,60}")
_DESCRIPTION_LIMIT = 500
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


def mark_counts(session: Session) -> dict[int, int]:
    """Return how many customers have each mark, by mark id; marks of nobody are left out."""
    mark_id = customer_marks.c.mark_id
    return dict(session.execute(select(mark_id, func.count()).group_by(mark_id)).all())


def get_group(session: Session, group_id: int) -> Group:
    """Return the group; raises NotFound."""
    group = session.get(Group, group_id)
    if group is None:
        raise errors.NotFound("There is no such group")
    return group


def get_mark(session: Session, mark_id: int) -> Mark:
    """Return the mark; raises NotFound."""
    mark = session.get(Mark, mark_id)
    if mark is None:
        raise errors.NotFound("There is no such mark")
    return mark


def of_customer(session: Session, customer_id: int) -> Labels:
    """Return which groups and marks the customer has, by id."""
    in_groups = select(customer_groups.c.group_id).where(customer_groups.c.customer_id == customer_id)
    has_marks = select(customer_marks.c.mark_id).where(customer_marks.c.customer_id == customer_id)
    return Labels(frozenset(session.scalars(in_groups)), frozenset(session.scalars(has_marks)))


def create_group(session: Session, actor: audit.Actor, *, name: str, description: str = "") -> Group:
    """Add a group; its name has no spaces because jobs refer to it. Raises Invalid at the faulty field."""
    group = Group(**_group_checked(name, description))
    _insert(session, group, "A group of this name exists")
    audit.record(session, actor, "group.created", object_kind="group", object_id=group.id, note=group.name)
    return group


def change_group(
    session: Session, actor: audit.Actor, group_id: int, *, name: str, description: str = ""
) -> Group:
    """Change a group's name and description; raises Invalid at the faulty field, NotFound."""
    group = get_group(session, group_id)
    _change(session, actor, group, "group", _group_checked(name, description))
    return group


def remove_group(session: Session, actor: audit.Actor, group_id: int) -> None:
    """Remove a group nobody is in; raises NotFound, Conflict while it has members."""
    _remove(session, actor, get_group(session, group_id), "group")


def create_mark(session: Session, actor: audit.Actor, *, name: str, colour_text: str) -> Mark:
    """Add a mark; raises Invalid at `name` or `colour`."""
    mark = Mark(**_mark_checked(name, colour_text))
    _insert(session, mark, "A mark of this name exists")
    audit.record(session, actor, "mark.created", object_kind="mark", object_id=mark.id, note=mark.name)
    return mark


def change_mark(session: Session, actor: audit.Actor, mark_id: int, *, name: str, colour_text: str) -> Mark:
    """Change a mark's name and colour; raises Invalid at `name` or `colour`, NotFound."""
    mark = get_mark(session, mark_id)
    _change(session, actor, mark, "mark", _mark_checked(name, colour_text))
    return mark


def remove_mark(session: Session, actor: audit.Actor, mark_id: int) -> None:
    """Remove a mark nobody has; raises NotFound, Conflict while somebody has it."""
    _remove(session, actor, get_mark(session, mark_id), "mark")


def _group_checked(name: str, description: str) -> dict[str, str]:
    faults = {}
    if not _GROUP_NAME.fullmatch(name.strip()):
        faults["name"] = N_("Use letters, digits, underscore and minus, at most 60, no spaces")
    if len(description.strip()) > _DESCRIPTION_LIMIT:
        faults["description"] = N_("At most %(count)s characters", count=_DESCRIPTION_LIMIT)
    if faults:
        raise errors.Invalid("Not a group", faults)
    return {"name": name.strip(), "description": description.strip()}


def _mark_checked(name: str, colour_text: str) -> dict[str, str]:
    if not 0 < len(name.strip()) <= 60:
        raise errors.Invalid("Not a mark", {"name": "Write a name of at most 60 characters"})
    return {"name": name.strip(), "colour": colour(colour_text)}


def _change(
    session: Session, actor: audit.Actor, row: Group | Mark, kind: str, after: dict[str, str]
) -> None:
    taken = N_("A group of this name exists") if kind == "group" else N_("A mark of this name exists")
    changes = audit.difference({field: getattr(row, field) for field in after}, after)
    try:
        with db.part(session):
            for field, value in after.items():
                setattr(row, field, value)
    except IntegrityError as error:
        raise errors.Invalid(taken, {"name": taken}) from error
    if changes:
        audit.record(session, actor, f"{kind}.changed", object_kind=kind, object_id=row.id, changes=changes)


def _remove(session: Session, actor: audit.Actor, row: Group | Mark, kind: str) -> None:
    in_use.refuse(session, kind, row.id, row.name)
    audit.record(session, actor, f"{kind}.removed", object_kind=kind, object_id=row.id, note=row.name)
    session.delete(row)
    session.flush()


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
        raise errors.Invalid("There is no such choice", {field: "Choose from the list"})
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
