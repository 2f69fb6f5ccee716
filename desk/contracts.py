"""Contracts to sign: put in the queue by hand, read and signed on the page or at the office, taken back."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core import clock, errors
from core.words import N_
from desk import leading
from desk.models import Contract, ContractLeading
from registry import audit, keyset, mac_truth, search
from registry.keyset import Key, Marks
from registry.mac_truth import Truth
from registry.models import Customer
from registry.seats import Seat

PAGE = 50
USUAL_SORT = "since"
STATES = ("open", "signed", "withdrawn")
KEYS = {
    "since": Key(Contract.id, int),
    "customer": Key(Customer.sort_name, str),
    "title": Key(Contract.title, str),
}
# All else says that another device answers than the one on file: whoever it is, he does not sign there. Our
# own gear in its place says only that the customer's was not heard.
_NO_OTHER = frozenset({Truth.SAME, Truth.UNKNOWN, Truth.OURS})


@dataclass(frozen=True, slots=True)
class ContractFilter:
    """What the queue is narrowed to; `state` is a word of STATES."""

    text: str = ""
    state: str = "open"


@dataclass(frozen=True, slots=True)
class ToSign:
    """What may be signed at a seat; `is_withheld`: there is something, and another device answers there."""

    contracts: tuple[Contract, ...] = ()
    is_withheld: bool = False


@dataclass(frozen=True, slots=True)
class Queued:
    """A contract with whose it is."""

    contract: Contract
    customer: Customer

    @property
    def state(self) -> str:
        """A word of STATES."""
        if self.contract.signed_at is not None:
            return "signed"
        return "withdrawn" if self.contract.withdrawn_at is not None else "open"


def page(
    session: Session, filters: ContractFilter, *, sort: str, after: str | None, limit: int = PAGE
) -> tuple[list[Queued], Marks]:
    """Return a page of the queue in an order of KEYS, and the mark of the next."""
    columns: tuple[Any, ...] = (Contract, Customer)
    query: Select[Any] = select(*columns).join(Customer, Customer.id == Contract.customer_id)
    if filters.text:
        query = query.where(Customer.id.in_(search.matching(filters.text)))
    if filters.state == "open":
        query = query.where(leading.open_contract())
    elif filters.state == "signed":
        query = query.where(Contract.signed_at.is_not(None))
    elif filters.state == "withdrawn":
        query = query.where(Contract.withdrawn_at.is_not(None))
    found, mark = keyset.page(
        session, query, sort=sort, keys=KEYS, id_column=Contract.id, after=after, limit=limit
    )
    return [Queued(*row) for row in found], mark


def get(session: Session, contract_id: int) -> Contract:
    """Return a contract; raises NotFound."""
    found = session.get(Contract, contract_id)
    if found is None:
        raise errors.NotFound("There is no such contract")
    return found


def of_customer(session: Session, customer_id: int) -> list[Contract]:
    """Return the customer's contracts, the newest first."""
    query = select(Contract).where(Contract.customer_id == customer_id).order_by(Contract.id.desc())
    return list(session.scalars(query))


def add(
    session: Session, actor: audit.Actor, customer_id: int, *, title: str, content: str, today: date
) -> tuple[Contract, tuple[int, ...]]:
    """Put a contract in the queue; return it and the lines wanted otherwise. Raises Invalid, NotFound.

    One that waits there word for word is not queued twice: whoever presses twice would have two to be signed.
    """
    if session.get(Customer, customer_id, with_for_update={"key_share": True}) is None:
        raise errors.NotFound("There is no such customer")
    faults = {
        name: words
        for name, text, words in (
            ("title", title, N_("Write a title")),
            ("content", content, N_("Write the text of the contract")),
        )
        if not text.strip()
    }
    if faults:
        raise errors.Invalid("The contract is not complete", faults)
    waits = select(Contract).where(
        Contract.customer_id == customer_id,
        Contract.title == title.strip(),
        Contract.content == content.strip(),
        leading.open_contract(),
    )
    if (found := session.scalars(waits).first()) is not None:
        return found, ()
    made = Contract(
        customer_id=customer_id, title=title.strip(), content=content.strip(), author=actor.name[:120]
    )
    session.add(made)
    session.flush()
    _record(session, actor, "contract.queued", made)
    return made, leading.lead(session, [customer_id], by=actor.name, today=today)


