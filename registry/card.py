"""The customer card: everything its first screen shows, in seven SELECTs; an eighth only for a debtor."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.sql import ColumnElement

from billing import access, debt, instalments, unit_prices
from billing.models import (
    Account,
    LockReason,
    Plan,
    Promise,
    PromiseStatus,
    Subscription,
    SubscriptionAccess,
    SuspensionLock,
)
from core import errors
from core.money import Money
from registry import addresses, contacts, equipment, gate_choice, warned, watched
from registry.card_views import (
    AddressView,
    BalanceView,
    Card,
    ContactView,
    DeviceView,
    GroupView,
    IpView,
    LockView,
    NoteView,
    PortView,
    ServiceView,
)
from registry.lines import gate_of_line
from registry.listing import MarkView
from registry.models import (
    Connection,
    Contact,
    Customer,
    Device,
    ExternalIdentity,
    Group,
    IpAddress,
    Line,
    LineGate,
    Mark,
    Network,
    Note,
    Port,
    SeriesKind,
    WarningFlag,
    WatchSeries,
    WatchStatus,
    customer_groups,
    customer_marks,
)
from registry.warned import WarningView


def load(
    session: Session,
    customer_id: int,
    *,
    today: date,
    grace_days: int = 0,
    excluded_groups: Sequence[int] = (),
) -> Card:
    """Return the customer's card on that business day; raises NotFound.

    `grace_days` is the cutoff's default grace: it tells what is overdue from what is only past due;
    `excluded_groups` are those debt never cuts by the policy.
    """
    row = session.execute(
        _head(today, grace_days, excluded_groups).where(Customer.id == customer_id)
    ).one_or_none()
    if row is None:
        raise errors.NotFound("There is no such customer")
    customer, account = row.Customer, row.Account
    return Card(
        id=customer.id,
        number=customer.number,
        name=customer.name,
        representative=customer.representative,
        dba=customer.dba,
        kind=customer.kind,
        status=customer.status,
        alert=customer.alert,
        version=customer.version,
        created_at=customer.created_at,
        groups=tuple(GroupView(**group) for group in row.groups),
        marks=tuple(MarkView(**mark) for mark in row.marks),
        urgent_notes=tuple(_note(note) for note in row.notes),
        contacts=tuple(_contact(contact) for contact in row.contacts),
        addresses=_addresses(session, customer_id),
        services=_services(session, account, today),
        devices=_devices(session, customer_id),
        ips=_ips(session, customer_id),
        ports=_ports(session, customer_id),
        balance=_balance(session, account, row, today),
        other_ids=tuple(f"{one['system']} {one['external_id']}" for one in row.other_ids),
        warnings=tuple(_warning(one) for one in row.warnings),
    )


def _list(query: Any, *order: Any, **fields: Any) -> ColumnElement[Any]:
    """Return a subselect that gathers rows into one JSON list, in order."""
    pairs = [part for name, column in fields.items() for part in (name, column)]
    gathered = func.jsonb_agg(aggregate_order_by(func.jsonb_build_object(*pairs), *order))
    listed = query.with_only_columns(func.coalesce(gathered, func.jsonb_build_array()))
    return listed.correlate(Customer).scalar_subquery()  # type: ignore[no-any-return]


def _head(today: date, grace_days: int, excluded_groups: Sequence[int]) -> Select[Any]:
    """The customer with account, debt, groups, marks, urgent notes, contacts, promise, parts: one SELECT."""
    stands = Promise.account_id == Account.id, Promise.status == PromiseStatus.ACTIVE
    until, promised = (
        select(column).where(*stands).correlate(Account).scalar_subquery()
        for column in (Promise.until, Promise.amount_minor)
    )
    grace = debt.grace_of(grace_days)
    return select(
        Customer,
        Account,
        debt.owed_minor(today, grace).label("overdue"),
        debt.owed_minor(today, literal(0)).label("past_due"),
        until.label("promise_until"),
        promised.label("promised_minor"),
        instalments.until_of().label("instalments_until"),
        debt.never_cut(excluded_groups).label("is_never_cut"),
        *_labels(),
        *_papers(),
    ).join(Account, Account.id == Customer.account_id)


def _labels() -> Iterator[Any]:
    """The customer's groups, marks and warnings, each as one list."""
    groups = select(Group).join(customer_groups, customer_groups.c.group_id == Group.id)
    groups = groups.where(customer_groups.c.customer_id == Customer.id)
    yield _list(groups, Group.name, id=Group.id, name=Group.name).label("groups")
    marks = select(Mark).join(customer_marks, customer_marks.c.mark_id == Mark.id)
    marks = marks.where(customer_marks.c.customer_id == Customer.id)
    yield _list(marks, Mark.name, id=Mark.id, name=Mark.name, colour=Mark.colour).label("marks")
    warnings = warned.everywhere().where(WarningFlag.customer_id == Customer.id)
    yield _list(warnings, *warned.order(), **warned.fields()).label("warnings")


