"""From records and answers to evidence: what was not asked, or gave no answer, says why."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from netdiag.diagnosis import Evidence, NotChecked
from netdiag.diagnosis.evidence import (
    AccountEvidence,
    AddressesEvidence,
    AddressEvidence,
    DeviceEvidence,
    Lock,
    MacAnswer,
    MacEvidence,
    Parent,
    PingEvidence,
    PopEvidence,
    PortEvidence,
)
from netdiag.text import N_, Private, Text
from registry.diagnosis_facts import DeviceFacts, LineFacts, Owner, ServiceFacts
from registry.models import DeviceRole
from tasks.diagnosis_questions import large_size

Answer = TypeVar("Answer")
PENDING = NotChecked(N_("it is still being measured"))
_NO_ADDRESS = NotChecked(N_("no IP address of it is on file"))


def assemble(
    facts: LineFacts,
    answers: Mapping[str, Any],
    *,
    measured_from: str,
    is_worker_alive: bool,
    taken_at: datetime,
    owners: Mapping[str, Text],
    extras: Mapping[str, Any],
) -> Evidence:
    """Return the evidence as far as it is in; `extras` are parts that need no question of ours."""
    return Evidence(
        account=_account(facts.services, taken_at),
        pop=_pop(facts, answers, measured_from, is_worker_alive=is_worker_alive),
        device=_device(facts, answers, taken_at),
        port=_port(facts, answers),
        onu=_onu(facts, answers),
        mac=_mac(facts, answers, owners),
        addresses=_addresses(facts, answers, owners),
        taken_at=taken_at,
        **extras,
    )


def _of(answers: Mapping[str, Any], key: str) -> Any:
    return answers.get(key, PENDING)


def _account(services: Iterable[ServiceFacts], taken_at: datetime) -> AccountEvidence:
    """Return the account's state: of several services the one that is worst off."""
    running = list(services)
    if not running:
        return AccountEvidence(has_service=False)
    worst = max(running, key=lambda one: (bool(one.locks), one.wanted == "closed", one.applied != "open"))
    zone = taken_at.tzinfo
    return AccountEvidence(
        locks=tuple(
            Lock(lock.reason, lock.placed_at.astimezone(zone).date().isoformat()) for lock in worst.locks
        ),
        open_beside=sum(1 for one in running if one is not worst and not one.locks),
        wanted=_access(worst.wanted),
        applied=_access(worst.applied),
        observed=_access(worst.observed),
        gate_error=worst.error,
    )


def _access(word: str | None) -> Any:
    return word if word in ("open", "closed") else None


def _pop(
    facts: LineFacts, answers: Mapping[str, Any], measured_from: str, *, is_worker_alive: bool
) -> PopEvidence:
    gateway = facts.gateway
    none = NotChecked(N_("no gateway is on file for the customer's network"))
    ping: PingEvidence | NotChecked = none
    snmp: Any = none
    if gateway is not None:
        ping = _of(answers, "gateway.ping") if gateway.address else _NO_ADDRESS
        snmp = NotChecked(_no_snmp(gateway.name))
        if gateway.has_snmp:
            spoken = _of(answers, "gateway.snmp")
            snmp = spoken if isinstance(spoken, NotChecked) else spoken[0]
    return PopEvidence(
        name=facts.pop,
        is_worker_alive=is_worker_alive,
        measured_from=measured_from,
        gateway=gateway.name if gateway else "",
        gateway_ping=ping,
        gateway_snmp=snmp,
    )


def _device(facts: LineFacts, answers: Mapping[str, Any], at: datetime) -> DeviceEvidence | NotChecked:
    device = facts.device
    if device is None:
        return NotChecked(N_("no access device is on file for this customer"))
    uptime_s = None
    snmp: Any = NotChecked(_no_snmp(device.name))
    if device.has_snmp:
        spoken = _of(answers, "device.snmp")
        snmp, uptime_s = (spoken, None) if isinstance(spoken, NotChecked) else spoken
    parents = []
    for place, parent in enumerate(facts.parents):
        found = _of(answers, f"parent.{place}") if parent.address else _NO_ADDRESS
        is_dead = None if isinstance(found, NotChecked) else found.is_silent
        parents.append(Parent(parent.name, is_dead, _dead_for_s(parent, at)))
    return DeviceEvidence(
        name=device.name,
        ping=_of(answers, "device.ping") if device.address else _NO_ADDRESS,
        snmp=snmp,
        uptime_s=uptime_s,
        dead_for_s=_dead_for_s(device, at),
        parents=tuple(parents),
    )


def _dead_for_s(device: DeviceFacts, at: datetime) -> float | None:
    return None if device.died_at is None else max(0.0, (at - device.died_at).total_seconds())


