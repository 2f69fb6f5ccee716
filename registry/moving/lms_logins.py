"""Logins of LMS: the name by which a node dials in becomes that of the service it belongs to, its line's.

By lib/definitions.php bit 1 of `authtype` is PPPoE; such a node dials in with its `login`, in schemas without
one, or where it is empty, with its `name`. Passwords stay where RADIUS reads them.
"""

from typing import TYPE_CHECKING, Any

from sqlalchemy import String, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core.words import N_
from registry import logins
from registry.models import Customer, Line
from registry.moving import lms_sql

if TYPE_CHECKING:
    from registry.moving.lms import Reading
    from registry.moving.lms_source import Lms

_INTERNET = 1
Service = tuple[Any, ...]


def rows(session: Session, lms: "Lms", reading: "Reading", services: list[Service]) -> list[tuple[Any, str]]:
    """Return (service, login); what cannot be placed is noted with its login.

    A service has one login, and a login one line: of several the first node's counts.
    """
    of_customer: dict[int, list[Service]] = {}
    for service in services:
        of_customer.setdefault(service[1], []).append(service)
    known = {service[0] for service in services}
    found = list(lms.rows(lms_sql.LOGINS if lms.has("nodeassignments") else lms_sql.LOGINS_ALONE))
    taken = _taken(session, [row[2] for row in found])
    made: dict[Any, str] = {}
    given: set[str] = set()
    wrong, homeless, twice, foreign = [], [], [], []
    for _, owner, login, assigned in found:
        place = _place(assigned, known, of_customer.get(owner, []), reading)
        if not logins.LOGIN.fullmatch(login):
            wrong.append(login)
        elif place is None:
            homeless.append(login)
        elif place in made or login in given:
            twice.append(login)
        elif taken.get(login, str(owner)) != str(owner):
            foreign.append(login)
        elif login not in taken:
            made[place] = login
            given.add(login)
    reading.note(N_("Logins with spaces, or too long, are left out"), wrong)
    reading.note(N_("Logins of no service, or of which one is not known, are left out"), homeless)
    reading.note(N_("Second logins of a service or line are left out"), twice)
    reading.note(N_("Logins that lines of other customers have are left out"), foreign)
    return list(made.items())


def _place(assigned: list[int], known: set[Any], services: list[Service], reading: "Reading") -> Any | None:
    """Return the service of a node: the one it is assigned to, else the customer's only one of internet."""
    for key in assigned:
        if key in known:
            return key
    internet = [
        service[0]
        for service in services
        if reading.tariffs[int(str(service[2]).partition("/")[0])][12] == _INTERNET
    ]
    return internet[0] if len(internet) == 1 else None


def _taken(session: Session, wanted: list[str]) -> dict[str, str]:
    """Return whose lines have these logins already, by the customer's number."""
    is_wanted = Line.login == any_(literal(wanted, ARRAY(String)))
    query = select(Line.login, Customer.number).join(Customer, Customer.id == Line.customer_id)
    return {login: number for login, number in session.execute(query.where(is_wanted)) if login}