def _papers() -> Iterator[Any]:
    """The customer's urgent notes, ids in other systems and contacts, each as one list."""
    notes = select(Note).where(Note.customer_id == Customer.id, Note.is_urgent)
    fields = {"id": Note.id, "content": Note.content, "author": Note.author, "created_at": Note.created_at}
    yield _list(notes, Note.id.desc(), **fields).label("notes")
    known = select(ExternalIdentity).where(
        ExternalIdentity.kind == "customer", ExternalIdentity.object_id == Customer.id
    )
    ids = {"system": ExternalIdentity.system, "external_id": ExternalIdentity.external_id}
    yield _list(known, ExternalIdentity.id, **ids).label("other_ids")
    people = select(Contact).where(Contact.customer_id == Customer.id)
    names = ("id", "name", "title", "phone", "email", "is_primary")
    columns = {name: getattr(Contact, name) for name in names}
    yield _list(people, Contact.is_primary.desc(), Contact.id, **columns).label("contacts")


def _note(found: dict[str, Any]) -> NoteView:
    return NoteView(**{**found, "created_at": datetime.fromisoformat(found["created_at"])})


def _warning(found: dict[str, Any]) -> WarningView:
    return WarningView(**{**found, "set_at": datetime.fromisoformat(found["set_at"])})


def _contact(found: dict[str, Any]) -> ContactView:
    return ContactView(**found, phone_shown=contacts.readable_phone(found["phone"]))


def _addresses(session: Session, customer_id: int) -> tuple[AddressView, ...]:
    fields = AddressView.__slots__
    return tuple(
        AddressView(**{field: getattr(address, field) for field in fields})
        for address in addresses.of_customer(session, customer_id)
    )


def _balance(session: Session, account: Account, row: Any, today: date) -> BalanceView:
    oldest = None
    if row.past_due > 0:
        oldest = debt.oldest_due(session, {account.id: account.balance_minor}).get(account.id)
    return BalanceView(
        account_id=account.id,
        balance=Money(account.balance_minor, account.currency),
        overdue=Money(row.overdue, account.currency),
        past_due=Money(row.past_due, account.currency),
        oldest_due_on=oldest,
        days_overdue=debt.days_over(oldest, today),
        promise_until=row.promise_until,
        promised=Money(row.promised_minor or 0, account.currency),
        instalments_until=row.instalments_until,
        is_never_cut=row.is_never_cut,
        never_cut_note=account.never_cut_note,
    )


def _services(session: Session, account: Account, today: date) -> tuple[ServiceView, ...]:
    """Return the subscriptions that have not ended long ago: running ones first; one SELECT."""
    lock = SuspensionLock
    locks = (
        select(
            func.coalesce(
                func.jsonb_agg(
                    aggregate_order_by(
                        func.jsonb_build_array(
                            lock.reason, lock.owner, lock.note, lock.placed_at, lock.until
                        ),
                        lock.id,
                    )
                ),
                func.jsonb_build_array(),
            )
        )
        .where(lock.subscription_id == Subscription.id, lock.lifted_at.is_(None))
        .correlate(Subscription)
        .scalar_subquery()
    )
    query = (
        select(
            *(Subscription, Plan, SubscriptionAccess, Line, LineGate),
            *(gate_choice.source(), locks, access.is_running(today), unit_prices.column()),
        )
        .join(Plan, Plan.id == Subscription.plan_id)
        .outerjoin(SubscriptionAccess, SubscriptionAccess.subscription_id == Subscription.id)
        .outerjoin(Line, Line.subscription_id == Subscription.id)
        .outerjoin(LineGate, gate_of_line())
        .where(Subscription.account_id == account.id)
        .order_by(access.is_running(today).desc(), Subscription.ends_on.desc().nulls_first(), Subscription.id)
        .limit(20)
    )
    return tuple(_service(account.currency, *row) for row in session.execute(query))


