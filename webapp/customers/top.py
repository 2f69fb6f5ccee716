"""The top of a card: what an operator must know before anything else, and the figures."""

from dataclasses import dataclass
from datetime import datetime

from billing.models import AccessState, LockReason
from desk.tickets import TicketView
from registry.card_views import Card, ContactView, DeviceView, IpView, ServiceView
from registry.models import DeviceRole
from registry.watched import PREFIX

_AT_HOME = (DeviceRole.CPE, DeviceRole.ONU, DeviceRole.ROUTER, DeviceRole.RADIO)


@dataclass(frozen=True, slots=True)
class Top:
    """`access` is a word of registry.list_orders.ACCESS_ORDER, of the running services taken together."""

    access: str
    reasons: tuple[LockReason, ...]
    is_settled: bool
    is_contradicted: bool
    observed_at: datetime | None
    device: DeviceView | None
    address: IpView | None
    contact: ContactView | None
    task: TicketView | None


def of(card: Card, task: TicketView | None) -> Top:
    """Return the top of this card."""
    running = [service for service in card.services if service.is_running]
    seen = [service.observed_at for service in running if service.observed_at]
    at_home = [device for device in card.devices if device.role in _AT_HOME]
    return Top(
        access=_access(running),
        reasons=tuple(dict.fromkeys(lock.reason for service in running for lock in service.locks)),
        is_settled=all(service.is_settled for service in running),
        is_contradicted=any(service.is_contradicted for service in running),
        observed_at=min(seen) if seen else None,
        device=next(iter([*at_home, *card.devices]), None),
        address=max(card.ips, key=_seen, default=None),
        contact=next((contact for contact in card.contacts if contact.phone), None),
        task=task,
    )


def _seen(ip: IpView) -> tuple[bool, float]:
    """A prefix stands for the customer only where he has no address."""
    return ip.watched.word != PREFIX, ip.last_seen_at.timestamp() if ip.last_seen_at else 0.0


def _access(running: list[ServiceView]) -> str:
    if not running:
        return "none"
    if any(service.error for service in running):
        return "failing"
    states = {service.wanted or AccessState.OPEN for service in running}
    if len(states) > 1:
        return "mixed"
    return states.pop().value