def _onu(facts: LineFacts, answers: Mapping[str, Any]) -> Any:
    if facts.device is None or not _is_olt(facts):
        return NotChecked(N_("the customer is not on an OLT"))
    if not facts.device.has_snmp:
        return NotChecked(_no_snmp(facts.device.name))
    return _of(answers, "onu")


def _port(facts: LineFacts, answers: Mapping[str, Any]) -> Any:
    why = _unread(facts)
    found = NotChecked(why) if why else _of(answers, "port")
    if isinstance(found, PortEvidence) and _is_olt(facts) and found.oper == "up":
        # That the PON port of all is up says nothing of one customer: his ONU does.
        return NotChecked(N_("PON port %(port)s is up, which says nothing of one ONU on it", port=found.name))
    return found


def _is_olt(facts: LineFacts) -> bool:
    return facts.device is not None and facts.device.role is DeviceRole.OLT


def _unread(facts: LineFacts) -> Text | None:
    """Return why the port on file cannot be read, None when it can."""
    if facts.port is None or facts.device is None:
        return N_("no switch port is on file for this customer")
    return None if facts.device.has_snmp else _no_snmp(facts.device.name)


def _no_snmp(name: str) -> Text:
    return N_("%(device)s has no SNMP access on file", device=name)


def _mac(facts: LineFacts, answers: Mapping[str, Any], owners: Mapping[str, Text]) -> MacEvidence:
    why = _unread(facts)
    places: Any = NotChecked(N_("no MAC is on file to look for"))
    if facts.device is None or not facts.device.has_snmp:
        none = N_("no access device is on file")
        places = NotChecked(_no_snmp(facts.device.name) if facts.device else none)
    elif facts.macs:
        places = _of(answers, "mac.places")
    return MacEvidence(
        on_file=facts.macs,
        on_port=NotChecked(why) if why else _of(answers, "mac.port"),
        places=places,
        owners=tuple(owners.items()),
        port_is_shared=facts.port is not None and (facts.port.is_shared or _is_olt(facts)),
    )


def _addresses(facts: LineFacts, answers: Mapping[str, Any], owners: Mapping[str, Text]) -> AddressesEvidence:
    found = []
    for place, one in enumerate(facts.addresses):
        reached = _of(answers, f"ip.{place}.ping")
        ping, is_own = (reached, False) if isinstance(reached, NotChecked) else reached
        found.append(
            AddressEvidence(
                address=one.address,
                ping=ping,
                large=_of(answers, f"ip.{place}.large"),
                large_size=large_size(one.address),
                mac_on_file=one.mac,
                answer=_of(answers, f"ip.{place}.mac"),
                owners=tuple(owners.items()),
                is_own_segment=is_own,
            )
        )
    return AddressesEvidence(addresses=tuple(found))


def owner(found: Owner) -> Text:
    """Return in words whose a MAC is."""
    number = Private(found.customer)
    if found.address:
        return N_(
            "customer %(number)s's, on file for %(address)s", number=number, address=Private(found.address)
        )
    if found.customer:
        return N_("a device of customer %(number)s", number=number)
    return N_("our own %(device)s", device=found.device)


def foreign_macs(facts: LineFacts, answers: Mapping[str, Any]) -> set[str]:
    """Return the MACs that were seen and are not on file for this customer."""
    seen: set[str] = set()
    on_port = answers.get("mac.port")
    if isinstance(on_port, tuple):
        seen.update(on_port[:16])
    for place in range(len(facts.addresses)):
        answer = answers.get(f"ip.{place}.mac")
        if isinstance(answer, MacAnswer):
            seen.update(answer.macs)
    return seen - set(facts.macs)


def highest_silent(facts: LineFacts, answers: Mapping[str, Any]) -> DeviceFacts | None:
    """Return the device farthest up that was asked and gave no sign, if any."""
    found = None
    for place, parent in enumerate(facts.parents):
        ping = answers.get(f"parent.{place}")
        if isinstance(ping, PingEvidence) and ping.is_silent:
            found = parent
    return found


def answered(facts: LineFacts, answers: Mapping[str, Any]) -> list[str]:
    """Return the addresses that were heard: by echo, or by their MAC on the wire."""
    heard = []
    for place, one in enumerate(facts.addresses):
        reached, answer = answers.get(f"ip.{place}.ping"), answers.get(f"ip.{place}.mac")
        is_heard = isinstance(reached, tuple) and reached[0].is_answered
        is_live = isinstance(answer, MacAnswer) and answer.is_live and bool(answer.macs)
        if is_heard or is_live:
            heard.append(one.address)
    return heard