def _service(currency: str, *row: Any) -> ServiceView:
    subscription, plan, state, line, gate, gate_source, locks, is_running, unit_minor = row
    fields = (
        *("wanted", "wanted_at", "applied", "applied_at", "observed", "observed_at"),
        *("reconnect_ms", "reconnected_at", "is_bare"),
    )
    pauses = (state.next_attempt_at if state else None, gate.paused_until if gate else None)
    return ServiceView(
        id=subscription.id,
        plan=plan.name,
        price=Money(unit_minor, currency),
        quantity=subscription.quantity,
        period=plan.period,
        is_net=plan.is_net,
        down_kbps=plan.down_kbps,
        up_kbps=plan.up_kbps,
        starts_on=subscription.starts_on,
        ends_on=subscription.ends_on,
        is_running=is_running,
        line_id=line.id if line else None,
        login=(line.login or "") if line else "",
        gate=gate.name if gate and line else "",
        gate_source=gate_source if gate and line else "",
        gate_error=gate.error if gate and line else "",
        **{field: getattr(state, field) if state else None for field in fields},
        next_attempt_at=max((pause for pause in pauses if pause), default=None),
        attempts=state.attempts if state else 0,
        error=(state.error or "") if state else "",
        locks=tuple(_lock(*lock) for lock in locks),
    )


def _lock(reason: str, owner: str, note: str, placed_at: str, until: str | None) -> LockView:
    ends = datetime.fromisoformat(until) if until else None
    return LockView(LockReason(reason), owner, note, datetime.fromisoformat(placed_at), ends)


def _devices(session: Session, customer_id: int) -> tuple[DeviceView, ...]:
    query = (
        select(Device, WatchStatus)
        .options(joinedload(Device.type))
        .where(Device.customer_id == customer_id)
        .order_by(Device.name, Device.id)
    )
    return tuple(
        DeviceView(
            id=device.id,
            name=device.name,
            type=device.type.name,
            role=device.type.role,
            mac=device.mac,
            address=device.address,
            web_url=equipment.web_url(device),
            serial=device.serial,
            software=device.software,
            has_snmp=bool(device.snmp_version),
            has_login=bool(device.login_sealed),
            watched=watched.of(status, device),
            state=device.state,
            state_at=device.state_at,
            status_at=device.last_status_at,
        )
        for device, status in session.execute(_with_status(query, WatchSeries.device_id == Device.id))
    )


def _with_status(query: Any, is_its: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Join the status of the echoes of what `is_its` says."""
    of_echoes = is_its & (WatchSeries.kind == SeriesKind.PING)
    joined = query.outerjoin(WatchSeries, of_echoes)
    return joined.outerjoin(WatchStatus, WatchStatus.series_id == WatchSeries.id)  # type: ignore[no-any-return]


def _ips(session: Session, customer_id: int) -> tuple[IpView, ...]:
    query = (
        select(IpAddress, Network, Device, WatchStatus)
        .join(Network, Network.id == IpAddress.network_id)
        .outerjoin(Device, Device.id == IpAddress.device_id)
        .options(joinedload(Device.type))
        .where(IpAddress.customer_id == customer_id)
        .order_by(IpAddress.address)
    )
    return tuple(
        IpView(
            id=ip.id,
            address=ip.address,
            mac=ip.mac,
            network_id=network.id,
            network=network.name,
            cidr=network.cidr,
            colour=ip.colour or network.colour,
            description=ip.description,
            last_seen_at=ip.last_seen_at,
            watched=watched.of(status, ip),
            device_id=ip.device_id,
            web_url=equipment.web_url_at(device.type, ip.address) if device and not ip.is_prefix else None,
        )
        for ip, network, device, status in session.execute(
            _with_status(query, WatchSeries.ip_id == IpAddress.id)
        )
    )


def _ports(session: Session, customer_id: int) -> tuple[PortView, ...]:
    other = Connection.__table__.alias("other")
    shared = (
        select(func.array_agg(aggregate_order_by(Customer.number, Customer.number)))
        .join(other, other.c.customer_id == Customer.id)
        .where(other.c.port_id == Connection.port_id, other.c.customer_id != customer_id)
        .correlate(Connection)
        .scalar_subquery()
    )
    query = (
        select(Connection, Port, Device, shared, WatchStatus)
        .join(Port, Port.id == Connection.port_id)
        .join(Device, Device.id == Port.device_id)
        .where(Connection.customer_id == customer_id)
        .order_by(Connection.id)
    )
    return tuple(
        PortView(
            id=connection.id,
            port_id=port.id,
            device_id=device.id,
            device=device.name,
            device_address=device.address,
            name=port.name,
            if_index=port.if_index,
            vlan=connection.vlan,
            watched=watched.of(status, device),
            state=device.state,
            state_at=device.state_at,
            shared_with=tuple(numbers or ()),
        )
        for connection, port, device, numbers, status in session.execute(
            _with_status(query, WatchSeries.device_id == Device.id)
        )
    )