def sign(
    session: Session,
    actor: audit.Actor,
    contract_id: int,
    *,
    customer_id: int,
    name: str,
    today: date,
    address: str = "",
) -> tuple[int, ...]:
    """Take the signature: the name as it was written, when, and from where (empty: on paper, at the office).

    Returns the lines wanted otherwise. Raises NotFound for another's, Invalid at `name`, Conflict when it is
    signed or withdrawn.
    """
    found = _locked(session, contract_id)
    if found.customer_id != customer_id:
        raise errors.NotFound("There is no such contract")
    if len(name.split()) < 2 or len(name) > 200:
        words = N_("Write your first and last name")
        raise errors.Invalid(words, {"name": words})
    found.signed_at, found.signed_name = clock.now(), " ".join(name.split())
    found.signed_from, found.signed_with = address[:45], actor.name[:120]
    session.flush()
    _record(session, actor, "contract.signed", found)
    return leading.lead(session, [found.customer_id], by=actor.name, today=today)


def withdraw(session: Session, actor: audit.Actor, contract_id: int, *, today: date) -> tuple[int, ...]:
    """Take an open contract back; return the lines wanted otherwise. Raises NotFound, Conflict."""
    found = _locked(session, contract_id)
    found.withdrawn_at, found.withdrawn_by = clock.now(), actor.name[:120]
    session.flush()
    _record(session, actor, "contract.withdrawn", found)
    return leading.lead(session, [found.customer_id], by=actor.name, today=today)


def switch(session: Session, actor: audit.Actor, *, is_on: bool, today: date) -> tuple[int, ...]:
    """Lead customers with open contracts to the page, or no more; return the lines wanted otherwise."""
    leading.hold_switch(session, is_to_change=True)
    if leading.is_contract_leading(session) == is_on:
        return ()
    session.add(ContractLeading(is_on=is_on, author=actor.name[:120]))
    session.flush()
    audit.record(session, actor, "contract.leading_on" if is_on else "contract.leading_off")
    concerned = session.scalars(select(Contract.customer_id).where(leading.open_contract()).distinct())
    return leading.lead(session, concerned.all(), by=actor.name, today=today)


def to_sign(session: Session, seat: Seat) -> ToSign:
    """Return what may be signed at this seat: address and MAC must fit what is on file, and the switch be on.

    The MAC is the one seen last by a look-up or a diagnosis, on the wire or in the gateway's table, at most
    mac_truth.FRESH ago. Where none was seen, or none is on file, the address alone decides.
    """
    if not leading.is_contract_leading(session):
        return ToSign()
    query = select(Contract).where(Contract.customer_id == seat.customer_id, leading.open_contract())
    found = tuple(session.scalars(query.order_by(Contract.id)))
    return ToSign(is_withheld=True) if found and _is_another(session, seat) else ToSign(found)


def _is_another(session: Session, seat: Seat) -> bool:
    if seat.mac is None:
        return False
    rows = mac_truth.load(session, seat.customer_id).rows
    # A prefix has no sighting of its own: the device that has it on file is known at its other addresses.
    own = [row for row in rows if row.address == seat.address or row.on_file == seat.mac]
    return any(row.truth not in _NO_OTHER for row in own)


def _locked(session: Session, contract_id: int) -> Contract:
    found = session.get(Contract, contract_id, with_for_update=True)
    if found is None:
        raise errors.NotFound("There is no such contract")
    if found.signed_at is not None or found.withdrawn_at is not None:
        raise errors.Conflict("This contract is signed or taken back already")
    return found


def _record(session: Session, actor: audit.Actor, action: str, found: Contract) -> None:
    audit.record(
        session, actor, action, customer_id=found.customer_id, object_kind="contract", object_id=found.id,
        note=found.title,
    )  # fmt: skip
