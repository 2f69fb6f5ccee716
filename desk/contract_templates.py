"""Templates of contracts: written once, their fields filled from the card of whoever is to sign."""

import re
from collections.abc import Iterable
from datetime import date

from babel.dates import format_date
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import db, errors
from core.money import format_money
from core.words import N_
from desk.models import ContractTemplate
from registry import audit, card
from registry.card_views import AddressView, Card, ServiceView

FIELDS = ("name", "number", "address", "plan", "price", "date", "isp")
BLANK = "________"
"""What stands where the card has nothing: to be seen before it is signed."""
_FIELD = re.compile(r"\{([^{}\n]{0,40})\}")


def listing(session: Session) -> list[ContractTemplate]:
    """Return the templates by title."""
    return list(session.scalars(select(ContractTemplate).order_by(ContractTemplate.title)))


def get(session: Session, template_id: int) -> ContractTemplate:
    """Return a template; raises NotFound."""
    found = session.get(ContractTemplate, template_id)
    if found is None:
        raise errors.NotFound("There is no such template")
    return found


def save(
    session: Session, actor: audit.Actor, template_id: int | None, *, title: str, content: str
) -> ContractTemplate:
    """Write a template down, or change one; raises Invalid at the faulty field, NotFound."""
    faults = {
        name: words
        for name, text, words in (
            ("title", title, N_("Write a title")),
            ("content", content, N_("Write the text of the contract")),
        )
        if not text.strip()
    }
    unknown = sorted(set(_FIELD.findall(content)) - set(FIELDS))
    if unknown:
        faults["content"] = N_("There is no field {%(name)s}", name=unknown[0])
    if faults:
        raise errors.Invalid("The template is not complete", faults)
    values = {"title": title.strip(), "content": content.strip()}
    is_new = template_id is None
    found = ContractTemplate(author=actor.name[:120]) if template_id is None else get(session, template_id)
    before = {} if is_new else {name: getattr(found, name) for name in values}
    try:
        with db.part(session):
            found.title, found.content = values["title"], values["content"]
            session.add(found)
    except IntegrityError as error:
        raise errors.Invalid(
            "The title is taken", {"title": N_("Another template has this title")}
        ) from error
    audit.record(
        session, actor, "contract_template.created" if is_new else "contract_template.changed",
        object_kind="contract_template", object_id=found.id, changes=audit.difference(before, values),
    )  # fmt: skip
    return found


def remove(session: Session, actor: audit.Actor, template_id: int) -> None:
    """Remove a template; contracts keep the text they were made with. Raises NotFound."""
    found = get(session, template_id)
    audit.record(
        session, actor, "contract_template.removed", object_kind="contract_template", object_id=found.id,
        note=found.title,
    )  # fmt: skip
    session.delete(found)


def fill(
    session: Session, template: ContractTemplate, customer_id: int, *, isp: str, locale: str, today: date
) -> str:
    """Return the template's text with its fields filled from the customer's card; raises NotFound.

    `plan` and `price` are of the services that run; without one, of those that begin later.
    """
    found = card.load(session, customer_id, today=today)
    services = _services(found, today)
    values = {
        "name": found.name,
        "number": found.number,
        "address": _place(found.visiting),
        "plan": _joined(one.plan for one in services),
        "price": _joined(format_money(one.price, locale) for one in services),
        "date": format_date(today, "long", locale=locale),
        "isp": isp,
    }
    return _FIELD.sub(lambda field: values.get(field[1], field[0]) or BLANK, template.content)


def _services(found: Card, today: date) -> list[ServiceView]:
    running = [one for one in found.services if one.is_running]
    return running or [one for one in found.services if one.starts_on > today]


def _place(address: AddressView | None) -> str:
    if address is None:
        return ""
    return ", ".join(part for part in (address.street_line, address.unit, address.town_line) if part)


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts)
