"""One box finds a customer: by name, number, id elsewhere, IP, MAC in any spelling, phone digits, address."""

import ipaddress
import re
from dataclasses import dataclass

from sqlalchemy import Select, String, cast, func, literal, literal_column, or_, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import ColumnElement, CompoundSelect

from core.columns import Cidr, Inet, Mac
from registry import macs
from registry.models import (
    Address,
    AddressKind,
    Contact,
    Customer,
    CustomerStatus,
    Device,
    ExternalIdentity,
    IpAddress,
)

_PHONE = re.compile(r"[+()\d][\d\s().+-]*")
_PART_OF_IP = re.compile(r"\d{1,3}(\.\d{1,3}){1,2}\.?|[0-9a-f]{1,4}(:[0-9a-f]{1,4})*::?")
_MINIMUM_PHONE_DIGITS = 5
_WORDS_LIMIT = 6


@dataclass(frozen=True, slots=True)
class Query:
    """What the text in the box may mean; a text can mean several things at once."""

    words: tuple[str, ...] = ()
    ip: str | None = None
    ip_part: str | None = None
    network: str | None = None
    mac: str | None = None
    mac_part: str | None = None
    phone_digits: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A customer the box found, with the address people tell namesakes apart by."""

    id: int
    number: str
    name: str
    status: CustomerStatus
    address: str


def read(text: str) -> Query:
    """Return what the text may mean; words are in lower case."""
    text = text.strip().lower()[:200]
    mac = macs.parse(text)
    ip = _address(text)
    network = _network(text) if ip is None else None
    is_part = ip is None and network is None and mac is None and _PART_OF_IP.fullmatch(text)
    return Query(
        words=() if ip or network or mac else tuple(text.split()[:_WORDS_LIMIT]),
        ip=ip,
        ip_part=text if is_part else None,
        network=network,
        mac=mac,
        mac_part=None if mac else macs.parse_part(text),
        phone_digits=None if ip or mac or network else _phone_digits(text),
    )


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _network(text: str) -> str | None:
    try:
        return str(ipaddress.ip_network(text, strict=False)) if "/" in text else None
    except ValueError:
        return None


def _phone_digits(text: str) -> str | None:
    """Return the digits without the national zero: phones are kept in E.164."""
    if not _PHONE.fullmatch(text):
        return None
    digits = re.sub(r"\D", "", text).lstrip("0")
    return digits if len(digits) >= _MINIMUM_PHONE_DIGITS else None


def matching(text: str) -> Select[int] | CompoundSelect[int]:
    """Return the select of the ids of the customers the text may mean."""
    query = read(text)
    parts: list[Select[int]] = []
    if query.words:
        parts.append(_by_words(query.words))
    if query.phone_digits:
        parts.append(select(Contact.customer_id).where(Contact.phone.contains(query.phone_digits)))
    if query.mac:
        mac = literal(query.mac, Mac)
        parts.append(select(IpAddress.customer_id).where(IpAddress.mac == mac))
        parts.append(_owners(Device.mac == mac))
    if query.mac_part:
        parts.append(select(IpAddress.customer_id).where(_contains(IpAddress.mac, query.mac_part)))
        parts.append(_owners(_contains(Device.mac, query.mac_part)))
    if text.strip():
        parts.append(_by_other_id(text.strip()))
    parts += _by_ip(query)
    return parts[0] if len(parts) == 1 else union(*(parts or [_none()]))


def _by_words(words: tuple[str, ...]) -> Select[int]:
    """Every word stands in the customer's name or number, in one of his addresses, or names his device."""
    chosen = select(Customer.id)
    for word in words:
        # "12" beside a street is a building, not the middle of a customer number.
        is_house = len(words) > 1 and word.isdigit()
        name, place = Customer.search_text, Address.search_text
        found = [
            select(Customer.id).where(
                or_(Customer.number == word, _begins_word(name, word)) if is_house else _holds(name, word)
            ),
            select(Address.customer_id).where(
                or_(place.startswith(word), _begins_word(place, word)) if is_house else _holds(place, word)
            ),
        ]
        chosen = chosen.where(Customer.id.in_(union(*found)))
    return chosen


def _by_other_id(text: str) -> Select[int]:
    """Whom another system knows by exactly this id, in the case it was typed in, or in one of both."""
    owner: ColumnElement[int] = cast(ExternalIdentity.object_id, Customer.id.type)
    spelled = {text, text.upper(), text.lower()}
    return select(owner).where(ExternalIdentity.kind == "customer", ExternalIdentity.external_id.in_(spelled))


def _holds(column: InstrumentedAttribute[str], part: str) -> ColumnElement[bool]:
    return column.contains(part, autoescape=True)


def _begins_word(column: InstrumentedAttribute[str], word: str) -> ColumnElement[bool]:
    return column.contains(f" {word}", autoescape=True)


def _by_ip(query: Query) -> list[Select[int]]:
    if query.ip:
        return [
            select(IpAddress.customer_id).where(IpAddress.address.op(">>=")(literal(query.ip, Inet))),
            _owners(Device.address == literal(query.ip, Inet)),
        ]
    if query.network:
        inside = literal(query.network, Cidr)
        return [
            select(IpAddress.customer_id).where(IpAddress.address.op("&&")(inside)),
            _owners(Device.address.op("<<=")(inside)),
        ]
    if query.ip_part:
        is_inside = func.host(IpAddress.address).startswith(query.ip_part, autoescape=True)
        return [select(IpAddress.customer_id).where(is_inside)]
    return []


def _owners(condition: ColumnElement[bool]) -> Select[int]:
    owner: ColumnElement[int] = cast(Device.customer_id, Customer.id.type)
    return select(owner).where(Device.customer_id.is_not(None), condition)


def _contains(column: object, part: str) -> ColumnElement[bool]:
    return cast(column, String).contains(part)


def _none() -> Select[int]:
    return select(Customer.id).where(literal_column("false"))


def search(session: Session, text: str, *, limit: int = 8) -> list[Hit]:
    """Return the customers the text may mean: an exact number first, then by name."""
    if not text.strip():
        return []
    place = Address.city + " " + Address.street + " " + Address.building
    query = (
        select(Customer, func.coalesce(place, "").label("place"))
        .outerjoin(Address, (Address.customer_id == Customer.id) & (Address.kind == AddressKind.VISITING))
        .where(or_(Customer.id.in_(matching(text)), Customer.number == text.strip()))
        .order_by((Customer.number == text.strip()).desc(), Customer.sort_name, Customer.id)
        .limit(limit)
    )
    return [
        Hit(customer.id, customer.number, customer.name, customer.status, address.strip())
        for customer, address in session.execute(query)
    ]
