"""From records and answers to evidence: what was not asked, or gave no answer, says why."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from netdiag.diagnosis import Evidence, NotChecked, StageKey, words
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
    SessionEvidence,
)
from netdiag.text import N_, Private, Text
from registry import line_history
from registry.diagnosis_facts import DeviceFacts, LineFacts, Owner, ServiceFacts
from registry.line_history import AccountingFacts
from registry.models import DeviceRole
from tasks import diagnosis_measured
from tasks.hands import large_size

Answer = TypeVar("Answer")
HOUR = timedelta(hours=1)
# Accounting reports a session every few minutes; one not heard of for so long says nothing about now.
REPORTED_S = 3600.0
_NO_ACCOUNTING = AccountingFacts()
PENDING = NotChecked(N_("it is still being measured"))
_NO_ADDRESS = NotChecked(N_("no IP address of it is on file"))


@dataclasses.dataclass(frozen=True, slots=True)
class History:
    """What was noted before this run, and the moment of it: what the port and the session are judged with."""

    taken_at: datetime
    port_changes: tuple[datetime, ...] = ()
    accounting: AccountingFacts = _NO_ACCOUNTING


def assemble(
    facts: LineFacts,
    answers: Mapping[str, Any],
    *,
    measured_from: str,
    is_worker_alive: bool,
    history: History,
    owners: Mapping[str, Text],
    extras: Mapping[str, Any],
) -> Evidence:
    """Return the evidence as far as it is in; `extras` are parts that need no question of ours."""
    taken_at = history.taken_at
    if facts.customer_id is None:
        return _bare(facts, answers, measured_from, history, owners, is_worker_alive=is_worker_alive)
    return Evidence(
        account=_account(facts.services, taken_at),
        pop=_pop(facts, answers, measured_from, is_worker_alive=is_worker_alive),
        device=_device(facts, answers, taken_at),
        port=_port(facts, answers, history),
        onu=_onu(facts, answers),
        mac=_mac(facts, answers, owners),
        addresses=_addresses(facts, answers, owners, history),
        taken_at=taken_at,
        **extras,
    )


def _bare(
    facts: LineFacts,
    answers: Mapping[str, Any],
    measured_from: str,
    history: History,
    owners: Mapping[str, Text],
    *,
    is_worker_alive: bool,
) -> Evidence:
    """Return the evidence of a device or port by itself; what belongs to a customer's line is left out."""
    none = NotChecked(N_("no customer is named: this is our device by itself"))
    no_port = NotChecked(N_("no port is named: this is the whole device"))
    left_out = {StageKey.ACCOUNT, StageKey.INCIDENT, StageKey.MAC, StageKey.ADDRESS, StageKey.QUALITY}
    mac: MacEvidence | NotChecked = none
    learned = answers.get("mac.port")
    if isinstance(learned, tuple) and learned:
        mac = _mac(facts, answers, owners)
    return Evidence(
        account=none,
        incident=none,
        pop=_pop(facts, answers, measured_from, is_worker_alive=is_worker_alive),
        device=_device(facts, answers, history.taken_at),
        port=_port(facts, answers, history) if facts.port else no_port,
        onu=none,
        mac=mac,
        addresses=none,
        baseline=none,
        neighbours=none,
        taken_at=history.taken_at,
        left_out=frozenset(left_out if facts.port else left_out | {StageKey.PORT}),
    )


def _of(answers: Mapping[str, Any], key: str) -> Any:
    return answers.get(key, PENDING)


def _account(services: Iterable[ServiceFacts], taken_at: datetime) -> AccountEvidence:
    """Return the account's state: of several services the one that is worst off."""
    running = list(services)
    if not running:
        return AccountEvidence(has_service=False)
    worst = max(
        running, key=lambda one: (bool(one.locks), _access(one.wanted) == "closed", one.applied != "open")
    )
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


# A noticed or slowed line answers; in the walled garden nothing but the garden does.
_ACCESS = {"open": "open", "notice": "open", "slow": "open", "walled": "closed", "closed": "closed"}


def _access(word: str | None) -> Any:
    return _ACCESS.get(word or "")


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


def _port(facts: LineFacts, answers: Mapping[str, Any], history: History) -> Any:
    why = _unread(facts)
    found = NotChecked(why) if why else _of(answers, "port")
    is_of_many = _is_olt(facts) and facts.customer_id is not None
    if isinstance(found, PortEvidence) and is_of_many and found.oper == "up":
        # That the PON port of all is up says nothing of one customer: his ONU does.
        return NotChecked(N_("PON port %(port)s is up, which says nothing of one ONU on it", port=found.name))
    if not isinstance(found, PortEvidence):
        return found
    speeds = [one.speed_bps for one in facts.services if not one.locks]
    changed = diagnosis_measured.changed_at(found, history.taken_at)
    moments = [*history.port_changes, *([changed] if changed else [])]
    return dataclasses.replace(
        found,
        expected_speed_bps=max(speeds, default=0) or None,
        changes_an_hour=line_history.distinct(moments, history.taken_at - HOUR) if moments else None,
    )


def session_of(found: AccountingFacts, taken_at: datetime) -> SessionEvidence | NotChecked:
    """Return the customer's session as accounting reported it; leases of DHCP have no source here."""
    if not found.is_connected:
        return NotChecked(N_("no DHCP or RADIUS source is connected"))
    if found.session is None:
        return NotChecked(N_("accounting has reported no session of this customer"))
    name, session = N_("RADIUS session"), found.session
    if session.ended_at is not None:
        gone_s = max(0.0, (taken_at - session.ended_at).total_seconds())
        return SessionEvidence(name, "none", since_s=gone_s)
    silent_s = (taken_at - session.heard_at).total_seconds()
    if silent_s > REPORTED_S:
        why = N_("the session's last report is %(span)s old", span=words.span(silent_s) or words.DASH)
        return NotChecked(why)
    return SessionEvidence(name, "active", since_s=max(0.0, silent_s) + session.length_s)


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


def _addresses(
    facts: LineFacts, answers: Mapping[str, Any], owners: Mapping[str, Text], history: History
) -> AddressesEvidence:
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
    return AddressesEvidence(tuple(found), session=session_of(history.accounting, history.taken_at))


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
